"""DenseNet-121 (Huang et al. 2017), growth rate 32: ImageNet and CIFAR forms."""

import torch
from torch import Tensor, nn

from swatlib.checked import checked
from swatlib.models.layers import conv1x1, conv3x3, he_init_, head, named
from swatlib.models.resnet import CIFAR_LIMIT

GROWTH = 32
BLOCKS = (6, 12, 24, 16)


class BottleneckDenseLayer(nn.Module):
    """BN-ReLU-1x1 to ``4 * growth`` channels, BN-ReLU-3x3 to ``growth``, joined to the input.

    Parameters
    ----------
    inputs : int
        Channels going in.
    growth : int
        Channels the layer adds.
    """

    @checked
    def __init__(self, inputs: int, growth: int) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(inputs)
        self.relu1 = nn.ReLU()
        self.conv1 = conv1x1(inputs, 4 * growth)
        self.bn2 = nn.BatchNorm2d(4 * growth)
        self.relu2 = nn.ReLU()
        self.conv2 = conv3x3(4 * growth, growth)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, inputs, H, W) to (N, inputs + growth, H, W)."""
        y = self.conv1(self.relu1(self.bn1(x)))
        y = self.conv2(self.relu2(self.bn2(y)))
        return torch.cat([x, y], dim=1)


@checked
def transition(inputs: int) -> nn.Module:
    """BN-ReLU-1x1 to half the channels, then average pooling to half the size."""
    return named(
        {
            "bn": nn.BatchNorm2d(inputs),
            "relu": nn.ReLU(),
            "conv": conv1x1(inputs, inputs // 2),
            "pool": nn.AvgPool2d(2),
        }
    )


@checked
def densenet121(classes: int, image: int, channels: int) -> nn.Module:
    """DenseNet-121: dense blocks of 6, 12, 24 and 16 layers, transitions that halve the channels.

    On CIFAR the stem is one 3x3 convolution at stride 1, directly before the first block (6.87 M
    conv and linear weights).
    """
    inputs = 2 * GROWTH
    parts: dict[str, nn.Module] = {}
    if image <= CIFAR_LIMIT:
        parts["conv1"] = conv3x3(channels, inputs)
    else:
        parts["conv1"] = nn.Conv2d(channels, inputs, 7, stride=2, padding=3, bias=False)
        parts |= {"bn1": nn.BatchNorm2d(inputs), "relu1": nn.ReLU()}
        parts["maxpool"] = nn.MaxPool2d(3, stride=2, padding=1)
    for block, count in enumerate(BLOCKS, start=1):
        if block > 1:
            parts[f"transition{block - 1}"] = transition(inputs)
            inputs //= 2
        layers = []
        for _ in range(count):
            layers.append(BottleneckDenseLayer(inputs, GROWTH))
            inputs += GROWTH
        parts[f"block{block}"] = nn.Sequential(*layers)
    parts |= {"bn": nn.BatchNorm2d(inputs), "relu": nn.ReLU()}
    return he_init_(named(parts | head(inputs, classes)))
