"""Recipes: what a slot may hold, and how the row is printed."""

import pytest

from swatlib.methods import Recipe, meprop, saw, swat
from swatlib.selectors import Projected, TopK


def test_recipes_are_values() -> None:
    assert swat(0.9) == swat(0.9)
    assert swat(0.9) != swat(0.8)
    assert len({swat(0.9), swat(0.9), saw(0.9)}) == 2


def test_print_shows_the_row_of_the_table() -> None:
    assert str(swat(0.9)).splitlines() == [
        "SWAT (first layer dense)",
        "forward W  forward X  input-grad W  input-grad G  weight-grad X  weight-grad G",
        "TopK 0.9   dense      same mask     dense         TopK 0.9       dense",
    ]
    assert str(meprop(0.9, first_layer_dense=False)).splitlines() == [
        "meProp (every layer)",
        "forward W  forward X  input-grad W  input-grad G       weight-grad X  weight-grad G",
        "dense      dense      dense         TopK 0.9 over CHW  dense          same mask",
    ]


def test_a_recipe_says_which_weights_are_updated() -> None:
    recipe = Recipe("held", updates="active", forward_weight=TopK(0.5))
    assert str(recipe).startswith("held (first layer dense, active weights updated)")
    with pytest.raises(ValueError, match="updates must be one of all, active; got 'some'"):
        Recipe("held", updates="some", forward_weight=TopK(0.5))
    with pytest.raises(ValueError, match="updates='active' needs a forward_weight that prunes"):
        Recipe("held", updates="active")


def test_a_selector_of_outputs_stands_beside_the_operands() -> None:
    recipe = Recipe("outputs", forward_weight=TopK(0.5), output=Projected(0.5))
    assert recipe.selectors == {"forward_weight": TopK(0.5), "output": Projected(0.5)}
    assert recipe.at_sparsity(0.25).map(lambda s: s.sparsity) == dict.fromkeys(
        ("forward_weight", "output"), 0.25
    )
    assert [line.split()[-2:] for line in str(recipe).splitlines()[1:]] == [
        ["G", "Y"],
        ["projected", "0.5"],
    ]
    assert not recipe.without_selectors.selectors


def test_a_slot_holds_a_selector() -> None:
    with pytest.raises(TypeError, match=r"forward_weight must be a selector or None, got 0\.9"):
        Recipe("wrong", forward_weight=0.9)  # type: ignore[arg-type]


def test_at_sparsity_keeps_the_other_options_and_what_is_equal() -> None:
    recipe = swat(0.9, period=7).at_sparsity(0.25)
    assert recipe.forward_weight == TopK(0.25, period=7)
    assert recipe.forward_weight == recipe.input_grad_weight == recipe.weight_grad_activation
    assert recipe.forward_activation is None
