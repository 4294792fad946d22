"""``patches``: crops of ten colour photographs that come inside scikit-image and scikit-learn.

The class of a crop is the photograph it was cut from. Every photograph is divided into square
cells, twice as wide as a crop; a cell belongs either to the training or to the test set, and a crop
never leaves its cell, so no pixel is shared between the two sets. From every crop the mean colour
is removed and the contrast is set to one: brightness and tint, which would give the photograph
away, are gone, and a network has to look at texture and shape.

These are all colour photographs among the installed files of the two packages; nothing is
downloaded. The right half of the stereo pair (``motorcycle_right``) shows the same scene as the
left one and is left out; drawings, scans of text and grey images are no colour photographs.
"""

from __future__ import annotations

from functools import partial
from importlib.resources import files

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from PIL import Image

from swatlib import checks
from swatlib.checked import checked

from .splits import Images

PHOTOGRAPHS: dict[str, tuple[str, str]] = {
    "astronaut": ("skimage.data", "astronaut.png"),
    "cat": ("skimage.data", "chelsea.png"),
    "coffee": ("skimage.data", "coffee.png"),
    "galaxies": ("skimage.data", "hubble_deep_field.jpg"),
    "tissue": ("skimage.data", "ihc.png"),
    "motorcycle": ("skimage.data", "motorcycle_left.png"),
    "retina": ("skimage.data", "retina.jpg"),
    "rocket": ("skimage.data", "rocket.jpg"),
    "temple": ("sklearn.datasets.images", "china.jpg"),
    "flower": ("sklearn.datasets.images", "flower.jpg"),
}
TRAIN_PER_CLASS = 500
TEST_PER_CLASS = 200
TEST_CELLS = 0.3
# Least contrast of a crop, in levels of 255. A crop of plain sky or table would not show its class.
LEAST_CONTRAST = 5.0
MOST_VAIN = 100  # rounds of draws in a row that may find no new crop

Places = NDArray[np.int64]


@checked
def photograph(name: str) -> NDArray[np.uint8]:
    """Read one of the `PHOTOGRAPHS` as uint8 ``(H, W, 3)``."""
    package, filename = PHOTOGRAPHS[checks.one_of("name", name, PHOTOGRAPHS)]
    with files(package).joinpath(filename).open("rb") as stream:
        return np.asarray(Image.open(stream).convert("RGB"))


@checked(image=partial(checks.array, shape=(None, None, None)), pixels=checks.count)
def windows(image: NDArray[np.uint8], pixels: int) -> NDArray[np.uint8]:
    """Return a view of every window of an image, ``(H - pixels + 1, W - pixels + 1, 3, p, p)``."""
    if pixels > min(image.shape[:2]):
        raise ValueError(f"pixels must fit an image of shape {image.shape}, got {pixels}")
    return sliding_window_view(image, (pixels, pixels), axis=(0, 1))


@checked(crops=partial(checks.array, shape=(None, None, None, None)))
def contrast(crops: NDArray[np.generic]) -> NDArray[np.float32]:
    """Return the standard deviation of each crop ``(N, 3, p, p)`` around its mean colour."""
    return np.sqrt(crops.var(axis=(2, 3), dtype=np.float32).mean(axis=1))


@checked(crops=partial(checks.array, shape=(None, None, None, None), kinds="iuf"))
def standardised(crops: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Remove the mean colour of each crop ``(N, 3, p, p)`` and divide by its `contrast`."""
    centred = crops - crops.mean(axis=(2, 3), dtype=np.float32, keepdims=True)
    return centred / contrast(crops)[:, None, None, None]


@checked(
    image=partial(checks.array, shape=(None, None, None), kinds="iuf"),
    pixels=checks.count,
    seed=partial(checks.count, least=0, most=2**32 - 1),
)
def places(image: NDArray[np.uint8], pixels: int, seed: int) -> tuple[Places, Places]:
    """Choose where the training and the test crops of one photograph lie, inside their cells.

    Returns
    -------
    train, test : ndarray
        int64 ``(500, 2)`` and ``(200, 2)``: row and column of the top left pixel, no place twice.

    Raises
    ------
    ValueError
        If the image has too few places with at least `LEAST_CONTRAST`.
    """
    # RandomState and not default_rng: NumPy promises that its stream never changes.
    random = np.random.RandomState(seed)
    cell = 2 * pixels
    rows, columns = image.shape[0] // cell, image.shape[1] // cell
    order = random.permutation(rows * columns)
    for_test = round(TEST_CELLS * len(order))
    view = windows(image, pixels)

    def choose(cells: NDArray[np.int64], wanted: int) -> Places:
        chosen: dict[tuple[int, ...], None] = {}
        found, vain = 0, 0
        while len(chosen) < wanted:
            found, vain = len(chosen), vain + 1 if len(chosen) == found else 0
            if vain > MOST_VAIN or not len(cells):
                raise ValueError(
                    f"image of shape {image.shape} must have {wanted} crops of {pixels} pixels "
                    f"with a contrast of {LEAST_CONTRAST:g} levels, found {found}"
                )
            corner = np.stack(divmod(cells[random.randint(len(cells), size=wanted)], columns), 1)
            place = cell * corner + random.randint(cell - pixels + 1, size=(wanted, 2))
            keep = contrast(view[place[:, 0], place[:, 1]]) >= LEAST_CONTRAST
            chosen |= dict.fromkeys(map(tuple, place[keep].tolist()))
        return np.array(list(chosen)[:wanted])

    return choose(order[for_test:], TRAIN_PER_CLASS), choose(order[:for_test], TEST_PER_CLASS)


@checked
def read_patches(pixels: int | None = None) -> Images:
    """Cut 500 training and 200 test crops of 16x16 or 32x32 pixels from each photograph.

    Raises
    ------
    ValueError
        If ``pixels`` is neither 16 nor 32.
    """
    pixels = 16 if pixels is None else pixels
    if pixels not in (16, 32):
        raise ValueError(f"pixels must be 16 or 32 for the data set 'patches', got {pixels}")
    images: tuple[list[NDArray[np.float32]], ...] = ([], [])
    for label, name in enumerate(PHOTOGRAPHS):
        image = photograph(name)
        view = windows(image, pixels)
        for split, place in zip(images, places(image, pixels, seed=label), strict=True):
            split.append(standardised(view[place[:, 0], place[:, 1]]))
    labels = np.arange(len(PHOTOGRAPHS))
    return Images(
        np.concatenate(images[0]),
        labels.repeat(TRAIN_PER_CLASS),
        np.concatenate(images[1]),
        labels.repeat(TEST_PER_CLASS),
        tuple(PHOTOGRAPHS),
    )
