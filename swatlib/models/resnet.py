"""ResNet-18, 34, 50, 101 and WRN-50-2, for ImageNet and, with a 3x3 stem, for CIFAR.

The bottleneck puts its stride on the 3x3 convolution ("v1.5", as in torchvision), not
on the first 1x1 as He et al. (2016) did: 4.09 instead of 3.8 G multiply-accumulates for ResNet-50.
Parameters have torchvision's names, so its checkpoints load into the ImageNet forms.
"""

from collections.abc import Callable

from torch import Tensor, nn

from swatlib.checked import checked
from swatlib.models.layers import BasicBlock, conv1x1, conv3x3, he_init_, head, named

CIFAR_LIMIT = 64
"""Largest image, in pixels, that gets the CIFAR form of a network."""


class Bottleneck(nn.Module):
    """1x1 down, 3x3 with the stride, 1x1 up, and a shortcut (He et al. 2016, Fig. 5).

    Parameters
    ----------
    inputs : int
        Channels going in.
    width : int
        Channels of the 3x3 convolution.
    outputs : int
        Channels coming out.
    stride : int
        Stride of the 3x3 convolution; a 1x1 convolution matches the shortcut to it.
    """

    @checked
    def __init__(self, inputs: int, width: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = conv1x1(inputs, width)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu1 = nn.ReLU()
        self.conv2 = conv3x3(width, width, stride)
        self.bn2 = nn.BatchNorm2d(width)
        self.relu2 = nn.ReLU()
        self.conv3 = conv1x1(width, outputs)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.relu3 = nn.ReLU()
        self.downsample: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(
                conv1x1(inputs, outputs, stride), nn.BatchNorm2d(outputs)
            )

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, inputs, H, W) to (N, outputs, H/stride, W/stride)."""
        y = self.relu1(self.bn1(self.conv1(x)))
        y = self.relu2(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return self.relu3(y + self.downsample(x))


Block = Callable[[int, int, int], nn.Module]
"""Makes a residual block from its input channels, its stage (0 to 3) and its stride."""


def _basic(inputs: int, stage: int, stride: int) -> nn.Module:
    return BasicBlock(inputs, 64 * 2**stage, stride)


def _bottleneck(inputs: int, stage: int, stride: int) -> nn.Module:
    return Bottleneck(inputs, 64 * 2**stage, 256 * 2**stage, stride)


def _wide_bottleneck(inputs: int, stage: int, stride: int) -> nn.Module:
    return Bottleneck(inputs, 128 * 2**stage, 256 * 2**stage, stride)


def _resnet(
    block: Block, expansion: int, counts: tuple[int, ...], classes: int, image: int, channels: int
) -> nn.Module:
    """Stem, four stages of residual blocks, average pool and linear layer."""
    parts: dict[str, nn.Module] = {}
    if image <= CIFAR_LIMIT:
        parts["conv1"] = nn.Conv2d(channels, 64, 3, padding=1, bias=False)
    else:
        parts["conv1"] = nn.Conv2d(channels, 64, 7, stride=2, padding=3, bias=False)
    parts |= {"bn1": nn.BatchNorm2d(64), "relu": nn.ReLU()}
    if image > CIFAR_LIMIT:
        parts["maxpool"] = nn.MaxPool2d(3, stride=2, padding=1)
    inputs = 64
    for stage, count in enumerate(counts):
        blocks = []
        for index in range(count):
            blocks.append(block(inputs, stage, 2 if stage > 0 and index == 0 else 1))
            inputs = 64 * expansion * 2**stage
        parts[f"layer{stage + 1}"] = nn.Sequential(*blocks)
    return he_init_(named(parts | head(inputs, classes)))


@checked
def resnet18(classes: int, image: int, channels: int) -> nn.Module:
    """ResNet-18: basic blocks 2, 2, 2, 2."""
    return _resnet(_basic, 1, (2, 2, 2, 2), classes, image, channels)


@checked
def resnet34(classes: int, image: int, channels: int) -> nn.Module:
    """ResNet-34: basic blocks 3, 4, 6, 3."""
    return _resnet(_basic, 1, (3, 4, 6, 3), classes, image, channels)


@checked
def resnet50(classes: int, image: int, channels: int) -> nn.Module:
    """ResNet-50 v1.5: bottlenecks 3, 4, 6, 3."""
    return _resnet(_bottleneck, 4, (3, 4, 6, 3), classes, image, channels)


@checked
def resnet101(classes: int, image: int, channels: int) -> nn.Module:
    """ResNet-101 v1.5: bottlenecks 3, 4, 23, 3."""
    return _resnet(_bottleneck, 4, (3, 4, 23, 3), classes, image, channels)


@checked
def wrn50_2(classes: int, image: int, channels: int) -> nn.Module:
    """WRN-50-2: ResNet-50 with 3x3 convolutions of twice the width (Zagoruyko 2016)."""
    return _resnet(_wide_bottleneck, 4, (3, 4, 6, 3), classes, image, channels)
