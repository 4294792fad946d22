"""Layer shapes read from a model."""

import pytest
import torch
from torch import nn

from swatlib.models import build_network
from swatlib.simulator import Layer, layers_of


def test_resnet50() -> None:
    with torch.device("meta"):
        model = build_network("resnet50", classes=1000, image=224)
    layers = layers_of(model, (1, 3, 224, 224))
    assert len(layers) == 54
    # 4.09 G multiply-accumulates: He et al. 2016, Table 1 says 3.8 G for the version whose
    # stride sits in the 1x1 convolution, this one has it in the 3x3.
    assert sum(layer.macs for layer in layers) == 4_089_184_256
    assert [layer.first for layer in layers] == [True] + [False] * 53
    assert layers[0].weight_shape == (64, 3, 7, 7)
    assert layers[0].output_shape == (1, 64, 112, 112)


def test_a_layer_used_twice_is_there_twice() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 3, 3, padding="same")

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.conv(self.conv(x))

    layers = layers_of(Twice(), (2, 3, 5, 5))
    assert [layer.name for layer in layers] == ["conv", "conv@2"]
    assert layers[1].padding == (1, 1)


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (nn.Conv2d(3, 3, 3, dilation=2), "layer '0': dilation"),
        (nn.ConvTranspose2d(3, 3, 3), "layer '0': ConvTranspose2d is not supported"),
        (nn.Conv2d(3, 3, 3, padding_mode="reflect", padding=1), "layer '0': reflect padding"),
        (nn.Conv2d(3, 3, 2, padding="same"), "layer '0': padding 'same' of an even kernel"),
    ],
)
@pytest.mark.filterwarnings("ignore:Using padding:UserWarning")
def test_what_cannot_be_simulated_is_named(layer: nn.Module, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        layers_of(nn.Sequential(layer), (1, 3, 9, 9))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"filters": 0}, "layer 'a': filters must be at least 1"),
        ({"groups": 2, "channels": 3}, "layer 'a': groups must divide"),
        ({"kernel": (5, 5), "image": (3, 3)}, "layer 'a': a .* does not fit"),
    ],
)
def test_impossible_layers_are_named(fields: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Layer(**{"name": "a", "filters": 4, "channels": 4, **fields})
