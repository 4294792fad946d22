"""VGG-16 (configuration D of Simonyan and Zisserman 2014) with batch norm.

The three linear layers stay on CIFAR too, 512-4096-4096-classes, as SWAT's VGG-16 has them: they
hold more than half of its weights and few of its multiply-accumulates.
"""

from torch import nn

from swatlib.checked import checked
from swatlib.models.layers import he_init_, named
from swatlib.models.resnet import CIFAR_LIMIT

STAGES = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))


@checked
def vgg16(classes: int, image: int, channels: int) -> nn.Module:
    """VGG-16-D: thirteen 3x3 convolutions in five stages, max pooling, three linear layers."""
    layers: list[nn.Module] = []
    inputs = channels
    for stage in STAGES:
        for outputs in stage:
            # No bias: the batch norm that follows has one.
            convolution = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
            layers += [convolution, nn.BatchNorm2d(outputs), nn.ReLU()]
            inputs = outputs
        layers.append(nn.MaxPool2d(2))
    side = 1 if image <= CIFAR_LIMIT else 7
    classifier = [
        nn.AdaptiveAvgPool2d(side),
        nn.Flatten(),
        nn.Linear(512 * side * side, 4096),
        nn.ReLU(),
        nn.Dropout(),
        nn.Linear(4096, 4096),
        nn.ReLU(),
        nn.Dropout(),
        nn.Linear(4096, classes),
    ]
    parts = {"features": nn.Sequential(*layers), "classifier": nn.Sequential(*classifier)}
    return he_init_(named(parts))
