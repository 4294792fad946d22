"""Images with boxes: what can be learnt from."""

import pytest
import torch

from swatlib.detection.images import BoxedImages, check


def good() -> BoxedImages:
    images = torch.zeros(2, 3, 8, 8, dtype=torch.uint8)
    boxes = [torch.tensor([[0.0, 0, 4, 4]]), torch.zeros(0, 4)]
    return BoxedImages(images, boxes, [torch.tensor([1]), torch.zeros(0, dtype=torch.int64)])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": torch.zeros(2, 3, 8, 8)}, "images must be uint8"),
        ({"images": torch.zeros(2, 1, 8, 8, dtype=torch.uint8)}, "of shape \\(2, 1, 8, 8\\)"),
        ({"images": torch.zeros(0, 3, 8, 8, dtype=torch.uint8)}, "images must not be empty"),
        ({"boxes": []}, "got 2 images, 0 sets of boxes and 2 of labels"),
        (
            {"boxes": [torch.tensor([[0.0, 0, 9, 4]]), torch.zeros(0, 4)]},
            "image 0: box 0 must lie inside the image of 8x8",
        ),
        (
            {"boxes": [torch.tensor([[4.0, 0, 4, 4]]), torch.zeros(0, 4)]},
            "image 0: box 0 must have left < right",
        ),
        ({"labels": [torch.tensor([7]), torch.zeros(0)]}, r"image 0: label 0 must be in \[0, 2\)"),
    ],
)
def test_images_that_cannot_be_learnt_are_named(change: dict, message: str) -> None:
    check(good(), classes=2)
    with pytest.raises(ValueError, match=message):
        check(good()._replace(**change), classes=2)


def test_first() -> None:
    assert len(good().first(1).images) == len(good().first(1).boxes) == 1
    for count in (0, 3):
        with pytest.raises(ValueError, match=rf"images must be in \[1, 2\], got {count}"):
            good().first(count)
