"""The rotated product and the products that are left, by hand."""

import pytest
import torch
from torch.nn import functional

from swatlib.accounting import Layer
from swatlib.claims.counting_and_hardware.simulated import cycles, speedup
from swatlib.claims.counting_and_hardware.sparse_accelerator import (
    effectual_ratio,
    rotated_input_gradient,
    rotation_error,
)


@pytest.mark.parametrize(("kernel", "stride", "size"), [(1, 1, 5), (3, 1, 6), (3, 2, 7), (7, 2, 8)])
def test_rotation_gives_autograds_gradient(kernel: int, stride: int, size: int) -> None:
    padding = kernel // 2
    torch.manual_seed(0)
    x = torch.randn(2, 3, size, size, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(4, 3, kernel, kernel, dtype=torch.float64)
    y = functional.conv2d(x, weight, stride=stride, padding=padding)
    gradient = torch.randn_like(y)
    y.backward(gradient)
    ours = rotated_input_gradient(weight, gradient, stride, padding, (size, size))
    torch.testing.assert_close(ours, x.grad)
    if kernel > 1:
        turned = rotated_input_gradient(weight.flip(2), gradient, stride, padding, (size, size))
        assert not torch.allclose(turned, x.grad)


def test_rotation_error_covers_both_strides() -> None:
    layers = (
        Layer("a", "conv", (4, 3, 3, 3), (1, 3, 6, 6), (1, 4, 6, 6)),
        Layer("b", "conv", (4, 3, 3, 3), (1, 3, 6, 6), (1, 4, 3, 3)),
        Layer("c", "linear", (4, 3), (1, 3), (1, 4)),
    )
    assert rotation_error(layers) == {"stride 1": 0.0, "stride 2": 0.0}


def test_effectual_ratio_is_utilisation_of_a_dense_machine_kept_full() -> None:
    found = cycles().loc[("X9", 0.9, "forward")]
    literal = found["dense_cycles"] / found["ideal_cycles"]
    assert effectual_ratio("X9", 0.9, ("forward",)) == pytest.approx(
        speedup("X9", 0.9, ("forward",)) / literal, rel=0.03
    )
