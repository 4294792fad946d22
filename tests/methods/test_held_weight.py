"""Held weights: zero where inactive after every step, and shared by layers that share them."""

from typing import Any

import pytest
import torch
from rewiring import counts, go_on, masks, trained
from torch import nn

import swatlib
from swatlib.methods.held_weight import Hold, held, hold_
from swatlib.methods.method import Between, Method
from swatlib.methods.ramp import Updates
from swatlib.methods.rewire import Rewire, rewire_
from swatlib.methods.static import static
from swatlib.testing.network import optimizer_of


class MaskedGradients(Between):
    """The other way to hold: mask the gradients, and begin with zeros."""

    def after_backward(self, model: Any, optimizer: Any, progress: Any) -> None:
        """Mask."""
        for one in held(model):
            with torch.no_grad():
                one.weight.mul_(one.mask)
            assert one.weight.grad is not None
            one.weight.grad.mul_(one.mask)


@pytest.mark.parametrize("kind", ["sgd", "adam", "adamw"])
def test_holding_is_masking_gradients_to_the_bit(kind: str) -> None:
    def optimizer(model: nn.Module) -> torch.optim.Optimizer:
        if kind == "sgd":
            return torch.optim.SGD(model.parameters(), 0.05, momentum=0.9, weight_decay=1e-3)
        chosen = torch.optim.Adam if kind == "adam" else torch.optim.AdamW
        return chosen(model.parameters(), 1e-3, weight_decay=1e-3)

    recipe = static(0.7).recipe
    ends = [
        trained(Method(recipe, between=(one,)), 8, optimizer=optimizer)
        for one in (Hold(), MaskedGradients())
    ]
    for a, b in zip(ends[0].parameters(), ends[1].parameters(), strict=True):
        assert torch.equal(a, b)


def test_what_is_inactive_is_zero_after_every_step() -> None:
    def look(step: int, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        for one in held(model):
            state = optimizer.state[one.weight]["momentum_buffer"]
            assert not one.weight[~one.mask].any()
            assert not state[~one.mask].any()
            assert one.weight.grad is not None
            assert one.weight.grad[~one.mask].any()

    trained(static(0.7), 4, look)
    kept = trained(Method(static(0.7).recipe, between=(Hold(momentum=False),)), 2)
    assert len(counts(kept)) == 4


def tied() -> tuple[nn.Sequential, Any, Any]:
    torch.manual_seed(0)
    model = nn.Sequential(*(nn.Linear(6, 6, bias=False) for _ in range(3)))
    model[2].weight = model[1].weight
    return model, model[1], model[2]


def test_layers_that_share_a_weight_share_the_mask() -> None:
    model, one, two = tied()
    swatlib.sparsify_(model, static(0.5))
    optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
    for _ in range(3):
        model(torch.randn(4, 6)).square().sum().backward()
        optimizer.step()
        hold_(model, optimizer)
        rewire_(model, optimizer, 0.5)
        (weight,) = held(model)
        assert len(weight.states) == 2
        assert torch.equal(swatlib.active_mask(one), swatlib.active_mask(two))
    assert int(swatlib.active_mask(one).sum()) == 18


def test_what_a_dense_module_shares_keeps_its_value() -> None:
    model, one, two = tied()
    swatlib.sparsify_(model, static(0.5), filter_fn=lambda name, _: name == "1")
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    hold_(model, optimizer)
    assert one.weight.all()
    model(torch.randn(4, 6)).square().sum().backward()
    rewire_(model, optimizer, 0.5)
    assert two.weight.all()
    assert int(swatlib.active_mask(one).sum()) == 18


def test_frozen_masks_are_held_and_not_moved() -> None:
    method = Method(static(0.7).recipe, between=(Hold(), Rewire(Updates(every=1), 0.5)))
    model = trained(method, 3, total=60)
    before = masks(model)
    swatlib.freeze_(model)
    assert held(model) == []
    go_on(model, method, optimizer_of(model), range(3, 6))
    for a, one in zip(before, held(model, frozen=True), strict=True):
        assert torch.equal(a, one.mask)
        assert not one.weight[~one.mask].any()
