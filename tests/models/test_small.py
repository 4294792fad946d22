"""The small families: three stages, each of half the size."""

import pytest
import torch
from torch import nn

from swatlib.models.small import (
    DenseLayer,
    NormAfterReLU,
    small_densenet,
    small_resnet,
    small_vgg,
)


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


def test_norm_after_relu_normalises_what_relu_leaves_and_keeps_zeros() -> None:
    norm = NormAfterReLU(3).double()
    nn.init.normal_(norm.norm.weight)
    nn.init.normal_(norm.norm.bias)
    x = torch.randn(4, 3, 2, 5, dtype=torch.float64)
    left_out = torch.rand_like(x) < 0.5
    x[left_out] = 0
    y = norm(x)
    for channel in range(3):
        positive = x[:, channel].clamp(min=0)
        mean, deviation = positive.mean(), (positive.var(unbiased=False) + 1e-5).sqrt()
        whole = (positive - mean) / deviation * norm.norm.weight[channel] + norm.norm.bias[channel]
        expected = torch.where(left_out[:, channel], 0.0, whole)
        torch.testing.assert_close(y[:, channel], expected)
    assert (y[(x < 0)] != 0).all()  # what was computed and ReLU zeroes is no zero behind the norm


def test_relu_first_is_the_plain_network_in_the_other_order() -> None:
    first, last = (small_vgg(3, 8, 1, width=4, relu_first=one) for one in (False, True))
    kinds = (nn.Conv2d, nn.ReLU, nn.BatchNorm2d, nn.MaxPool2d, nn.Linear)
    names = [
        [type(module).__name__ for module in model.modules() if isinstance(module, kinds)]
        for model in (first, last)
    ]
    swap = {"ReLU": "BatchNorm2d", "BatchNorm2d": "ReLU"}
    assert [swap.get(name, name) for name in names[0]] == names[1]
    assert sorted(p.shape for p in first.parameters()) == sorted(p.shape for p in last.parameters())
