"""The benchmark of the weight gradient: the dense product it compares with, and its means."""

import pytest
import torch

from swatlib.bench.weight_gradient import (
    LAYOUTS,
    dense_weight_gradient,
    faster,
    geometric_mean,
)
from swatlib.kernels.convolution import Geometry


def test_the_dense_product_is_that_of_autograd() -> None:
    x = torch.randn(2, 3, 8, 8, dtype=torch.float64)
    w = torch.randn(4, 3, 3, 3, dtype=torch.float64, requires_grad=True)
    y = torch.conv2d(x, w, None, 1, 1)
    grad = torch.randn_like(y)
    (wanted,) = torch.autograd.grad(y, w, grad)
    found = dense_weight_gradient(grad, x, w.detach(), Geometry(padding=(1, 1)))
    torch.testing.assert_close(found, wanted)


def test_the_mean_of_ratios_is_geometric() -> None:
    assert geometric_mean([2.0, 0.5]) == pytest.approx(1)
    assert geometric_mean([4.0]) == pytest.approx(4)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_gain_is_a_ratio_of_times(layout: str) -> None:
    times = {"dense": 3.0, "fast": 2.0}
    gain = faster(1, 3, 1, 4, 2, 2, LAYOUTS[layout], lambda functions, repeat: times)
    assert gain == 1.5
