"""An image folder, or a tar of one: ``train/<class>/*.jpg`` and ``test/<class>/*.jpg``."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from swatlib import checks
from swatlib.checked import checked

from .archive import LARGEST_MEMBER, is_hidden, members
from .cache import Arrays, cached
from .pictures import decode
from .splits import Images

SUFFIXES = (".tar.xz", ".tar.gz", ".tgz", ".tar.bz2", ".tar")
IMAGE_TYPES = {".jpg", ".jpeg", ".png", ".bmp", ".ppm", ".webp"}


@checked
def find(name: str, folder: Path) -> Path | None:
    """Return the folder or archive called ``name`` inside ``folder``, or None.

    A name with a path separator or a leading dot finds nothing.
    """
    if not name or name.startswith(".") or any(sign in name for sign in "/\\\0"):
        return None
    candidates = [folder / name, *(folder / f"{name}{suffix}" for suffix in SUFFIXES)]
    try:
        return next((path for path in candidates if path.is_dir() or path.is_file()), None)
    except OSError:
        return None  # the name is too long for the file system


def _is_image(name: str) -> bool:
    return PurePosixPath(name).suffix.lower() in IMAGE_TYPES


def _files(path: Path) -> Iterator[tuple[str, bytes]]:
    if not path.is_dir():
        yield from members(path)
        return
    for file in _walk(path):
        name = file.relative_to(path).as_posix()
        if not _is_image(name):
            continue
        if not file.is_file():
            raise ValueError(f"image {file} must be a file, is none or a link that leads nowhere")
        if (size := file.stat().st_size) > LARGEST_MEMBER:
            raise ValueError(f"image {file} has {size} bytes, at most {LARGEST_MEMBER} are allowed")
        yield name, file.read_bytes()


def _walk(folder: Path, above: tuple[Path, ...] = ()) -> Iterator[Path]:
    """Yield what is in a folder and all below it, linked folders too, without hidden files."""
    above = (*above, folder.resolve())
    for item in sorted(folder.iterdir()):
        if is_hidden(item.name):
            continue
        if not item.is_dir():
            yield item
        elif item.resolve() in above:
            raise ValueError(f"folder {item} must not be a link to a folder above it")
        else:
            yield from _walk(item, above)


def _pixels(content: bytes, pixels: int | None, name: str = "image") -> NDArray[np.uint8]:
    """Decode one image to ``(3, H, W)``: the middle square, area-averaged to ``pixels``."""
    image = decode(content, name)
    if pixels is not None:
        side = min(image.size)
        if pixels > side:
            raise ValueError(f"pixels must be at most {side}, the size of {name!r}, got {pixels}")
        left, top = (image.width - side) // 2, (image.height - side) // 2
        box = (left, top, left + side, top + side)
        image = image.resize((pixels, pixels), Image.Resampling.BOX, box=box)
    return np.asarray(image, dtype=np.uint8).transpose(2, 0, 1)


def _decode(path: Path, pixels: int | None) -> Arrays:
    found: dict[str, list[tuple[str, str, NDArray[np.uint8]]]] = {"train": [], "test": []}
    for name, content in _files(path):
        parts = PurePosixPath(name).parts
        if len(parts) < 3 or parts[-3] not in found:
            continue
        if not _is_image(name):
            continue
        found[parts[-3]].append((parts[-2], parts[-1], _pixels(content, pixels, name)))
    if not found["train"] or not found["test"]:
        raise ValueError(
            f"{path} must hold images as train/<class>/NAME.jpg and test/<class>/NAME.jpg, "
            f"found {len(found['train'])} train and {len(found['test'])} test images"
        )
    classes = sorted({row[0] for row in found["train"]})
    if unknown := {row[0] for row in found["test"]} - set(classes):
        raise ValueError(f"{path}: test classes {sorted(unknown)} have no training images")
    shapes = {row[2].shape for rows in found.values() for row in rows}
    if len(shapes) > 1:
        raise ValueError(
            f"{path} holds images of different sizes: pixels must be given, got pixels=None"
        )
    arrays: Arrays = {"classes": np.array(classes)}
    for split, rows in found.items():
        rows.sort(key=lambda row: row[:2])  # the result must not depend on the archive's order
        arrays[f"{split}_x"] = np.stack([row[2] for row in rows])
        arrays[f"{split}_y"] = np.array([classes.index(row[0]) for row in rows])
    return arrays


def _belongs(arrays: Arrays) -> bool:
    """Say whether these are arrays that `_decode` makes: a cache can hold anything."""
    names = {"classes", "train_x", "train_y", "test_x", "test_y"}
    if arrays.keys() != names or arrays["classes"].ndim != 1 or arrays["classes"].dtype.kind != "U":
        return False
    for split in ("train", "test"):
        x, y = arrays[f"{split}_x"], arrays[f"{split}_y"]
        if x.dtype != np.uint8 or x.ndim != 4 or x.shape[1] != 3:
            return False
        if y.dtype.kind != "i" or y.shape != x.shape[:1] or not y.size:
            return False
        if y.min() < 0 or y.max() >= len(arrays["classes"]):
            return False
    return arrays["train_x"].shape[1:] == arrays["test_x"].shape[1:]


def _identity(path: Path) -> str:
    """Return a key that changes when the file, or any file of the folder, changes."""
    digest = hashlib.sha256(str(path.resolve()).encode())
    for file in _walk(path) if path.is_dir() else [path]:
        status = file.stat() if file.exists() else file.lstat()
        name = file.relative_to(path).as_posix()
        digest.update(f"{name} {status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:16]


@checked(pixels=checks.optional(checks.count))
def image_folder(path: Path, pixels: int | None = None) -> Images:
    """Read an image folder or a tar of one; decoded images are cached for the next time.

    Parameters
    ----------
    path : Path
        A folder, or a .tar, .tar.gz, .tar.bz2 or .tar.xz that is read as a stream.
    pixels : int, optional
        Cut the middle square of every image and average it down to this size. Levels are rounded to
        8 bits. Not needed if all images have one size.

    Raises
    ------
    ValueError
        If the archive or an image is truncated or damaged, the layout is another one, the images
        have different sizes and ``pixels`` is None, or ``pixels`` is larger than an image.
    """
    size = "native" if pixels is None else str(pixels)
    stem = path.name.split(".")[0]
    arrays = cached(f"{stem}-{size}-{_identity(path)}", lambda: _decode(path, pixels), _belongs)
    names = tuple(str(name) for name in arrays["classes"])
    return Images(arrays["train_x"], arrays["train_y"], arrays["test_x"], arrays["test_y"], names)


@checked(pixels=checks.count)
def read_photographs(path: Path, pixels: int, images: int | None = None) -> NDArray[np.uint8]:
    """Read images without labels, from a folder or a tar of any layout.

    Parameters
    ----------
    path : Path
        As in `image_folder`.
    pixels : int
        Each image's middle square is averaged down to this size.
    images : int, optional
        Only so many, always the same ones; every one by default.

    Returns
    -------
    ndarray
        uint8 ``(N, 3, pixels, pixels)``, in an order that is random and always the same.

    Raises
    ------
    ValueError
        If there are none or not so many, or as in `image_folder`.
    """
    found = sorted(item for item in _files(path) if _is_image(item[0]))
    if not found or (images is not None and not 1 <= images <= len(found)):
        raise ValueError(f"images must be between 1 and the {len(found)} of {path}, got {images}")
    # RandomState and not default_rng: NumPy promises that its stream never changes.
    chosen = np.random.RandomState(0).permutation(len(found))[:images]
    return np.stack([_pixels(found[i][1], pixels, found[i][0]) for i in chosen])
