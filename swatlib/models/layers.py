"""What several networks share: bare convolutions, the basic block, He's initialisation."""

from collections.abc import Mapping

from torch import Tensor, nn

from swatlib.checked import checked


@checked
def conv3x3(inputs: int, outputs: int, stride: int = 1) -> nn.Conv2d:
    """Return a 3x3 convolution with padding 1 and no bias, as a batch norm follows it."""
    return nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)


@checked
def conv1x1(inputs: int, outputs: int, stride: int = 1) -> nn.Conv2d:
    """Return a 1x1 convolution without bias."""
    return nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False)


@checked
def named(parts: Mapping[str, nn.Module]) -> nn.Sequential:
    """Chain modules under names of their own; layers are reported as ``layer1.0.conv1``."""
    chain = nn.Sequential()
    for name, module in parts.items():
        chain.add_module(name, module)
    return chain


@checked
def head(inputs: int, classes: int) -> dict[str, nn.Module]:
    """Return average pooling over the map and the linear layer, by name."""
    return {
        "avgpool": nn.AdaptiveAvgPool2d(1),
        "flatten": nn.Flatten(),
        "fc": nn.Linear(inputs, classes),
    }


@checked
def he_init_(model: nn.Module) -> nn.Module:
    """Initialise convolutions and batch norms as He et al. (2015) do for ReLU networks."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.ones_(module.weight)
            nn.init.zeros_(module.bias)
    return model


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut, post-activation (He et al. 2016, Fig. 2).

    Parameters
    ----------
    inputs, outputs : int
        Channels going in and coming out.
    stride : int
        Stride of the first convolution; a 1x1 convolution matches the shortcut to it.
    """

    @checked
    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = conv3x3(inputs, outputs, stride)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.relu1 = nn.ReLU()
        self.conv2 = conv3x3(outputs, outputs)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.relu2 = nn.ReLU()
        self.downsample: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(
                conv1x1(inputs, outputs, stride), nn.BatchNorm2d(outputs)
            )

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, inputs, H, W) to (N, outputs, H/stride, W/stride)."""
        y = self.relu1(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return self.relu2(y + self.downsample(x))
