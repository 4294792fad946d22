"""``scenes``: handwritten digits on photographs, with boxes that are exact by construction.

Digits of scikit-learn, in random sizes and at random places, are painted on crops of the
photographs of :mod:`swatlib.data.patches`. A box is the smallest one around the painted pixels.
Boxes never overlap, and about a fifth of the scenes are empty. Training and test scenes share no
digit and no pixel of a photograph. The scenes are the same on every machine and for every run.
"""

from functools import lru_cache, partial

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from swatlib import checks
from swatlib.checked import checked
from swatlib.data.digits import read_digits
from swatlib.data.patches import PHOTOGRAPHS, photograph, places, windows
from swatlib.detection.images import BoxedImages, DetectionData

TRAIN = 2_000
TEST = 500
PIXELS = (32, 48, 64)
MOST_OBJECTS = 4
SIZES = (10, 22)
"""Least and largest height of a digit's 8x8 raster in the scene, in pixels."""
OPACITY = (0.5, 1.0)
FAINTEST = 0.25
"""Least ink, of at most 1, that is painted. Fainter ink would make a box larger than it looks."""
TRIES = 20

Pixels = NDArray[np.float32]


@checked
def backgrounds(pixels: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Cut training and test crops (N, 3, pixels, pixels) from disjoint parts of the photographs."""
    parts: tuple[list[NDArray[np.uint8]], ...] = ([], [])
    for label, name in enumerate(PHOTOGRAPHS):
        image = photograph(name)
        view = windows(image, pixels)
        for part, place in zip(parts, places(image, pixels, seed=label), strict=True):
            part.append(view[place[:, 0], place[:, 1]])
    return np.concatenate(parts[0]), np.concatenate(parts[1])


@checked(digit=partial(checks.array, shape=(None, None)), size=checks.count)
def ink(digit: NDArray[np.generic], size: int) -> Pixels:
    """Enlarge a raster (8, 8) with values 0 to 16 to ``size`` pixels and cut off empty margins.

    Returns
    -------
    ndarray
        float32 (h, w) in [0, 1] with h, w <= size; faint ink is 0, and every edge touches ink.
    """
    raster = Image.fromarray(digit.astype(np.float32) / 16)
    large = np.asarray(raster.resize((size, size), Image.Resampling.BILINEAR))
    large = np.where(large >= FAINTEST, large, 0)
    if not large.any():
        raise ValueError("digit must have ink, got none")
    rows, columns = np.flatnonzero(large.any(axis=1)), np.flatnonzero(large.any(axis=0))
    return large[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


@checked(
    digits=partial(checks.array, shape=(None, None, None)),
    labels=partial(checks.array, shape=(None,), kinds="iu"),
    crops=partial(checks.array, shape=(None, 3, None, None)),
    count=checks.count,
    seed=partial(checks.count, least=0, most=2**32 - 1),
)
def compose(
    digits: NDArray[np.generic],
    labels: NDArray[np.generic],
    crops: NDArray[np.uint8],
    count: int,
    seed: int,
) -> BoxedImages:
    """Paint 0 to 4 of the digits on every one of ``count`` crops.

    Parameters
    ----------
    digits, labels : ndarray, shapes (D, 8, 8) and (D,)
    crops : ndarray
        uint8 (B, 3, P, P).
    count, seed : int
        Number of scenes, and the seed of every choice. The first scenes do not depend on ``count``.
    """
    if not len(crops) or not len(digits) or len(digits) != len(labels):
        raise ValueError(
            "digits, labels and crops must not be empty, and every digit must have its label, got "
            f"{len(digits)}, {len(labels)} and {len(crops)}"
        )
    # RandomState and not default_rng: NumPy promises that its stream never changes.
    random = np.random.RandomState(seed)
    scenes, boxes, classes = [], [], []
    for _ in range(count):
        scene = crops[random.randint(len(crops))].astype(np.float32)
        found: list[tuple[int, int, int, int]] = []
        names: list[int] = []
        for _ in range(random.randint(MOST_OBJECTS + 1)):
            which = random.randint(len(digits))
            paint = ink(digits[which], random.randint(SIZES[0], SIZES[1] + 1))
            opacity = random.uniform(*OPACITY)
            box = _place(paint.shape, scene.shape[1], found, random)
            if box is not None:
                _paint(scene, paint * opacity, box)
                found.append(box)
                names.append(int(labels[which]))
        scenes.append(scene.round().astype(np.uint8))
        boxes.append(torch.tensor(found, dtype=torch.float32).reshape(-1, 4))
        classes.append(torch.tensor(names, dtype=torch.int64))
    return BoxedImages(torch.from_numpy(np.stack(scenes)), boxes, classes)


def _place(
    shape: tuple[int, ...],
    pixels: int,
    taken: list[tuple[int, int, int, int]],
    random: np.random.RandomState,
) -> tuple[int, int, int, int] | None:
    """Find a box of ``shape`` that overlaps none of those taken, or None after some tries."""
    height, width = shape
    for _ in range(TRIES):
        top, left = random.randint(pixels - height + 1), random.randint(pixels - width + 1)
        right, bottom = left + width, top + height
        if all(right <= a or c <= left or bottom <= b or d <= top for a, b, c, d in taken):
            return left, top, right, bottom
    return None


def _paint(scene: Pixels, paint: Pixels, box: tuple[int, int, int, int]) -> None:
    """Mix white ink into a dark place, black ink into a bright one, in place."""
    left, top, right, bottom = box
    under = scene[:, top:bottom, left:right]
    colour = 255.0 if under.mean() < 127.5 else 0.0
    under += paint * (colour - under)


@checked
@lru_cache(maxsize=2)
def read_scenes(pixels: int | None = None) -> DetectionData:
    """Compose 2000 training and 500 test scenes of 48x48 pixels, or another of `PIXELS`.

    The second call returns the same tensors.

    Raises
    ------
    ValueError
        If ``pixels`` is none of them.
    """
    pixels = 48 if pixels is None else pixels
    if pixels not in PIXELS:
        raise ValueError(f"pixels must be one of {PIXELS} for the data 'scenes', got {pixels}")
    digits = read_digits()
    train, test = backgrounds(pixels)
    return DetectionData(
        "scenes",
        compose(digits.train_x[:, 0], digits.train_y, train, TRAIN, seed=0),
        compose(digits.test_x[:, 0], digits.test_y, test, TEST, seed=1),
        digits.class_names,
    )


@checked
def one_class(data: DetectionData) -> DetectionData:
    """Return the same images and boxes with one class: digits are found, not told apart."""
    train, test = (
        part._replace(labels=[torch.zeros_like(y) for y in part.labels])
        for part in (data.train, data.test)
    )
    return DetectionData(f"{data.name}-one-class", train, test, ("object",))
