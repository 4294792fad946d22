"""The patches: balanced, disjoint, without clues."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from swatlib.data import load
from swatlib.data.patches import LEAST_CONTRAST, PHOTOGRAPHS, photograph, places


def test_patches_are_balanced() -> None:
    data = load("patches")
    assert data.train_x.shape == (5000, 3, 16, 16)
    assert data.test_x.shape == (2000, 3, 16, 16)
    assert data.train_y.bincount().tolist() == [500] * 10
    assert data.test_y.bincount().tolist() == [200] * 10
    assert data.class_names == tuple(PHOTOGRAPHS)


@pytest.mark.parametrize("pixels", [16, 32])
@pytest.mark.parametrize(("seed", "name"), list(enumerate(PHOTOGRAPHS)))
def test_patches_share_no_pixel_between_splits(name: str, seed: int, pixels: int) -> None:
    image = photograph(name)
    covered = []
    for place in places(image, pixels, seed):
        marked = np.zeros(image.shape[:2], dtype=bool)
        for top, left in place.tolist():
            window = image[top : top + pixels, left : left + pixels].astype(np.float64)
            assert window.shape == (pixels, pixels, 3)
            assert (window - window.mean((0, 1))).std() >= LEAST_CONTRAST - 1e-3
            marked[top : top + pixels, left : left + pixels] = True
        assert len(np.unique(place, axis=0)) == len(place)
        covered.append(marked)
    assert not (covered[0] & covered[1]).any()


def test_patches_do_not_give_themselves_away_by_colour_or_contrast() -> None:
    data = load("patches")
    mean, spread = data.train_x.mean(dim=(2, 3)), data.train_x.flatten(1).std(dim=1)
    assert mean.abs().max() < 1e-3
    per_class = torch.stack([spread[data.train_y == k].mean() for k in range(10)])
    assert per_class.max() / per_class.min() < 1.2


def test_an_image_without_contrast_has_no_places():
    with pytest.raises(ValueError, match=r"image of shape .* must have 500 crops of 16 pixels"):
        places(np.full((200, 200, 3), 9, np.uint8), 16, seed=0)
    with pytest.raises(ValueError, match=r"image of shape .* must have 500 crops of 16 pixels"):
        places(np.zeros((20, 20, 3), np.uint8), 16, seed=0)
