"""Residual networks: the stride of a bottleneck, and the two stems."""

import torch

from swatlib.models.resnet import CIFAR_LIMIT, Bottleneck, resnet18


def test_the_stride_is_on_the_3x3_convolution() -> None:
    block = Bottleneck(8, 4, 16, stride=2)
    strides = [layer.stride[0] for layer in (block.conv1, block.conv2, block.conv3)]
    assert strides == [1, 2, 1]
    assert block(torch.randn(2, 8, 6, 6)).shape == (2, 16, 3, 3)


def test_small_images_have_a_stem_that_keeps_their_size() -> None:
    with torch.device("meta"):
        small, large = (resnet18(10, image, 3) for image in (CIFAR_LIMIT, CIFAR_LIMIT + 1))
    assert small.get_submodule("conv1").stride == (1, 1)
    assert large.get_submodule("conv1").stride == (2, 2)
    assert not hasattr(small, "maxpool")
