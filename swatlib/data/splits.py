"""Turn the images and labels of any data set into a normalised `Dataset`."""

from __future__ import annotations

import hashlib
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from swatlib import checks
from swatlib.checked import checked


class Dataset(NamedTuple):
    """A classification data set, ready to train on.

    Attributes
    ----------
    name : str
        The name it was loaded by, e.g. ``"patches"``.
    train_x, test_x : torch.Tensor
        float32 images ``(N, C, H, W)``. Every channel has mean 0 and standard deviation 1 over the
        *training* images; the test images are shifted and scaled by the same numbers.
    train_y, test_y : torch.Tensor
        int64 labels ``(N,)`` in ``[0, classes)``.
    classes : int
        Number of classes.
    class_names : tuple of str
        One name per class.
    """

    name: str
    train_x: torch.Tensor
    train_y: torch.Tensor
    test_x: torch.Tensor
    test_y: torch.Tensor
    classes: int
    class_names: tuple[str, ...]


class Images(NamedTuple):
    """A data set as read: images ``(N, C, H, W)`` of any real dtype and integer labels ``(N,)``."""

    train_x: NDArray[np.generic]
    train_y: NDArray[np.generic]
    test_x: NDArray[np.generic]
    test_y: NDArray[np.generic]
    class_names: tuple[str, ...]


@checked(x=partial(checks.array, shape=(None, None, None, None)))
def area_average(x: NDArray[np.generic], pixels: int) -> NDArray[np.float32]:
    """Shrink square images ``(N, C, S, S)`` to ``pixels`` by averaging equal blocks.

    Raises
    ------
    ValueError
        If ``pixels`` does not divide the size of the images.
    """
    n, channels, height, width = x.shape
    if height != width or pixels < 1 or height % pixels:
        raise ValueError(f"pixels must be a divisor of the image size {height}, got {pixels}")
    block = height // pixels
    blocks = x.reshape(n, channels, pixels, block, pixels, block)
    return blocks.mean(axis=(3, 5), dtype=np.float32)


@checked(labels=partial(checks.array, shape=(None,)), images=checks.count, classes=checks.count)
def balanced_subset(labels: NDArray[np.generic], images: int, classes: int) -> NDArray[np.intp]:
    """Return indices of ``images`` training images, as many of each class, give or take one.

    Deterministic, and nested: a larger subset contains every smaller one.

    Raises
    ------
    ValueError
        If there are not that many images, in all or of one class.
    """
    if not classes <= images <= len(labels):
        raise ValueError(
            f"images must be between {classes} (one of each class) and {len(labels)}, got {images}"
        )
    # RandomState and not default_rng: NumPy promises that its stream never changes.
    order = np.random.RandomState(0).permutation(len(labels))
    chosen = []
    for label in range(classes):
        wanted = images // classes + (label < images % classes)
        found = order[labels[order] == label][:wanted]
        if len(found) < wanted:
            raise ValueError(
                f"images={images} needs {wanted} images of class {label}, there are {len(found)}"
            )
        chosen.append(found)
    rank = np.argsort(order)
    return np.asarray(sorted(np.concatenate(chosen), key=lambda i: rank[i]), dtype=np.intp)


@checked
def prepare(name: str, raw: Images, images: int | None) -> Dataset:
    """Take a subset of the training images if asked to, normalise, and turn into tensors."""
    train_x, train_y = raw.train_x, raw.train_y
    classes = len(raw.class_names)
    if images is not None:
        keep = balanced_subset(train_y, images, classes)
        train_x, train_y = train_x[keep], train_y[keep]
    train = torch.tensor(np.ascontiguousarray(train_x), dtype=torch.float32)
    test = torch.tensor(np.ascontiguousarray(raw.test_x), dtype=torch.float32)
    # Sums over millions of pixels: in float64, so that the statistics do not depend on the order.
    mean = train.mean(dim=(0, 2, 3), keepdim=True, dtype=torch.float64).float()
    std = train.double().std(dim=(0, 2, 3), keepdim=True, correction=0).float().clamp_min(1e-6)
    return Dataset(
        name,
        train.sub_(mean).div_(std),
        torch.tensor(train_y, dtype=torch.int64),
        test.sub_(mean).div_(std),
        torch.tensor(raw.test_y, dtype=torch.int64),
        classes,
        raw.class_names,
    )


@checked
def describe(dataset: Dataset) -> dict[str, object]:
    """Say which data set this is *as used*: sizes, and a fingerprint of every label and pixel.

    Two runs whose fingerprints agree saw the same images. The pixels enter rounded to 1/100 of a
    standard deviation, so that the last bit of a mean hardly ever makes two fingerprints differ.
    """
    digest = hashlib.sha256()
    for x, y in ((dataset.train_x, dataset.train_y), (dataset.test_x, dataset.test_y)):
        digest.update(x.mul(100).round().to(torch.int16).numpy().tobytes())
        digest.update(y.numpy().tobytes())
    return {
        "name": dataset.name,
        "train": len(dataset.train_y),
        "test": len(dataset.test_y),
        "shape": list(dataset.train_x.shape[1:]),
        "classes": dataset.classes,
        "fingerprint": digest.hexdigest()[:16],
    }
