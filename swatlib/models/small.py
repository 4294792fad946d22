"""Three small network families for 8x8 to 32x32 images: residual, plain and densely connected.

They differ as ResNet-18, VGG-16 and DenseNet-121 do in what the papers' sensitivity studies depend
on (shortcuts, no shortcuts, concatenation), and train in seconds instead of days. A stem
convolution, which halves images above 8x8, is followed by three stages, each at half the
size of the one before: 8, 4 and 2 pixels for 8x8 and 16x16 images, 16, 8 and 4 for 32x32.
(A fourth halving would leave 1x1 maps, where only the centre of a padded 3x3 kernel learns.)
A training step of the three costs about the same.
"""

import torch
from torch import Tensor, nn

from swatlib.checked import checked
from swatlib.models.densenet import transition
from swatlib.models.layers import BasicBlock, conv3x3, he_init_, head, named


class DenseLayer(nn.Module):
    """BN, ReLU, 3x3 convolution; its output is concatenated to its input (Huang et al. 2017)."""

    @checked
    def __init__(self, inputs: int, growth: int) -> None:
        super().__init__()
        self.bn = nn.BatchNorm2d(inputs)
        self.relu = nn.ReLU()
        self.conv = conv3x3(inputs, growth)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, inputs, H, W) to (N, inputs + growth, H, W)."""
        return torch.cat([x, self.conv(self.relu(self.bn(x)))], dim=1)


class NormAfterReLU(nn.Module):
    """ReLU, then batch norm: the order of DSG's layers (Liu et al. 2019).

    What comes in as exactly zero goes out as zero. Behind a product whose outputs are left out that
    is DSG's second mask, without which batch norm would fill them; a dense product has hardly any.
    """

    @checked
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.relu = nn.ReLU()
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, channels, H, W) to the same shape."""
        found: Tensor = self.norm(self.relu(x)) * (x != 0)
        return found


@checked
def small_resnet(
    classes: int, image: int, channels: int, width: int = 32, depth: int = 8
) -> nn.Module:
    """Residual network: stem, three stages of basic blocks (width, 2 width, 4 width), linear.

    Parameters
    ----------
    classes, image, channels : int
        Outputs, pixels along a side of the image, and image channels.
    width : int
        Channels of the stem and of the first stage.
    depth : int
        Weighted layers along the longest path, 6 n + 2 for n blocks a stage.
    """
    blocks = _per_stage(depth, step=6, fixed=2)
    parts = _stem(image, channels, width) | {"bn1": nn.BatchNorm2d(width), "relu": nn.ReLU()}
    inputs = width
    for stage in range(3):
        outputs = width * 2**stage
        layers = []
        for block in range(blocks):
            layers.append(BasicBlock(inputs, outputs, stride=2 if stage and not block else 1))
            inputs = outputs
        parts[f"layer{stage + 1}"] = nn.Sequential(*layers)
    return he_init_(named(parts | head(inputs, classes)))


@checked
def small_vgg(
    classes: int,
    image: int,
    channels: int,
    width: int = 32,
    depth: int = 8,
    relu_first: bool = False,
) -> nn.Module:
    """Plain network: conv-BN-ReLU throughout, max pooling between stages, linear.

    The convolutions of :func:`small_resnet` without shortcuts, and pooling instead of strides.

    Parameters
    ----------
    classes, image, channels : int
        Outputs, pixels along a side of the image, and image channels.
    width : int
        Channels of the stem and of the first stage; the next stages have 2 and 4 times as many.
    depth : int
        Weighted layers, 3 n + 2 for n convolutions a stage.
    relu_first : bool
        Conv-ReLU-BN instead, where zeros stay zeros, see :class:`NormAfterReLU`.
    """
    convolutions = _per_stage(depth, step=3, fixed=2)
    parts = _stem(image, channels, width)
    if relu_first:
        parts["norm1"] = NormAfterReLU(width)
    else:
        parts |= {"bn1": nn.BatchNorm2d(width), "relu": nn.ReLU()}
    inputs = width
    for stage in range(3):
        outputs = width * 2**stage
        layers: list[nn.Module] = [nn.MaxPool2d(2)] if stage else []
        for _ in range(convolutions):
            layers.append(conv3x3(inputs, outputs))
            layers += (
                [NormAfterReLU(outputs)] if relu_first else [nn.BatchNorm2d(outputs), nn.ReLU()]
            )
            inputs = outputs
        parts[f"stage{stage + 1}"] = nn.Sequential(*layers)
    return he_init_(named(parts | head(inputs, classes)))


@checked
def small_densenet(
    classes: int, image: int, channels: int, width: int = 32, depth: int = 13
) -> nn.Module:
    """Densely connected network: stem, three dense blocks with 1x1 transitions, linear.

    Parameters
    ----------
    classes, image, channels : int
        Outputs, pixels along a side of the image, and image channels.
    width : int
        Channels of the stem; each dense layer adds half as many (the growth rate).
    depth : int
        Weighted layers, 3 n + 4 for n layers a block.
    """
    per_block = _per_stage(depth, step=3, fixed=4)
    growth = max(1, width // 2)
    parts = _stem(image, channels, width)
    inputs = width
    for stage in range(3):
        if stage:
            parts[f"transition{stage}"] = transition(inputs)
            inputs //= 2
        layers = []
        for _ in range(per_block):
            layers.append(DenseLayer(inputs, growth))
            inputs += growth
        parts[f"block{stage + 1}"] = nn.Sequential(*layers)
    parts |= {"bn": nn.BatchNorm2d(inputs), "relu": nn.ReLU()}
    return he_init_(named(parts | head(inputs, classes)))


def _stem(image: int, channels: int, width: int) -> dict[str, nn.Module]:
    return {"conv1": conv3x3(channels, width, stride=1 if image <= 8 else 2)}


def _per_stage(depth: int, step: int, fixed: int) -> int:
    count, rest = divmod(depth - fixed, step)
    if count < 1 or rest:
        examples = ", ".join(str(step * n + fixed) for n in (1, 2, 3))
        raise ValueError(f"depth must be {step} n + {fixed} ({examples}, ...), got {depth}")
    return count
