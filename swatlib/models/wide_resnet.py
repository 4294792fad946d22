"""Wide residual networks of Zagoruyko and Komodakis (2016) for CIFAR: WRN-16-8 and WRN-28-10.

Pre-activation blocks; where the shape changes, the 1x1 shortcut takes the input after its
BN and ReLU. They have a CIFAR form only; larger images are pooled at the end.
"""

from torch import Tensor, nn

from swatlib.checked import checked
from swatlib.models.layers import conv1x1, conv3x3, he_init_, head, named


class PreActivationBlock(nn.Module):
    """BN-ReLU-conv twice, with dropout between the convolutions, and a shortcut.

    Parameters
    ----------
    inputs, outputs : int
        Channels going in and coming out.
    stride : int
        Stride of the first convolution and of the 1x1 shortcut.
    dropout : float
        Probability with which an activation between the convolutions is zeroed.
    """

    @checked
    def __init__(self, inputs: int, outputs: int, stride: int, dropout: float) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(inputs)
        self.relu1 = nn.ReLU()
        self.conv1 = conv3x3(inputs, outputs, stride)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.relu2 = nn.ReLU()
        self.dropout = nn.Dropout(dropout)
        self.conv2 = conv3x3(outputs, outputs)
        self.downsample = (
            conv1x1(inputs, outputs, stride) if stride != 1 or inputs != outputs else None
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, inputs, H, W) to (N, outputs, H/stride, W/stride)."""
        activated = self.relu1(self.bn1(x))
        y = self.conv2(self.dropout(self.relu2(self.bn2(self.conv1(activated)))))
        return y + (x if self.downsample is None else self.downsample(activated))


def _wide_resnet(
    depth: int, widen: int, classes: int, channels: int, dropout: float = 0.3
) -> nn.Module:
    blocks = (depth - 4) // 6
    parts: dict[str, nn.Module] = {"conv1": conv3x3(channels, 16)}
    inputs = 16
    for stage in range(3):
        outputs = 16 * widen * 2**stage
        layers = []
        for block in range(blocks):
            stride = 2 if stage > 0 and block == 0 else 1
            layers.append(PreActivationBlock(inputs, outputs, stride, dropout))
            inputs = outputs
        parts[f"layer{stage + 1}"] = nn.Sequential(*layers)
    parts |= {"bn": nn.BatchNorm2d(inputs), "relu": nn.ReLU()}
    return he_init_(named(parts | head(inputs, classes)))


@checked
def wrn16_8(classes: int, image: int, channels: int) -> nn.Module:
    """WRN-16-8: two blocks a stage, 128, 256 and 512 channels."""
    return _wide_resnet(16, 8, classes, channels)


@checked
def wrn28_10(classes: int, image: int, channels: int) -> nn.Module:
    """WRN-28-10: four blocks a stage, 160, 320 and 640 channels."""
    return _wide_resnet(28, 10, classes, channels)
