"""The 2:4 product: where it is offered, and that everywhere it is the masked product."""

import pytest
import torch
from torch.nn import functional as F

from swatlib.kernels.semi_structured import available, linear, pointwise
from swatlib.selectors.nm import nm_mask

DEVICES = [
    "cpu",
    pytest.param(
        "cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
    ),
]


def test_never_offered_on_a_cpu():
    assert not available("cpu", torch.float16, (64, 64))


@pytest.mark.parametrize(
    ("dtype", "shape", "capability", "expected"),
    [
        (torch.float16, (32, 64), (8, 0), True),
        (torch.bfloat16, (64, 128, 1, 1), (9, 0), True),
        (torch.float16, (32, 64), (7, 5), False),
        (torch.float32, (32, 64), (8, 0), False),
        (torch.float16, (33, 64), (8, 0), False),
        (torch.float16, (32, 32), (8, 0), False),
        (torch.float16, (0, 64), (8, 0), False),
        (torch.float16, (32, 64, 3, 3), (8, 0), False),
        (torch.float16, (64,), (8, 0), False),
    ],
)
def test_conditions(dtype, shape, capability, expected, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    assert available("cuda", dtype, shape) is expected


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("shape", [(64, 128), (10, 30)])
def test_linear_is_the_masked_product(device, shape):
    dtype = torch.float32 if device == "cpu" else torch.float16
    weight = torch.randn(shape, device=device, dtype=dtype)
    weight = weight * nm_mask(weight)
    x = torch.randn(2, 32, shape[1], device=device, dtype=dtype)
    bias = torch.randn(shape[0], device=device, dtype=dtype)
    expected = F.linear(x.float(), weight.float(), bias.float())
    torch.testing.assert_close(linear(x, weight, bias).float(), expected, rtol=1e-2, atol=1e-2)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("stride", [(1, 1), (2, 2), (2, 1)])
def test_pointwise_is_the_masked_convolution(device, stride):
    dtype = torch.float32 if device == "cpu" else torch.float16
    weight = torch.randn(32, 64, 1, 1, device=device, dtype=dtype)
    weight = weight * nm_mask(weight)
    x = torch.randn(2, 64, 5, 8, device=device, dtype=dtype)
    expected = F.conv2d(x.float(), weight.float(), stride=stride)
    got = pointwise(x, weight, stride=stride)
    torch.testing.assert_close(got.float(), expected, rtol=1e-2, atol=1e-2)
    with pytest.raises(ValueError, match="weight must have shape"):
        pointwise(x, torch.zeros(4, 64, 3, 3))
