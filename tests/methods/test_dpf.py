"""DPF: dense updates, masks held between choices over all layers, weights that come back."""

import torch
from rewiring import counts, masks, trained
from torch import nn

import swatlib
from swatlib.methods.dpf import dpf
from swatlib.methods.held_weight import held
from swatlib.methods.rising import resize_, resized
from swatlib.methods.static import held_recipe
from swatlib.selectors import TopK, kept_count
from swatlib.testing.network import assert_same_weights
from swatlib.training import Run, train_run


def test_inactive_weights_move_and_masks_stay_between_choices() -> None:
    seen: list[list[torch.Tensor]] = []
    weights: list[list[torch.Tensor]] = []

    def look(step: int, model: nn.Module, _: object) -> None:
        seen.append(masks(model))
        weights.append([one.weight.detach().clone() for one in held(model)])

    model = trained(dpf(0.8, every=4), 16, look)
    moved = [
        i + 2
        for i in range(15)
        if any(not torch.equal(a, b) for a, b in zip(seen[i], seen[i + 1], strict=True))
    ]
    assert moved == [4, 8, 12]
    outside = [~mask for mask in seen[-1]]
    for before, after, where in zip(weights[-2], weights[-1], outside, strict=True):
        assert (before[where] != after[where]).any()
        assert after[where].all()
    sizes = [one.weight.numel() for one in held(model)]
    assert sum(counts(model)) == sum(kept_count(n, 0.8) for n in sizes)
    assert counts(model) != [kept_count(n, 0.8) for n in sizes]
    assert all(mask.all() for mask in seen[0])


def test_the_masks_are_the_largest_of_all_layers() -> None:
    model = trained(dpf(0.8, every=4), 4, total=4)
    method = resized(swatlib.method("dpf", 0.8), lambda s: s)
    resize_(model, method, together=True, revive=True)
    magnitudes = torch.cat([one.weight.abs().flatten() for one in held(model)])
    chosen = torch.cat([one.mask.flatten() for one in held(model)])
    assert magnitudes[chosen].min() >= magnitudes[~chosen].max()


def test_a_weight_can_return() -> None:
    layer = nn.Linear(2, 2, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[0.1, 0.5], [0.6, 0.7]]))
    swatlib.sparsify_(layer, held_recipe("DPF", 0.5, "magnitude", first_layer_dense=False))
    (one,) = held(layer)
    assert one.mask.tolist() == [[False, False], [True, True]]
    with torch.no_grad():
        layer.weight[0, 0] = 9.0
    method = swatlib.method("dpf", 0.5, first_layer_dense=False)
    resize_(layer, method, revive=True)
    assert one.mask.tolist() == [[True, False], [False, True]]
    assert layer.weight[0, 1] == 0.5


def test_in_every_step_and_by_layer_it_is_swat_of_the_weights_alone() -> None:
    """Period 1, constant sparsity, each layer for itself."""
    method = dpf(0.8, initial=0.8, every=1, until=1.0, together=False)
    topk = TopK(0.8, exact=True)
    swat = swatlib.Recipe("weights only", forward_weight=topk, input_grad_weight=topk)
    ends = [trained(one, 8) for one in (method, swatlib.Method(swat))]
    assert_same_weights(*ends, "in every step")


def test_digits_are_learnt() -> None:
    run = Run(width=8, epochs=2, images=600, batch_size=64, method="dpf", sparsity=0.7)
    assert train_run(run, "cpu")["test_accuracy"] > 30
