"""MVUE alone: one operand of the six, and it learns."""

import pytest

import swatlib
from swatlib.accounting import Density
from swatlib.methods import method, recipe
from swatlib.selectors import MVUE
from swatlib.training import Run, train_run


def test_one_operand_is_sparse() -> None:
    named = recipe("mvue", 0.5).named()
    assert named.pop("weight_grad_gradient") == MVUE()
    assert set(named.values()) == {None}
    assert recipe("mvue", 0.5, pairs=True).weight_grad_gradient == MVUE(1, 2)
    assert not recipe("mvue", 0.5, first_layer_dense=False).first_layer_dense
    with pytest.raises(ValueError, match=r"sparsity of a 2:4 method must be 0\.5, got 0\.9"):
        method("mvue", 0.9)
    with pytest.raises(ValueError, match="masked_gradients needs a method with sparse forward"):
        method("mvue", 0.5, masked_gradients=True)


def test_half_of_the_weight_gradient_is_counted() -> None:
    sparsities = swatlib.recipe("mvue", 0.5).map(lambda s: s.sparsity)
    density = Density(**{name: 1 - s for name, s in sparsities.items()})
    assert (density.forward, density.input_grad, density.weight_grad) == (1, 1, 0.5)


def test_digits_are_learnt() -> None:
    run = Run(width=8, epochs=2, images=600, batch_size=64, method="mvue", sparsity=0.5)
    found = train_run(run, "cpu")
    assert found["epochs"][-1]["train_loss"] < found["epochs"][0]["train_loss"]
    assert found["test_accuracy"] > 30
