"""IMP: rounds of pruning, with and without rewinding; one-shot pruning is one round."""

import copy
import itertools

import pytest
import torch
from rewiring import counts, go_on, masks, trained
from torch import nn

import swatlib
from swatlib.methods.held_weight import held
from swatlib.methods.imp import after_rounds, imp, one_shot, rewind_, rounds_for
from swatlib.selectors import kept_count, topk_mask
from swatlib.testing.network import assert_same_weights, network, optimizer_of
from swatlib.training import Run, train_run


def test_every_round_drops_the_same_share() -> None:
    left = [1 - after_rounds(0.9, k, 11) for k in range(12)]
    shares = [1 - b / a for a, b in itertools.pairwise(left)]
    assert max(shares) - min(shares) < 1e-12
    assert shares[0] <= 0.2
    assert left[-1] == pytest.approx(0.1)
    assert rounds_for(0.0) == 1


def test_rounds_are_of_equal_length_and_masks_nested() -> None:
    seen: list[list[torch.Tensor]] = []
    model = trained(imp(0.75, rounds=2), 12, lambda _, model, __: seen.append(masks(model)))
    sizes = [one.weight.numel() for one in held(model)]
    found = [[int(m.sum()) for m in now] for now in seen]
    assert found[:3] == [sizes] * 3
    assert found[3:7] == [[kept_count(n, 0.5) for n in sizes]] * 4
    assert found[7:] == [[kept_count(n, 0.75) for n in sizes]] * 5
    for a, b in itertools.pairwise(seen):
        assert all(not (y & ~x).any() for x, y in zip(a, b, strict=True))


def test_one_shot_keeps_the_largest_of_half_a_run() -> None:
    found: list[torch.Tensor] = []
    dense = trained(swatlib.method("dense"), 4)
    for layer in (m for m in dense.modules() if isinstance(m, nn.Conv2d | nn.Linear)):
        found.append(topk_mask(layer.weight, 0.75))
    model = trained(one_shot(0.75), 4, total=8)
    for mask, one in zip(found[1:], held(model), strict=True):
        assert torch.equal(mask, one.mask)


def test_rewinding_goes_back_to_the_start() -> None:
    start = network()
    model = trained(imp(0.75, rounds=1, rewind=True), 3, total=6)
    weights = dict(start.named_parameters())
    for one in held(model):
        first = weights[f"{one.name}.weight"]
        assert torch.equal(one.weight, torch.where(one.mask, first, 0))
        assert one.active == kept_count(one.weight.numel(), 0.75)


def test_a_resumed_run_rewinds_to_the_same_start() -> None:
    method = imp(0.75, rounds=1, rewind=True)
    model = swatlib.sparsify_(network(), method)
    optimizer = optimizer_of(model)
    go_on(model, method, optimizer, range(2), total=6)
    again = swatlib.sparsify_(network(), method)
    again.load_state_dict(copy.deepcopy(model.state_dict()))
    swatlib.load_sparsity_state_(again, copy.deepcopy(swatlib.sparsity_state(model)))
    other = optimizer_of(again)
    other.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    for one, its in ((model, optimizer), (again, other)):
        go_on(one, method, its, range(2, 6), total=6)
    assert_same_weights(model, again, "resumed")


def test_without_a_start_there_is_nothing_to_rewind_to() -> None:
    model = swatlib.sparsify_(network(), imp(0.5, rewind=True))
    with pytest.raises(ValueError, match=r"rewinding needs method.start\(model, loss\)"):
        rewind_(model, optimizer_of(model))


@pytest.mark.parametrize("name", ["imp", "one-shot"])
def test_digits_are_learnt(name: str) -> None:
    run = Run(width=8, epochs=2, images=600, batch_size=64, method=name, sparsity=0.5)
    assert train_run(run, "cpu")["test_accuracy"] > 30
    assert counts(trained(swatlib.method(name, 0.5, rewind=True), 8))
