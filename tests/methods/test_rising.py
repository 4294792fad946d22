"""A ramp of the sparsity, for methods that choose anew and for methods that hold a mask."""

import itertools

import pytest
import torch
from rewiring import counts, masks, trained
from torch import nn

import swatlib
from swatlib.methods.rising import risen
from swatlib.selectors import kept_count
from swatlib.surgery.sparsify import active_mask, sparse_layers
from swatlib.testing.network import network, optimizer_of


def sparsities(model: nn.Module) -> list[float]:
    return [layer.recipe.forward_weight.sparsity for _, layer in sparse_layers(model)]  # type: ignore[union-attr]


def test_the_sparsity_of_swat_rises_to_its_own() -> None:
    seen: list[list[float]] = []
    method = swatlib.method("swat", 0.8, ramp=0.5)
    trained(method, 12, lambda _, model, __: seen.append(sparsities(model)))
    assert seen[0][0] == pytest.approx(0.8 * (1 - (5 / 6) ** 3))
    assert [row[0] for row in seen] == sorted(row[0] for row in seen)
    assert all(row == seen[5] for row in seen[5:])
    assert set(seen[5]) == {0.8}


def test_at_half_of_the_way_seven_eighths_are_done() -> None:
    method = swatlib.method("swat", 0.8, activation_sparsity=0.4, initial_sparsity=0.0, ramp=1.0)
    whole = risen(method, 0.5).recipe
    assert whole.forward_weight.sparsity == pytest.approx(0.7)  # type: ignore[union-attr]
    assert whole.weight_grad_activation.sparsity == pytest.approx(0.35)  # type: ignore[union-attr]
    assert risen(method, 0.0, 0.6).recipe.forward_weight.sparsity == 0.6  # type: ignore[union-attr]
    # What is sparser at the start than at the end does not begin there.
    assert risen(method, 0.0, 0.6).recipe.weight_grad_activation.sparsity == 0.4  # type: ignore[union-attr]


def test_the_first_step_is_as_sparse_as_the_ramp_begins() -> None:
    method = swatlib.method("swat", 0.8, ramp=0.5, initial_sparsity=0.25)
    model = swatlib.sparsify_(network(), method)
    method.start(model, lambda: torch.zeros(()))
    assert set(sparsities(model)) == {0.25}


@pytest.mark.parametrize("allocation", [None, "uniform", "erk"])
def test_held_masks_shrink_to_their_size(allocation: str | None) -> None:
    method = swatlib.method("static", 0.8, ramp=0.6, initial_sparsity=0.2, allocation=allocation)
    seen: list[list[torch.Tensor]] = []
    model = trained(method, 10, lambda _, model, __: seen.append(masks(model)))
    for a, b in itertools.pairwise(seen):
        assert all(not (y & ~x).any() for x, y in zip(a, b, strict=True))  # nested
    final = [
        kept_count(layer.weight.numel(), layer.recipe.forward_weight.sparsity)  # type: ignore[union-attr]
        for _, layer in sparse_layers(model)
    ]
    assert counts(model) == final == [int(mask.sum()) for mask in seen[5]]
    assert sum(final) < sum(int(mask.sum()) for mask in seen[0])
    start = swatlib.sparsify_(network(), method)
    method.start(start, lambda: torch.zeros(()))
    total = sum(layer.weight.numel() for _, layer in sparse_layers(start))
    assert sum(counts(start)) == pytest.approx(0.8 * total, abs=6)


@pytest.mark.parametrize("name", ["static", "swat"])
def test_a_loop_that_does_not_start_the_method_is_told(name: str) -> None:
    method = swatlib.method(name, 0.8, ramp=0.6)
    model = swatlib.sparsify_(network(), method)
    with pytest.raises(ValueError, match=r"needs method.start\(model, loss\)"):
        method.after_step(model, optimizer_of(model), swatlib.Progress(0, 10, 3))


def test_a_ramp_and_a_frozen_topology() -> None:
    method = swatlib.method("swat", 0.8, ramp=0.9, freeze_epoch=1)
    seen: list[list[torch.Tensor]] = []

    def look(step: int, model: nn.Module, _: object) -> None:
        seen.append([active_mask(layer) for _, layer in sparse_layers(model)])

    trained(method, 9, look)
    for now in seen[4:]:
        assert all(torch.equal(a, b) for a, b in zip(now, seen[3], strict=True))


def test_it_resumes() -> None:
    method = swatlib.method("swat", 0.8, ramp=0.9, period=2)
    model = trained(method, 4, total=10)
    again = swatlib.sparsify_(network(), method)
    again.load_state_dict(model.state_dict())
    swatlib.load_sparsity_state_(again, swatlib.sparsity_state(model))
    assert sparsities(again) == sparsities(model)


def test_bad_values() -> None:
    for name in ("dense", "tsm", "asp"):
        with pytest.raises(ValueError, match="ramp needs a method whose sparsity can be set"):
            swatlib.method(name, 0.0 if name == "dense" else 0.5, ramp=0.5)
    with pytest.raises(ValueError, match="ramp must not be set for 'SWAT', which sets its own"):
        swatlib.method("swat-m", 0.5, ramp=0.5)
    with pytest.raises(ValueError, match="initial_sparsity needs a ramp"):
        swatlib.method("swat", 0.5, initial_sparsity=0.1)
    with pytest.raises(ValueError, match=r"ramp must be in \(0, 1\], got 0"):
        swatlib.method("swat", 0.5, ramp=0)
    with pytest.raises(ValueError, match="allocation must not be 'momentum' for 'static'"):
        swatlib.method("static", 0.5, allocation="momentum")
