"""Densities: from a recipe to one fraction per layer and operand."""

from typing import Any

import pytest
import torch
from accounting_models import IMAGE, TEXT, Adapted, tiny
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from swatlib import recipe, report
from swatlib.accounting import Convention, Density, count, densities, trace
from swatlib.methods import meprop, saw, swat
from swatlib.surgery.sparsify import sparsify_


def test_which_product_is_sparse_follows_the_recipe() -> None:
    traced = trace(tiny(), (2, 3, 4, 4))
    rows = {
        recipe.name: count(traced, densities(traced, recipe)).totals()
        for recipe in (saw(0.5), meprop(0.5), swat(0.5))
    }
    products = ("forward", "input_grad", "weight_grad")
    saved = {
        name: [total[p] < total[f"{p}_dense"] for p in products] for name, total in rows.items()
    }
    assert saved == {
        "SAW": [False, True, True],
        "meProp": [False, True, True],
        "SWAT": [True, True, True],
    }


@given(st.floats(0, 0.99), st.floats(0, 0.99))
@settings(max_examples=20, deadline=None)
def test_two_sparse_operands_multiply(a: float, b: float) -> None:
    density = Density(forward_weight=1 - a, forward_activation=1 - b)
    assert density.forward == pytest.approx((1 - a) * (1 - b))


def test_natural_zeros_take_over_where_they_are_more() -> None:
    traced = trace(tiny(), (1, 3, 4, 4))
    found = densities(traced, swat(0.4), natural_zeros={"3": 0.5, "5": 0.3})
    assert [d.weight_grad_activation for d in found] == [1.0, 0.5, 0.6]
    assert found[1].forward_weight == 0.6


def test_bad_densities() -> None:
    traced = trace(tiny(), (1, 3, 4, 4))
    with pytest.raises(ValueError, match=r"one entry per layer \(3\), got 1"):
        count(traced, [Density()])
    with pytest.raises(ValueError, match="forward_weight must be in"):
        Density(forward_weight=1.5)
    with pytest.raises(ValueError, match="'uniform', 'erk' or one density"):
        densities(traced, swat(0.5), "gradual")
    with pytest.raises(ValueError, match=r"one density per layer \(3\), got 2"):
        densities(traced, swat(0.5), [0.5, 0.5])
    with pytest.raises(ValueError, match="natural_zeros must be given by name"):
        densities(traced, swat(0.5), natural_zeros={"relu": 0.5})
    with pytest.raises(TypeError, match="recipe must be a Recipe, got 'swat'"):
        densities(traced, "swat")
    with pytest.raises(ValueError, match="input_grad must be one of full_map, exact"):
        Convention("half")


def frozen(model: nn.Sequential, layers: int) -> nn.Sequential:
    model[:layers].requires_grad_(False)
    return model


def convs() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(inplace=True), nn.Conv2d(8, 8, 3, stride=2))


def test_layers_that_sparsify_passes_over_are_dense_in_the_count() -> None:
    model = nn.Sequential(
        nn.Linear(8, 8), Adapted(8, 8), nn.Linear(8, 8), nn.Linear(8, 8), nn.Linear(8, 4)
    )
    model[3].requires_grad_(False)
    with pytest.warns(UserWarning, match=r"outside .*1 \(Adapted\)"):
        traced = trace(model, TEXT)
    assert [x.passed_over for x in traced.weighted] == ["", "Adapted", "", "frozen", ""]
    for allocation in ("uniform", "erk"):
        found = densities(traced, swat(0.9), allocation)
        assert found["1"].forward_weight == found["3"].forward_weight == 1
        assert found["2"].forward_weight < 1


@pytest.mark.parametrize("method", ["fst", "fst-unrestored", "wx", "gx", "wg", "gg"])
def test_pixels_of_linear_layers_are_not_pruned(method: str) -> None:
    model = nn.Sequential(nn.Conv2d(4, 8, 3), nn.Flatten(), nn.Linear(72, 8), nn.Linear(8, 4))
    used = recipe(method, 0.5)
    rows = report(sparsify_(model, used)).set_index("layer")
    found = densities(trace(model, (2, 4, 5, 5)), used)
    of_x = method not in ("wg", "gg")
    slot = "weight_grad_activation" if of_x else "weight_grad_gradient"
    assert rows.loc["0", slot] != "dense"
    assert rows.loc["2", slot] == rows.loc["3", slot] == "dense"
    assert getattr(found["0"], slot) == 0.5
    assert getattr(found["2"], slot) == getattr(found["3"], slot) == 1
    # Indeed: the gradient of the linear layer's weight is the dense product.
    x, g = torch.randn(16, 72), torch.randn(16, 8)
    model[2](x).backward(g)
    torch.testing.assert_close(model[2].weight.grad, g.T @ x + _decay(model[2]))


def _decay(layer: Any) -> Tensor:
    with torch.no_grad():
        mask = layer.recipe.forward_weight.choose(layer.weight)
        return layer.recipe.decay * torch.where(mask, 0, layer.weight)


def test_a_density_is_found_by_name_or_place() -> None:
    found = densities(trace(convs(), IMAGE), swat(0.75))
    assert found["2"] is found[1]
    assert len(found[:1]) == 1
    with pytest.raises(KeyError, match="layer must be one of 0, 2, got '1'"):
        found["1"]
