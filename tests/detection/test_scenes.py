"""Scenes: the boxes are exact, nothing is shared between training and test, seeds decide all."""

from itertools import combinations

import numpy as np
import pytest
import torch

from swatlib.data.digits import read_digits
from swatlib.detection.boxes import iou
from swatlib.detection.images import BoxedImages, check, describe
from swatlib.detection.scenes import (
    FAINTEST,
    SIZES,
    backgrounds,
    compose,
    ink,
    one_class,
    read_scenes,
)


@pytest.fixture(scope="module")
def on_grey() -> BoxedImages:
    """Scenes on plain grey, where whatever differs from grey was painted."""
    digits = read_digits()
    grey = np.full((1, 3, 48, 48), 100, dtype=np.uint8)
    return compose(digits.train_x[:, 0], digits.train_y, grey, count=60, seed=3)


def test_boxes_are_exact(on_grey: BoxedImages) -> None:
    """Nothing is painted outside the boxes, and all four edges of every box touch paint."""
    for image, boxes in zip(on_grey.images, on_grey.boxes, strict=True):
        painted = (image != 100).any(0)
        for left, top, right, bottom in boxes.int().tolist():
            inner = painted[top:bottom, left:right]
            for line in (inner[0], inner[-1], inner[:, 0], inner[:, -1]):
                assert line.any()
            painted[top:bottom, left:right] = False
        assert not painted.any()


def test_boxes_do_not_overlap_and_are_good(on_grey: BoxedImages) -> None:
    check(on_grey, classes=10)
    for boxes in on_grey.boxes:
        for a, b in combinations(boxes, 2):
            assert iou(a[None], b[None]).item() == 0


def test_scenes_hold_0_to_4_objects_of_all_classes(on_grey: BoxedImages) -> None:
    assert {len(boxes) for boxes in on_grey.boxes} == {0, 1, 2, 3, 4}
    assert set(torch.cat(on_grey.labels).tolist()) == set(range(10))


@pytest.mark.parametrize("size", [SIZES[0], 15, SIZES[1]])
def test_ink_fills_its_own_box(size: int) -> None:
    for digit in read_digits().train_x[:20, 0]:
        paint = ink(digit, size)
        assert max(paint.shape) <= size
        assert ((paint == 0) | (paint >= FAINTEST)).all()
        for line in (paint[0], paint[-1], paint[:, 0], paint[:, -1]):
            assert line.any()


def test_same_seed_same_scenes_and_more_scenes_begin_alike() -> None:
    digits = read_digits()
    crops = np.random.RandomState(0).randint(0, 256, (5, 3, 48, 48)).astype(np.uint8)

    def make(count: int, seed: int) -> BoxedImages:
        return compose(digits.train_x[:, 0], digits.train_y, crops, count, seed)

    few, many, other = make(4, 0), make(8, 0), make(4, 1)
    assert torch.equal(few.images, many.images[:4])
    assert all(map(torch.equal, few.boxes, many.boxes))
    assert not torch.equal(few.images, other.images)


def test_training_and_test_photographs_share_no_crop() -> None:
    """That they share no pixel is how `swatlib.data.patches` chooses places; crops show it."""
    train, test = backgrounds(32)
    assert len(train) == 5_000
    assert len(test) == 2_000
    kept = {crop.tobytes() for crop in train}
    assert not any(crop.tobytes() in kept for crop in test)


def test_the_scenes_of_the_book_never_change() -> None:
    """Their fingerprint stands in every record; it was taken when the scenes were first made."""
    data = read_scenes()
    assert describe(data) == {
        "name": "scenes",
        "train": 2000,
        "test": 500,
        "train_boxes": 3840,
        "test_boxes": 960,
        "shape": [3, 48, 48],
        "classes": 10,
        "fingerprint": "8fd8ee53768e1f40",
    }
    blank = one_class(data)
    assert torch.equal(blank.test.images, data.test.images)
    assert all(map(torch.equal, blank.test.boxes, data.test.boxes))
    assert not torch.cat(blank.train.labels).any()
    assert (blank.name, blank.class_names) == ("scenes-one-class", ("object",))
    empty = sum(not len(boxes) for boxes in data.train.boxes) / 2000
    assert 0.15 < empty < 0.25


def test_bad_input() -> None:
    with pytest.raises(ValueError, match=r"pixels must be one of \(32, 48, 64\) .* got 50"):
        read_scenes(50)


def test_a_background_of_one_pixel_has_no_contrast():
    with pytest.raises(ValueError, match=r"must have 500 crops of 1 pixels with a contrast"):
        backgrounds(1)
