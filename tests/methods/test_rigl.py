"""RigL: what goes is smallest, what grows has the largest gradient; masks stay after the end."""

import pytest
import torch
from rewiring import counts, masks, trained
from torch import nn

import swatlib
from swatlib.methods.held_weight import held
from swatlib.methods.method import Method
from swatlib.methods.rewire import rewire_
from swatlib.methods.rigl import rigl
from swatlib.testing.network import assert_same_weights, optimizer_of
from swatlib.training import Run, train_run


def test_one_update_takes_the_smallest_and_the_largest() -> None:
    model = trained(rigl(0.7), 2, total=60)
    optimizer = optimizer_of(model)
    before = [(one.mask.clone(), one.weight.detach().clone()) for one in held(model)]
    rewire_(model, optimizer, 0.3)
    for (old, weight), one in zip(before, held(model), strict=True):
        n = int(0.3 * int(old.sum()))
        smallest = weight[old].abs().sort().values[:n]
        assert one.weight.grad is not None
        score = one.weight.grad.abs()
        gone, grown = old & ~one.mask, one.mask & ~old
        if gone.any():
            assert weight[gone].abs().max() <= smallest.max()
            assert weight[old & one.mask].abs().max() >= weight[gone].abs().max()
        candidates = ~one.mask
        assert score[grown].min() >= score[candidates].max()
        assert one.active == int(old.sum())


def test_a_share_of_zero_is_static_to_the_bit() -> None:
    """Invariant D."""
    a = trained(rigl(0.7, fraction=0.0, every=2), 9)
    b = trained(swatlib.method("static", 0.7), 9)
    assert_same_weights(a, b, "without an exchange")


def test_masks_stay_after_the_end_and_counts_always() -> None:
    seen: list[list[torch.Tensor]] = []
    model = trained(rigl(0.7, every=2), 12, lambda _, model, __: seen.append(masks(model)))
    assert any(not torch.equal(a, b) for a, b in zip(seen[0], seen[6], strict=True))
    for now in seen[9:]:
        assert all(torch.equal(a, b) for a, b in zip(now, seen[8], strict=True))
    assert all([int(m.sum()) for m in now] == counts(model) for now in seen)


def test_evaluation_never_moves_a_mask() -> None:
    """Invariant E."""
    model = trained(rigl(0.7, every=2), 5, total=60)
    before = masks(model)
    model.eval()
    with torch.no_grad():
        model(torch.randn(4, 3, 8, 8))
    for a, b in zip(before, masks(model), strict=True):
        assert torch.equal(a, b)


def test_gradients_must_not_be_masked() -> None:
    with pytest.raises(ValueError, match="masked_gradients must not be set for 'RigL'"):
        swatlib.method("rigl", 0.5, masked_gradients=True)
    assert isinstance(swatlib.method("set", 0.5, masked_gradients=True), Method)


def test_with_a_ramp_counts_shrink_and_weights_still_move() -> None:
    seen: list[list[torch.Tensor]] = []

    def look(_: int, model: nn.Module, __: object) -> None:
        seen.append(masks(model))

    method = swatlib.method("rigl", 0.8, ramp=0.5, every=2, initial_sparsity=0.3)
    model = trained(method, 12, look)
    totals = [sum(int(m.sum()) for m in now) for now in seen]
    assert totals == sorted(totals, reverse=True)
    assert totals[0] > totals[5] == totals[-1] == sum(counts(model))
    assert any((b & ~a).any() for a, b in zip(seen[0], seen[-1], strict=True))


def test_digits_are_learnt() -> None:
    options = {"every": 4}
    run = Run(
        width=8, epochs=2, images=600, batch_size=64, method="rigl", sparsity=0.5, options=options
    )
    assert train_run(run, "cpu")["test_accuracy"] > 30
