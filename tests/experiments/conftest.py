"""A toy network and smooth pictures, to look inside."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn


@pytest.fixture
def toy() -> nn.Module:
    """A small network with a convolution of each kind."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2, padding=1),
        nn.BatchNorm2d(8),
        nn.ReLU6(),
        nn.Conv2d(8, 8, 3, padding=1, groups=8),
        nn.ReLU6(),
        nn.Conv2d(8, 4, 1),
        nn.AdaptiveAvgPool2d(1),
        nn.Conv2d(4, 4, 1),
        nn.Flatten(),
        nn.Linear(4, 5),
    ).eval()


@pytest.fixture
def ramps() -> Callable[..., np.ndarray]:
    """Return a function that makes smooth pictures."""

    def make(images: int = 20, pixels: int = 16) -> np.ndarray:
        random = np.random.default_rng(0)
        ramp = np.add.outer(np.arange(pixels), np.arange(pixels))
        return np.stack(
            [(ramp * s[:, None, None]).astype(np.uint8) for s in random.uniform(2, 8, (images, 3))]
        )

    return make
