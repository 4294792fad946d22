"""Photographs with boxes from a tar archive in the YOLO layout, letterboxed to one size.

The layout: ``images/train.../NAME.jpg`` and ``images/val.../NAME.jpg``; for each image that has
objects ``labels/.../NAME.txt`` with a line ``class x y width height`` for each, centre and size
relative to the image; the names of the classes in ``config.yaml``. Nothing is unpacked.
"""

import re
from pathlib import Path, PurePosixPath

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from swatlib import checks
from swatlib.checked import checked
from swatlib.data.archive import members
from swatlib.data.folder import IMAGE_TYPES
from swatlib.data.pictures import decode
from swatlib.detection.boxes import check_boxes, clip
from swatlib.detection.images import BoxedImages, DetectionData

GREY = (128, 128, 128)


@checked(pixels=checks.count)
def letterbox(image: Image.Image, pixels: int) -> tuple[Tensor, tuple[float, float, float, float]]:
    """Shrink or enlarge an image to fit a grey square of ``pixels``, in its middle.

    Returns
    -------
    square : Tensor
        uint8 (3, pixels, pixels).
    frame : tuple of float
        Left, top, width and height of the image within the square.
    """
    scale = pixels / max(image.size)
    width, height = (max(1, round(scale * side)) for side in image.size)
    left, top = (pixels - width) // 2, (pixels - height) // 2
    square = Image.new("RGB", (pixels, pixels), GREY)
    square.paste(image.convert("RGB").resize((width, height), Image.Resampling.BOX), (left, top))
    array = np.array(square, dtype=np.uint8).transpose(2, 0, 1)
    return torch.from_numpy(np.ascontiguousarray(array)), (left, top, width, height)


@checked
def read_labels(text: str) -> tuple[Tensor, Tensor]:
    """Read lines ``class x y width height`` as relative boxes (n, 4) and labels (n,).

    Boxes are edges, cut off at the image; a file without lines has no objects.

    Raises
    ------
    ValueError
        If a line is not of this form.
    """
    labels, boxes = [], []
    for line in text.splitlines():
        try:
            label, x, y, width, height = line.split()
            labels.append(int(label))
            boxes.append([float(x), float(y), float(width), float(height)])
        except ValueError:
            raise ValueError(f"a line must read 'class x y width height', got {line!r}") from None
    centre, size = torch.tensor(boxes, dtype=torch.float64).reshape(-1, 4).split(2, dim=1)
    edges = torch.cat([centre - size / 2, centre + size / 2], dim=1)
    return clip(edges, 1, 1), torch.tensor(labels, dtype=torch.int64)


@checked(pixels=checks.optional(checks.count))
def read_yolo(path: Path, pixels: int | None = None) -> DetectionData:
    """Read an archive; its ``val`` images are the test set.

    Parameters
    ----------
    path : Path
        A .tar, .tar.gz, .tar.bz2 or .tar.xz.
    pixels : int, optional
        Side of the square that images are letterboxed to, a multiple of 4; 128 if not given.

    Raises
    ------
    ValueError
        If the archive, an image or a label file is damaged or of another layout, or a box lies
        outside its image or has no area. Boxes that stick out are cut off.
    """
    pixels = 128 if pixels is None else pixels
    if pixels < 16 or pixels % 4:
        raise ValueError(f"pixels must be a multiple of 4 and at least 16, got {pixels}")
    squares: dict[str, dict[str, tuple[Tensor, tuple[float, ...]]]] = {"train": {}, "val": {}}
    texts: dict[str, str] = {}
    names: tuple[str, ...] = ()
    for name, content in members(path):
        file = PurePosixPath(name)
        if file.name == "config.yaml":
            # Not a YAML parser: only lines such as "  0: person" are read.
            names = tuple(re.findall(r"^\s+\d+:\s*(.+?)\s*$", _text(content, name), re.MULTILINE))
        elif "labels" in file.parts and file.suffix == ".txt":
            texts[f"{file.parent.name}/{file.stem}"] = _text(content, name)
        elif "images" in file.parts and file.suffix.lower() in IMAGE_TYPES:
            split = "train" if file.parent.name.startswith("train") else "val"
            square = letterbox(decode(content, name), pixels)
            squares[split][f"{file.parent.name}/{file.stem}"] = square
    if not names or not squares["train"] or not squares["val"]:
        raise ValueError(
            f"{path} must hold images/train*/, images/val*/ and config.yaml with names, found "
            f"{len(squares['train'])} and {len(squares['val'])} images and {len(names)} names"
        )
    train, test = (_boxed(squares[s], texts, pixels, len(names), path) for s in ("train", "val"))
    return DetectionData(path.name.split(".")[0], train, test, names)


def _text(content: bytes, name: str) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise ValueError(f"{name!r} must be UTF-8 text: {error}") from error


def _boxed(
    squares: dict[str, tuple[Tensor, tuple[float, ...]]],
    texts: dict[str, str],
    pixels: int,
    classes: int,
    path: Path,
) -> BoxedImages:
    """Scale the boxes of a split to their squares, sorted by name for a fixed order."""
    boxes, labels = [], []
    for key in sorted(squares):
        _, (left, top, width, height) = squares[key]
        try:
            edges, y = read_labels(texts.get(key, ""))
            scale = torch.tensor([width, height, width, height], dtype=torch.float64)
            offset = torch.tensor([left, top, left, top], dtype=torch.float64)
            b = (edges * scale + offset).float()
            check_boxes(b, y, pixels, pixels, classes)
        except ValueError as error:
            raise ValueError(f"{path}, labels of {key}: {error}") from error
        boxes.append(b)
        labels.append(y)
    return BoxedImages(torch.stack([squares[key][0] for key in sorted(squares)]), boxes, labels)
