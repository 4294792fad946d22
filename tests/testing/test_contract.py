"""Every method keeps the contract, and a method that breaks it is caught."""

from dataclasses import dataclass
from typing import ClassVar

import pytest
import torch
from contract_rows import ROWS

import swatlib
from swatlib.testing import CHECKS, check_recipe

EAGER = {"compiled_steps_are_eager_steps": "what is kept of gradients is written in eager mode"}
EXPECTED = {
    "resprop": EAGER,
    "resprop, no warm-up": EAGER,
    "saw, random": {
        "compiled_steps_are_eager_steps": "compiled code draws the same numbers in another order",
    },
    "swat, sampled": {
        "the_memory_format_changes_nothing": "the sample lies at equal steps through memory",
    },
}
ALONE = [name for name in CHECKS if name != "two_ranks_agree"]


@pytest.mark.parametrize("check", ALONE)
@pytest.mark.parametrize("row", ROWS)
def test_every_method_keeps_the_contract(row, check):
    expected = {k: v for k, v in EXPECTED.get(row, {}).items() if k == check}
    check_recipe(ROWS[row], expected, only=[check])


@dataclass(frozen=True)
class Positive(swatlib.Selector):
    """A stranger's selector: keep what is positive."""

    sparsity: float = 0.5

    def choose(self, x, state=None, training=True, weight=None):
        return x > 0

    def __str__(self):
        return "positive"


@dataclass(frozen=True)
class Drifting(Positive):
    """It changes its mind with every call, evaluation included."""

    seen: ClassVar[list[int]] = []

    def choose(self, x, state=None, training=True, weight=None):
        self.seen.append(1)
        return x > 0.01 * len(self.seen)


def test_a_strangers_selector_goes_through():
    recipe = swatlib.Recipe("positive", forward_weight=Positive(), input_grad_weight=Positive())
    reason = {"zero_sparsity_is_dense": "it keeps the positive ones at any sparsity"}
    check_recipe(recipe, reason, only=ALONE)
    with pytest.raises(AssertionError, match="zero_sparsity_is_dense: AssertionError: losses"):
        check_recipe(recipe, only=["zero_sparsity_is_dense"])
    with pytest.raises(AssertionError, match="an_empty_batch_passes passes, though expected"):
        check_recipe(recipe, {"an_empty_batch_passes": "it is fun"}, only=["an_empty_batch_passes"])


def test_what_breaks_the_contract_is_caught():
    recipe = swatlib.Recipe("drifting", forward_weight=Drifting(), first_layer_dense=False)
    caught = []
    for name in ("evaluation_changes_nothing", "a_copy_trains_alike"):
        Drifting.seen.clear()
        with pytest.raises(AssertionError, match="drifting does not keep the contract"):
            check_recipe(recipe, only=[name])
        caught.append(name)
    assert len(caught) == 2


def test_wrong_gradients_are_caught(monkeypatch):
    whole = torch.ops.aten.convolution_backward

    def halved(*arguments):
        dx, dw, db = whole(*arguments)
        return dx, None if dw is None else dw / 2, db

    monkeypatch.setattr(torch.ops.aten, "convolution_backward", halved)
    with pytest.raises(AssertionError, match="dW of layer 3 is off by"):
        check_recipe(swatlib.swat(0.5), only=["gradients_are_those_of_the_row"])


def test_bad_arguments():
    with pytest.raises(TypeError, match="recipe must be a Recipe or a Method, got float"):
        check_recipe(0.5)
    with pytest.raises(ValueError, match="got 'unknown'"):
        check_recipe(swatlib.dense(), only=["unknown"])
    with pytest.raises(ValueError, match="must give a reason"):
        check_recipe(swatlib.dense(), {"an_empty_batch_passes": ""})
