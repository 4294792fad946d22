"""Two processes stay equal to the bit, whatever the method; and where they do not, it is said."""

import pytest
from contract_rows import ROWS

import swatlib
from swatlib.core.recipe import Recipe
from swatlib.methods import Method
from swatlib.testing import ranks, two_ranks_agree_on


def test_two_ranks_agree_on_every_method():
    two_ranks_agree_on(list(ROWS.values()))


def test_a_recipe_is_a_method_that_does_nothing_between() -> None:
    recipe = swatlib.swat(0.5)
    assert isinstance(recipe, Recipe)
    assert ranks.lifted(recipe) == Method(recipe)
    assert ranks.lifted(Method(recipe)) == Method(recipe)


def test_processes_that_do_not_end_are_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranks, "PATIENCE", 0)
    with pytest.raises(AssertionError, match="the two processes did not end within 0 s"):
        two_ranks_agree_on([swatlib.dense()])
