"""The small families: three stages, each of half the size."""

import pytest
import torch
from torch import nn

from swatlib.models.small import DenseLayer, small_densenet, small_resnet, small_vgg


@pytest.mark.parametrize("make", [small_resnet, small_vgg, small_densenet])
@pytest.mark.parametrize(("image", "last"), [(8, 2), (16, 2), (32, 4)])
def test_the_last_map(make, image: int, last: int) -> None:  # type: ignore[no-untyped-def]
    model = make(3, image, 1, width=4)
    seen: list[torch.Size] = []
    model.get_submodule("avgpool").register_forward_pre_hook(
        lambda _, inputs: seen.append(inputs[0].shape)
    )
    model(torch.randn(2, 1, image, image))
    assert [shape[2:] for shape in seen] == [(last, last)]


@pytest.mark.parametrize(
    ("make", "depth", "convolutions"),
    [(small_resnet, 14, 13), (small_vgg, 11, 10), (small_densenet, 10, 7)],
)
def test_depth_counts_weighted_layers(make, depth: int, convolutions: int) -> None:  # type: ignore[no-untyped-def]
    model = make(3, 8, 1, width=4, depth=depth)
    threes = [m for m in model.modules() if isinstance(m, nn.Conv2d) and m.kernel_size == (3, 3)]
    assert len(threes) == convolutions


def test_a_dense_layer_keeps_its_input() -> None:
    x = torch.randn(2, 4, 5, 5)
    y = DenseLayer(4, 2)(x)
    assert y.shape == (2, 6, 5, 5)
    assert torch.equal(y[:, :4], x)
