"""S-STE: its row, what it costs, and that it learns."""

import pytest

import swatlib
from swatlib.accounting import count, method_densities, trace
from swatlib.models import build_network
from swatlib.selectors import MVUE, SoftNM
from swatlib.training import Run, train_run


def test_the_row() -> None:
    recipe = swatlib.recipe("s-ste", 0.5)
    assert tuple(recipe.named().values()) == (SoftNM(), None, SoftNM(), None, None, MVUE())
    assert recipe.decay == 0
    assert swatlib.recipe("s-ste", 0.5, draw_gradients=False).weight_grad_gradient is None
    with pytest.raises(ValueError, match=r"sparsity of a 2:4 method must be 0\.5, got 0\.8"):
        swatlib.method("s-ste", 0.8)


def test_half_of_y_and_of_dw_and_all_of_dx_is_counted() -> None:
    shapes = trace(build_network("small_vgg", image=8), (1, 3, 8, 8))
    first, *others = method_densities("s-ste", shapes, 0.5)
    assert (first.forward, first.input_grad, first.weight_grad) == (1, 1, 1)
    for density in others:
        assert (density.forward, density.input_grad, density.weight_grad) == (0.5, 1, 0.5)
    assert count(shapes, method_densities("s-ste", shapes, 0.5)).totals()["forward"] > 0


def test_digits_are_learnt() -> None:
    run = Run(width=8, epochs=2, images=600, batch_size=64, method="s-ste", sparsity=0.5)
    found = train_run(run, "cpu")
    assert found["epochs"][-1]["train_loss"] < found["epochs"][0]["train_loss"]
    assert found["test_accuracy"] > 30
