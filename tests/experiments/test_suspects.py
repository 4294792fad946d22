"""The suspects: SWAT at 95 % with one thing changed at a time, under the recipe of the field."""

from dataclasses import replace

from swatlib.experiments.field import field_patches
from swatlib.experiments.suspects import SUSPECTED, WITHOUT, field_suspects_patches


def test_each_differs_from_swat_u_in_its_options_alone() -> None:
    runs = field_suspects_patches()
    swat = [
        replace(run, observe=None)
        for run in field_patches()
        if run.method == "swat" and run.sparsity == SUSPECTED and not run.options
    ]
    assert [replace(run, options={}) for run in runs[:: len(WITHOUT)]] == swat
    assert all(replace(run, options={}) in swat for run in runs)
    assert {run.seed for run in runs} == {run.seed for run in field_patches()}


def test_what_is_taken_away() -> None:
    plans = dict(zip(WITHOUT, (run.plan for run in field_suspects_patches()), strict=False))
    for name, plan in plans.items():
        recipe = plan.recipe
        assert (recipe.weight_grad_activation is None) == ("activations dense" in name)
        assert bool(plan.between) == ("chosen" in name)
        assert recipe.first_layer_dense == (
            name not in ("first layer sparse", "activations dense, ERK")
        )
        assert plan.classifier_dense == (name == "classifier dense")
        assert (plan.allocation is not None) == ("ERK" in name)
