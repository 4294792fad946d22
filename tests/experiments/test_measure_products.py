"""FST's three products: their shapes, and what is measured of one."""

import pytest
import torch
from torch import nn

from swatlib import machine
from swatlib.accounting.trace import trace
from swatlib.experiments.measure_products import ProductTiming, products

HERE = machine.device()


def test_shapes_are_those_of_im2col() -> None:
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 6, 3, stride=2, padding=1), nn.Flatten()
    ).append(nn.Linear(6 * 4 * 4, 5))
    found = dict(products(trace(model, (1, 3, 8, 8)), images=10))
    places, inner = 10 * 4 * 4, 8 * 9
    assert found["1 forward"] == (places, inner, 6)
    assert found["1 input_grad"] == (places, 6, inner)
    assert found["1 weight_grad"] == (6, places, inner)
    assert found["3 forward"] == (10, 96, 5)
    assert "0 input_grad" not in found, "an image has no gradient"


def test_shapes_multiply_as_often_as_the_counter_counts() -> None:
    model = nn.Sequential(nn.Conv2d(4, 8, 3), nn.ReLU(), nn.Conv2d(8, 8, 1))
    network = trace(model, (1, 4, 9, 9))
    counted = sum(layer.forward_macs for layer in network.weighted)
    forward = [s for name, s in products(network, 7) if name.endswith("forward")]
    assert sum(rows * inner * outputs for rows, inner, outputs in forward) == 7 * counted


def test_layers_in_groups_are_left_out() -> None:
    model = nn.Sequential(nn.Conv2d(4, 8, 1), nn.Conv2d(8, 8, 3, groups=8))
    names = [name for name, _ in products(trace(model, (1, 4, 9, 9)), 1)]
    assert names == ["0 forward", "0 weight_grad"]


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_without_units_both_products_are_dense(dtype: str) -> None:
    run = ProductTiming(HERE, "toy", 16, 64, 32, dtype, turns=2, calls=1)
    found = run.compute()
    assert found["units"] is torch.cuda.is_available()
    assert found["error"] < 0.01
    assert min(found["ratio"], found["choose"], found["convert"]) > 0


def test_the_error_is_of_the_product_that_was_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "swatlib.experiments.measure_products.converted", lambda weight: weight.flip(0)
    )
    assert ProductTiming(HERE, "toy", 16, 64, 32, turns=2, calls=1).compute()["error"] > 0.5


def test_bad_fields_are_named() -> None:
    with pytest.raises(ValueError, match="dtype must be one of float16, bfloat16"):
        ProductTiming(HERE, "toy", 1, 1, 1, "float32")
    with pytest.raises(ValueError, match="device must be"):
        ProductTiming("another", "toy", 1, 1, 1).compute()
