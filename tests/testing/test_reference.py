"""The plain matrix products of the contract against torch's own layers, in float64."""

import pytest
import torch
from torch import nn

import swatlib
from swatlib.testing.reference import products


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (nn.Conv2d(4, 6, 3, padding=1), (2, 4, 5, 5)),
        (nn.Conv2d(4, 6, (1, 3), stride=2, padding=(0, 1), groups=2), (2, 4, 5, 6)),
        (nn.Linear(5, 3), (4, 5)),
    ],
    ids=str,
)
def test_with_nothing_dropped_they_are_those_of_torch(layer: nn.Module, shape: tuple) -> None:
    layer = layer.double()
    x = torch.randn(shape, dtype=torch.float64, requires_grad=True)
    y = layer(x)
    g = torch.randn_like(y)
    dx, dw = torch.autograd.grad(y, (x, layer.weight), g)  # type: ignore[arg-type]
    swatlib.sparsify_(layer, swatlib.Recipe("dense", first_layer_dense=False))
    for found, wanted in zip(products(layer, x.detach(), g), (y, dx, dw), strict=True):
        torch.testing.assert_close(found, wanted)
