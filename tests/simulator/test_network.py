"""Simulations of a network: plain values and a table."""

import numpy as np
import pytest
from simulator_shapes import LAYER, masks

from swatlib.simulator import Layer, Masks, Tactical, simulate


def test_results_are_plain_values_and_a_table() -> None:
    layers = [LAYER, Layer("b", 10, 256)]
    result = simulate(layers, [*masks(), dense(layers[1])], Tactical())
    out = result.to_dict()
    assert {"forward", "input_grad", "weight_grad", "total", "machine", "bandwidth"} == set(out)
    assert [x["name"] for x in out["input_grad"]["layers"]] == ["b"]  # the first layer has none
    for product in ("forward", "input_grad", "weight_grad"):
        layers_of_product = out[product]["layers"]
        for key in ("dense_cycles", "cycles", "energy_pj", "macs"):
            assert out[product][key] == pytest.approx(sum(x[key] for x in layers_of_product))
    assert out["total"]["cycles"] == result.table().cycles.sum()
    assert len(result.table()) == 5
    assert result.speedup_vs_self("forward") == pytest.approx(out["forward"]["speedup_vs_self"])


def dense(layer: Layer) -> Masks:
    return Masks(np.ones(layer.weight_shape, bool), np.ones(layer.input_shape, bool))


def test_one_mask_per_layer() -> None:
    with pytest.raises(ValueError, match="masks must be one per layer, got 0 for 1"):
        simulate([LAYER], [], Tactical())
