"""GMP: dense at first, nested masks, the cubic, and its sparsity at the end."""

import itertools

import pytest
import torch
from rewiring import counts, masks, trained
from torch import nn

import swatlib
from swatlib.methods.gmp import gmp
from swatlib.methods.held_weight import held
from swatlib.selectors import kept_count, topk_mask
from swatlib.training import Run, train_run


def test_masks_are_nested_and_follow_the_cubic() -> None:
    seen: list[list[torch.Tensor]] = []

    def look(step: int, model: nn.Module, _: object) -> None:
        seen.append(masks(model))
        for one in held(model):
            assert not one.weight[~one.mask].any()

    model = trained(gmp(0.8, every=1, begin=0.2, until=0.8), 20, look)
    sizes = [one.weight.numel() for one in held(model)]
    assert all(mask.all() for now in seen[:4] for mask in now)
    for a, b in itertools.pairwise(seen):
        assert all(not (y & ~x).any() for x, y in zip(a, b, strict=True))
    # In the middle of the ramp, after 10 of 20 steps, seven eighths are done.
    assert [int(m.sum()) for m in seen[9]] == [kept_count(n, 0.7) for n in sizes]
    assert counts(model) == [kept_count(n, 0.8) for n in sizes]
    assert all(torch.equal(a, b) for a, b in zip(seen[15], seen[-1], strict=True))


def test_each_pruning_keeps_the_largest_of_its_layer() -> None:
    before: list[torch.Tensor] = []

    def look(step: int, model: nn.Module, _: object) -> None:
        if step == 1:
            before.extend(one.weight.detach().clone() for one in held(model))

    model = trained(gmp(0.8, every=1, begin=0.2, until=0.5), 4, look)
    assert counts(model) == [kept_count(one.weight.numel(), 0.8) for one in held(model)]
    assert len(before) == 4


def test_it_can_prune_over_all_layers() -> None:
    model = trained(gmp(0.8, every=1, together=True), 8)
    sizes = [one.weight.numel() for one in held(model)]
    assert sum(counts(model)) == sum(kept_count(n, 0.8) for n in sizes)
    assert counts(model) != [kept_count(n, 0.8) for n in sizes]


def test_erk_gives_each_layer_its_own_end() -> None:
    model = trained(swatlib.method("gmp", 0.8, allocation="erk", every=1), 8)
    wanted = [
        kept_count(layer.weight.numel(), layer.recipe.forward_weight.sparsity)  # type: ignore[union-attr]
        for _, layer in swatlib.sparse_layers(model)
    ]
    assert counts(model) == wanted
    assert len({n / one.weight.numel() for n, one in zip(wanted, held(model), strict=True)}) > 2


def test_a_dense_start_and_no_pruning_is_dense_training() -> None:
    model = trained(gmp(0.8, every=1, begin=0.9, until=1.0), 4, total=60)
    dense = trained(swatlib.method("dense"), 4)
    for a, b in zip(model.parameters(), dense.parameters(), strict=True):
        assert torch.equal(a, b)
    assert all(topk_mask(a, 0.0).all() for a in model.parameters())


def test_bad_values() -> None:
    with pytest.raises(ValueError, match=r"until must be above begin, 0\.8, got 0\.75"):
        gmp(0.5, begin=0.8)
    with pytest.raises(ValueError, match="ramp must not be set for 'GMP'"):
        swatlib.method("gmp", 0.5, ramp=0.5)


def test_digits_are_learnt() -> None:
    run = Run(width=8, epochs=2, images=600, batch_size=64, method="gmp", sparsity=0.5)
    assert train_run(run, "cpu")["test_accuracy"] > 30
