"""Images with boxes, and a data set of them."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

import torch
from torch import Tensor

from swatlib.checked import checked
from swatlib.detection.boxes import check_boxes


class BoxedImages(NamedTuple):
    """Images and what is to be found in them.

    Attributes
    ----------
    images : Tensor
        uint8, shape (N, 3, H, W).
    boxes : list of Tensor
        Per image float32, shape (n, 4), edges in pixels as in :mod:`swatlib.detection.boxes`; n may
        be 0.
    labels : list of Tensor
        Per image int64, shape (n,).
    """

    images: Tensor
    boxes: list[Tensor]
    labels: list[Tensor]

    @checked
    def first(self, count: int) -> BoxedImages:
        """Return the first ``count`` images.

        Raises
        ------
        ValueError
            If there are not so many, or ``count`` is less than 1.
        """
        if not 1 <= count <= len(self.images):
            raise ValueError(f"images must be in [1, {len(self.images)}], got {count}")
        return BoxedImages(self.images[:count], self.boxes[:count], self.labels[:count])


class DetectionData(NamedTuple):
    """A data set for detection: two sets of images, and the names of the classes."""

    name: str
    train: BoxedImages
    test: BoxedImages
    class_names: tuple[str, ...]


@checked
def check(found: BoxedImages, classes: int) -> None:
    """Make sure that a detector can be trained on images with boxes.

    Raises
    ------
    ValueError
        If there is no image, shapes or numbers do not fit, or a box or label is wrong
        (:func:`swatlib.detection.boxes.check_boxes`).
    """
    images, boxes, labels = found
    if images.ndim != 4 or images.shape[1] != 3 or images.dtype != torch.uint8:
        raise ValueError(
            f"images must be uint8 of shape (N, 3, H, W), got {images.dtype} of shape "
            f"{tuple(images.shape)}"
        )
    if not len(images):
        raise ValueError("images must not be empty, got none")
    if not len(images) == len(boxes) == len(labels):
        raise ValueError(
            f"every image needs its boxes and labels, got {len(images)} images, {len(boxes)} sets "
            f"of boxes and {len(labels)} of labels"
        )
    for index, (b, y) in enumerate(zip(boxes, labels, strict=True)):
        try:
            check_boxes(b, y, images.shape[2], images.shape[3], classes)
        except ValueError as error:
            raise ValueError(f"image {index}: {error}") from error


@checked
def describe(data: DetectionData) -> dict[str, object]:
    """Say which data set this is *as used*: sizes, and a fingerprint of pixels, boxes and labels.

    Boxes enter rounded to 1/100 of a pixel.
    """
    digest = hashlib.sha256()
    for part in (data.train, data.test):
        digest.update(part.images.numpy().tobytes())
        for boxes, labels in zip(part.boxes, part.labels, strict=True):
            digest.update(boxes.mul(100).round().to(torch.int32).numpy().tobytes())
            digest.update(labels.numpy().tobytes())
    return {
        "name": data.name,
        "train": len(data.train.images),
        "test": len(data.test.images),
        "train_boxes": sum(map(len, data.train.boxes)),
        "test_boxes": sum(map(len, data.test.boxes)),
        "shape": list(data.train.images.shape[1:]),
        "classes": len(data.class_names),
        "fingerprint": digest.hexdigest()[:16],
    }
