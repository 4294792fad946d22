"""Frozen topologies stay, masked gradients are zero, and the observers count right."""

import copy
from typing import Any

import pytest
import torch
from torch import nn

from swatlib import dense, densify_, saw, sparsify_, swat
from swatlib.methods.topology import freeze_, mask_gradients_
from swatlib.selectors import topk_mask
from swatlib.surgery.sparsify import active_mask


def net() -> Any:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1, bias=False),
        nn.ReLU(),
        nn.Conv2d(8, 8, 3, padding=1),
        nn.Flatten(),
        nn.Linear(8 * 16, 10),
    )


def steps(model: nn.Module, count: int, masked: bool = False, lr: float = 0.5) -> None:
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    for i in range(count):
        x = torch.randn(8, 3, 4, 4, generator=torch.Generator().manual_seed(i))
        optimizer.zero_grad()
        (model(x) - 1).square().mean().backward()
        if masked:
            mask_gradients_(model)
        optimizer.step()


@pytest.mark.parametrize("period", [1, 3])
def test_a_frozen_topology_stays_and_a_free_one_moves(period: int) -> None:
    model = sparsify_(net(), swat(0.8, period=period))
    free = copy.deepcopy(model)
    before = [active_mask(model[i]) for i in (2, 4)]
    freeze_(model)
    assert str(model[2].recipe.forward_weight).endswith("(frozen)")
    for net_, moves in ((model, False), (free, True)):
        steps(net_, 5)
        after = [active_mask(net_[i]) for i in (2, 4)]
        assert moves == any(not torch.equal(a, b) for a, b in zip(before, after, strict=True))
    # Non-active weights are still updated; what is not there is not used.
    x = torch.randn(2, 3, 4, 4)
    expected = nn.functional.conv2d(x, model[0].weight, padding=1).relu()
    w = model[2].weight * before[0]
    torch.testing.assert_close(
        model[:3](x), nn.functional.conv2d(expected, w, model[2].bias, padding=1)
    )


def test_the_input_gradient_uses_the_frozen_weights() -> None:
    conv = sparsify_(nn.Conv2d(4, 4, 3).double(), swat(0.7, first_layer_dense=False))
    freeze_(conv)
    mask = active_mask(conv)
    with torch.no_grad():
        conv.weight.copy_(torch.randn_like(conv.weight))
    assert not torch.equal(mask, topk_mask(conv.weight, 0.7))
    x = torch.randn(2, 4, 5, 5, dtype=torch.float64, requires_grad=True)
    reference = x.detach().clone().requires_grad_()
    conv(x).sum().backward()
    nn.functional.conv2d(reference, conv.weight.detach() * mask).sum().backward()
    torch.testing.assert_close(x.grad, reference.grad)


def test_freezing_twice_changes_nothing_and_densify_undoes_it() -> None:
    model = freeze_(sparsify_(net(), swat(0.8)))
    recipe = model[2].recipe
    assert freeze_(model)[2].recipe == recipe
    keys = list(model.state_dict())
    assert keys == list(net().state_dict())
    densify_(model)
    assert type(model[2]) is nn.Conv2d


def test_masked_gradients_leave_non_active_weights_where_they_are() -> None:
    model = sparsify_(net(), swat(0.8))
    before = model[2].weight.detach().clone()
    mask = active_mask(model[2])
    steps(model, 1, masked=True)
    after = model[2].weight.detach()
    assert torch.equal(after[~mask], before[~mask])
    assert (after[mask] != before[mask]).any()
    steps(model, 1)
    assert (model[2].weight[~mask] != before[~mask]).any()
    # Layers without a gradient yet are no error.
    mask_gradients_(sparsify_(net(), swat(0.8)))


@pytest.mark.parametrize("recipe", [dense(), saw(0.9)])
def test_without_sparse_forward_weights_there_is_no_topology(recipe: Any) -> None:
    for function in (freeze_, mask_gradients_):
        with pytest.raises(ValueError, match="so it has no topology"):
            function(sparsify_(net(), recipe))
