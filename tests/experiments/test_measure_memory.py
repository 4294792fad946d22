"""What is measured of memory, on networks small enough to know the answer."""

import pytest
import torch
from torch import nn

from swatlib.experiments import measure_memory
from swatlib.methods import swat
from swatlib.surgery.sparsify import sparsify_


def test_peak_of_a_linear_layer() -> None:
    layer = nn.Linear(1000, 1000, bias=False)
    x, y = torch.randn(10, 1000), torch.zeros(10, dtype=torch.int64)
    weight = 4_000_000
    # Weight, momentum, gradient, and the gradient with weight decay; the rest is small.
    assert 4 * weight <= measure_memory.peak(layer, x, y) < 4.2 * weight
    assert measure_memory.weight_bytes(layer, x, y) == 3 * weight


def test_zero_value_compression_keeps_what_top_k_keeps() -> None:
    found = measure_memory.zero_value("small_resnet", 2, 0.9)
    assert found["swat"]["share"] == pytest.approx(0.1 + 1 / 32, abs=1e-3)
    assert found["swat"]["zeros"] == pytest.approx(0.9, abs=1e-3)
    assert 0.2 < found["relu"]["zeros"] < 0.7


def test_held_has_every_way() -> None:
    found = measure_memory.held("small_resnet", 2)
    total = found.groupby(["way", "sparsity"])["bytes"].sum()
    assert len(total) == 2 + 3 * len(measure_memory.LEVELS)
    assert total["compressed", 0.9] < total["no method", 0.0] < total["dense", 0.0]
    assert total["dense", 0.0] < total["masked", 0.9]


def test_dropped_weights_by_hand() -> None:
    model = sparsify_(nn.Linear(4, 1, bias=False), swat(0.5, first_layer_dense=False))
    with torch.no_grad():
        model.weight.copy_(torch.tensor([[3.0, 4.0, 1.0, 2.0]]))
    assert measure_memory.dropped_share(model) == pytest.approx(5 / 30)
