"""digits and patches: sizes, balance, and no pixel that is in both splits."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from swatlib.data import describe, load
from swatlib.data.patches import LEAST_CONTRAST, PHOTOGRAPHS, photograph, places


@pytest.mark.parametrize("arguments", [("digits",), ("patches",), ("patches", 32)])
def test_is_normalised_by_its_training_images(arguments: tuple) -> None:
    data = load(*arguments)
    for x, y in ((data.train_x, data.train_y), (data.test_x, data.test_y)):
        assert x.dtype == torch.float32
        assert y.dtype == torch.int64
        assert len(x) == len(y)
        assert x.is_contiguous()
        assert set(y.tolist()) == set(range(data.classes))
        assert len(data.class_names) == 10
    mean = data.train_x.double().mean(dim=(0, 2, 3))
    std = data.train_x.double().std(dim=(0, 2, 3), correction=0)
    assert mean.abs().max() < 1e-5
    assert (std - 1).abs().max() < 1e-5


def test_digits_are_all_there_once() -> None:
    data = load("digits")
    assert data.train_x.shape[1:] == (1, 8, 8)
    together = torch.cat([data.train_x, data.test_x]).flatten(1)
    labels = torch.cat([data.train_y, data.test_y])
    bunch = load_digits()
    want = torch.tensor(bunch.data, dtype=torch.float32)
    # Undo the one shift and scale by two known values: a pixel that is 0, and one that is 16.
    low, high = together.min(), together.max()
    got = ((together - low) / (high - low) * 16).round()
    assert sorted(map(tuple, got.tolist())) == sorted(map(tuple, want.tolist()))
    assert torch.equal(labels.bincount(), torch.tensor(bunch.target).bincount())
    assert (data.test_y.bincount() - 0.2 * labels.bincount()).abs().max() < 1


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


def test_is_the_same_every_time() -> None:
    from swatlib.data import _load

    first = load("patches", images=100)
    _load.cache_clear()
    second = load("patches", images=100)
    assert first.train_x is not second.train_x
    assert describe(first) == describe(second)
    assert load("patches", images=100) is second
    assert describe(load("patches"))["fingerprint"] != describe(second)["fingerprint"]


def test_subset_is_balanced_and_nested() -> None:
    small, large = load("digits", images=53), load("digits", images=200)
    counts = small.train_y.bincount()
    assert counts.sum() == 53
    assert counts.max() - counts.min() == 1
    assert large.train_y.bincount().tolist() == [20] * 10
    assert torch.equal(small.test_y, large.test_y)

    def levels(data) -> set[tuple[float, ...]]:
        x = torch.cat([data.train_x, data.test_x]).flatten(1)
        scaled = (x - x.min()) / (x.max() - x.min()) * 16
        return set(map(tuple, scaled[: len(data.train_y)].round().tolist()))

    assert levels(small) <= levels(large)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (("digits", 16), ValueError, "pixels must be 8 .* got 16"),
        (("patches", 24), ValueError, "pixels must be 16 or 32 .* got 24"),
        (("digits", None, 5), ValueError, "images must be between 10 .* and 1438, got 5"),
        (("digits", None, 9999), ValueError, "images must be .* got 9999"),
        (("digits", None, 1438), ValueError, "needs 144 images of class"),
        (("digits", 0), ValueError, "pixels must be at least 1, got 0"),
        (("digits", "8"), TypeError, "pixels must be an integer"),
        (("digits", None, True), TypeError, "images must be an integer"),
        (("dogs",), ValueError, "unknown data set 'dogs': allowed are digits, patches, cifar10"),
        (("../data",), ValueError, "unknown data set"),
    ],
)
def test_bad_input(arguments: tuple, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        load(*arguments)


def test_an_image_without_contrast_has_no_places():
    with pytest.raises(ValueError, match=r"image of shape .* must have 500 crops of 16 pixels"):
        places(np.full((200, 200, 3), 9, np.uint8), 16, seed=0)
    with pytest.raises(ValueError, match=r"image of shape .* must have 500 crops of 16 pixels"):
        places(np.zeros((20, 20, 3), np.uint8), 16, seed=0)
