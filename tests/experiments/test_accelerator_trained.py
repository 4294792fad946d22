"""Masks of trained networks against random ones."""

import numpy as np
import pytest

from swatlib.experiments.accelerator_trained import compare, filter_imbalance
from swatlib.models import build_network
from swatlib.simulator import generate, layers_of


def test_imbalance() -> None:
    mask = np.zeros((4, 10), bool)
    assert filter_imbalance(mask) == 0
    mask[:, :5] = True
    assert filter_imbalance(mask) == 0
    mask[0] = True  # 10, 5, 5, 5: mean 6.25, standard deviation 2.165
    assert filter_imbalance(mask) == pytest.approx(2.165 / 6.25, abs=1e-3)
    noise = np.random.default_rng(0).random((4000, 90)) < 0.1
    assert filter_imbalance(noise) == pytest.approx((0.9 / (0.1 * 90)) ** 0.5, rel=0.05)


def test_equal_masks_compare_equal() -> None:
    layers = layers_of(build_network("small_resnet", image=8), (1, 3, 8, 8))
    masks = generate(layers, 0.9)
    for speed in compare(layers, masks, masks).values():
        assert speed["masks"] == speed["random"]
