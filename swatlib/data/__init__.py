"""Data sets: embedded ones that need no network, CIFAR, and any image folder.

>>> from swatlib.data import load
>>> load("digits").train_x.shape
torch.Size([1438, 1, 8, 8])
"""

from __future__ import annotations

import functools
import os
from pathlib import Path

from swatlib import checks
from swatlib.checked import checked

from .cifar import CIFAR10, CIFAR100, read_cifar
from .digits import read_digits
from .folder import SUFFIXES, find, image_folder
from .patches import read_patches
from .splits import Dataset, Images, describe, prepare

__all__ = ["EMBEDDED", "Dataset", "describe", "found", "load"]

EMBEDDED = ("digits", "patches")
DOWNLOADED = {"cifar10": CIFAR10, "cifar100": CIFAR100}


def data_folder() -> Path | None:
    """Return the folder that ``SWATLIB_DATA`` names, or None if it is not set.

    Raises
    ------
    FileNotFoundError
        If it is set and is not a folder.
    """
    value = os.environ.get("SWATLIB_DATA")
    if not value:
        return None
    folder = Path(value).expanduser()
    if not folder.is_dir():
        raise FileNotFoundError(f"SWATLIB_DATA must name a folder, got {value!r}: no such folder")
    return folder


def found() -> list[str]:
    """Return the names `load` knows without a path: embedded, downloadable, and in SWATLIB_DATA."""
    names = [*EMBEDDED, *DOWNLOADED]
    folder = data_folder()
    if folder is not None:
        for path in sorted(folder.iterdir()):
            suffix = next((s for s in SUFFIXES if path.name.endswith(s)), "")
            name = path.name.removesuffix(suffix)
            if (suffix or path.is_dir()) and name not in names and find(name, folder):
                names.append(name)
    return names


@checked
def load(name: str, pixels: int | None = None, images: int | None = None) -> Dataset:
    """Load a data set; the second call with the same arguments returns the same tensors.

    Parameters
    ----------
    name : str
        ``"digits"`` (8x8, grey), ``"patches"`` (16x16 or 32x32, colour), ``"cifar10"``,
        ``"cifar100"``, or the name of an image folder or tar in the folder that the environment
        variable ``SWATLIB_DATA`` names, with images under ``train/<class>/`` and ``test/<class>/``.
    pixels : int, optional
        Height and width of the images; larger originals are averaged down to it.
    images : int, optional
        Use only so many training images, always the same ones. The numbers per class differ by at
        most one. The test set stays whole.

    Returns
    -------
    Dataset
        Treat its tensors as read-only: they are shared between callers.

    Raises
    ------
    ValueError
        Unknown name, impossible ``pixels`` or ``images``, a damaged archive or image, a wrong
        checksum.
    FileNotFoundError
        ``SWATLIB_DATA`` names no folder, or a download was not possible.
    TypeError
        ``name`` is no text, ``pixels`` or ``images`` no integer.
    """
    name = checks.any_text("name", name)
    pixels = checks.optional(checks.count)("pixels", pixels)
    images = checks.optional(checks.count)("images", images)
    return _load(name, pixels, images, None if name in EMBEDDED else data_folder())


@functools.lru_cache(maxsize=4)
def _load(name: str, pixels: int | None, images: int | None, folder: Path | None) -> Dataset:
    return prepare(name, _read(name, pixels, folder), images)


def _read(name: str, pixels: int | None, folder: Path | None) -> Images:
    if name == "digits":
        if pixels not in (None, 8):
            raise ValueError(f"pixels must be 8 for the data set 'digits', got {pixels}")
        return read_digits()
    if name == "patches":
        return read_patches(pixels)
    if name in DOWNLOADED:
        return read_cifar(DOWNLOADED[name], pixels, folder)
    path = None if folder is None else find(name, folder)
    if path is None:
        where = "SWATLIB_DATA is not set" if folder is None else f"SWATLIB_DATA is {folder}"
        raise ValueError(f"unknown data set {name!r}: allowed are {', '.join(found())} ({where})")
    return image_folder(path, pixels)
