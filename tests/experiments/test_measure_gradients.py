"""Zeros and directions of SWAT's gradients."""

import pytest
import torch
from torch import nn

from swatlib.experiments import measure_gradients
from swatlib.methods import swat
from swatlib.models import build_network
from swatlib.surgery.sparsify import sparse_layers, sparsify_


def test_zeros_of_a_small_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure_gradients, "FAMILIES", ("small_resnet",))
    monkeypatch.setattr(measure_gradients, "BATCH", 16)
    monkeypatch.setattr(measure_gradients, "PIXELS", 16)
    rows = {row["layer"]: row for row in measure_gradients.gradient_zeros()["layers"]}
    assert all(0 <= row[name] <= 1 for row in rows.values() for name in ("dW", "dX"))
    # An input of the classifier keeps one of ten weights on average, none in 35 % of the cases.
    assert rows["fc"]["summands"] == pytest.approx(1.0)
    assert rows["fc"]["dX"] == pytest.approx(0.9**10, abs=0.12)
    assert rows["layer1.0.conv1"]["summands"] == pytest.approx(28.8)
    assert rows["layer1.0.conv1"]["dX"] == 0
    # The stride of the shortcut halves the map twice: a quarter of 64 filters reaches a pixel.
    assert rows["layer2.0.downsample.0"]["summands"] == pytest.approx(1.6)


def test_whole_activations_give_the_masked_network_s_gradient() -> None:
    torch.manual_seed(0)
    model = sparsify_(build_network("small_resnet", classes=10, image=8, channels=1), swat(0.8))
    images, labels = torch.randn(16, 1, 8, 8), torch.arange(16) % 10
    rows = measure_gradients._directions(model, 0.8, images, labels)
    assert [row["layer"] for row in rows] == [name for name, _ in sparse_layers(model)]
    assert all(0.5 < row["cosine"] < 1 for row in rows)
    # Without anything to drop the two are one.
    same = measure_gradients._directions(model, 0.0, images, labels)
    assert all(row["cosine"] == pytest.approx(1, abs=1e-5) for row in same)


def test_a_layer_without_gradient_is_named() -> None:
    model = sparsify_(nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 2)), swat(0.5))
    (_, layer), *_ = sparse_layers(model)
    with pytest.raises(RuntimeError, match="no gradient"):
        measure_gradients._gradient(layer)
