"""VGG-16: thirteen convolutions and three linear layers."""

import torch
from torch import nn

from swatlib.models.vgg import vgg16


def test_sixteen_weighted_layers_and_the_classifier_of_swat() -> None:
    with torch.device("meta"):
        model = vgg16(classes=10, image=32, channels=3)
    convolutions = [m for m in model.modules() if isinstance(m, nn.Conv2d)]
    linear = [m for m in model.modules() if isinstance(m, nn.Linear)]
    assert len(convolutions) == 13
    assert [(m.in_features, m.out_features) for m in linear] == [
        (512, 4096),
        (4096, 4096),
        (4096, 10),
    ]
