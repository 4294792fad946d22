"""DenseNet-121: every layer adds its growth, every transition halves."""

import torch

from swatlib.models.densenet import BLOCKS, GROWTH, BottleneckDenseLayer, densenet121, transition


def test_a_layer_keeps_its_input_and_adds_its_growth() -> None:
    x = torch.randn(2, 6, 4, 4)
    y = BottleneckDenseLayer(6, 3)(x)
    assert y.shape == (2, 9, 4, 4)
    assert torch.equal(y[:, :6], x)


def test_a_transition_halves_channels_and_size() -> None:
    assert transition(8)(torch.randn(1, 8, 6, 6)).shape == (1, 4, 3, 3)


def test_channels_at_the_end_are_those_of_the_paper() -> None:
    with torch.device("meta"):
        model = densenet121(classes=10, image=32, channels=3)
    channels = 2 * GROWTH
    for block, count in enumerate(BLOCKS):
        channels = (channels if block == 0 else channels // 2) + count * GROWTH
    assert channels == model.get_submodule("fc").in_features == 1024
