"""The parts that networks share."""

import pytest
import torch
from torch import nn

from swatlib.models.layers import BasicBlock, conv1x1, conv3x3, he_init_, head, named


@pytest.mark.parametrize("stride", [1, 2])
def test_convolutions_divide_the_size_by_their_stride(stride: int) -> None:
    x = torch.randn(1, 3, 8, 8)
    for layer in (conv3x3(3, 5, stride), conv1x1(3, 5, stride)):
        assert layer(x).shape == (1, 5, 8 // stride, 8 // stride)
        assert layer.bias is None


def test_a_block_has_a_convolution_on_its_shortcut_where_shapes_differ() -> None:
    assert isinstance(BasicBlock(4, 4).downsample, nn.Identity)
    assert BasicBlock(4, 8, stride=2)(torch.randn(2, 4, 6, 6)).shape == (2, 8, 3, 3)


def test_a_chain_has_the_names_it_was_given() -> None:
    chain = named({"first": nn.ReLU(), **head(4, 3)})
    assert [name for name, _ in chain.named_children()] == ["first", "avgpool", "flatten", "fc"]
    assert chain(torch.randn(2, 4, 5, 5)).shape == (2, 3)


def test_initialisation_is_that_of_he() -> None:
    layer = he_init_(nn.Sequential(nn.Conv2d(16, 64, 3)))[0]
    assert layer.weight.std().item() == pytest.approx((2 / (64 * 9)) ** 0.5, rel=0.05)
    assert not layer.bias.any()
