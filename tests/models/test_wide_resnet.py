"""Wide residual networks: pre-activation blocks, and shortcuts where the shape changes."""

import torch
from torch import nn

from swatlib.models.wide_resnet import PreActivationBlock, wrn16_8


def test_a_shortcut_where_the_shape_changes() -> None:
    assert PreActivationBlock(4, 4, 1, 0.0).downsample is None
    block = PreActivationBlock(4, 8, 2, 0.0)
    assert block(torch.randn(2, 4, 6, 6)).shape == (2, 8, 3, 3)


def test_a_block_whose_convolutions_are_zero_is_the_identity() -> None:
    block = PreActivationBlock(4, 4, 1, 0.3).eval()
    nn.init.zeros_(block.conv2.weight)
    x = torch.randn(2, 4, 5, 5)
    assert torch.equal(block(x), x)


def test_channels_of_the_stages() -> None:
    with torch.device("meta"):
        model = wrn16_8(classes=10, image=32, channels=3)
    outputs = [model.get_submodule(f"layer{k}.1.conv2").out_channels for k in (1, 2, 3)]
    assert outputs == [128, 256, 512]
