"""Archives in the YOLO layout, on a small one that the test makes."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from swatlib.detection.training import load
from swatlib.detection.yolo import letterbox, read_labels, read_yolo

CONFIG = b"path: .\ntrain: images/train2017\nnames:\n  0: cat\n  1: traffic light\n"


def jpeg(width: int, height: int, colour: tuple[int, int, int] = (200, 10, 10)) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(stream, "JPEG", quality=95)
    return stream.getvalue()


def good() -> dict[str, bytes]:
    """Two training images, the second without a label file, and one for testing."""
    return {
        "set/config.yaml": CONFIG,
        "set/images/train2017/b.jpg": jpeg(40, 40),
        "set/images/train2017/a.jpg": jpeg(80, 40),
        "set/images/val2017/c.jpg": jpeg(20, 60),
        "set/labels/train2017/a.txt": b"1 0.25 0.5 0.5 1.0\n0 0.5 0.5 0.1 0.1\n",
        "set/labels/val2017/c.txt": b"0 0.5 0.5 1 1",
    }


def archive(folder: Path, files: dict[str, bytes], name: str = "photos.tar") -> Path:
    path = folder / name
    with tarfile.open(path, "w") as tar:
        for file, content in files.items():
            info = tarfile.TarInfo(file)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


def test_boxes_follow_the_letterbox(tmp_path: Path) -> None:
    data = read_yolo(archive(tmp_path, good()), pixels=32)
    assert (data.name, data.class_names) == ("photos", ("cat", "traffic light"))
    assert data.train.images.shape == (2, 3, 32, 32)
    # 80x40 becomes 32x16 with 8 grey rows above and below; "a" comes first, whatever the order.
    assert data.train.boxes[0].tolist() == [[0, 8, 16, 24], pytest.approx([14.4, 15.2, 17.6, 16.8])]
    assert data.train.labels[0].tolist() == [1, 0]
    assert data.train.boxes[1].shape == (0, 4)  # no file, no objects
    width = round(20 * 32 / 60)
    left = (32 - width) // 2
    assert data.test.boxes[0].tolist() == [[left, 0, left + width, 32]]


def test_the_letterbox_keeps_the_shape_of_things() -> None:
    square, (left, top, width, height) = letterbox(Image.new("RGB", (30, 90), (0, 0, 255)), 60)
    assert (left, top, width, height) == (20, 0, 20, 60)
    assert (square[:, :, :20] == 128).all()
    assert (square[:, :, 40:] == 128).all()
    inside = square[:, :, 20:40]
    assert np.array_equal(inside[2], np.full((60, 20), 255))
    assert not inside[:2].any()


def test_boxes_that_stick_out_are_cut_off() -> None:
    boxes, labels = read_labels("3 0.0 0.5 0.5 1.2\n")
    assert boxes.tolist() == [[0, 0, 0.25, 1]]
    assert labels.tolist() == [3]
    assert read_labels("")[0].shape == (0, 4)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("set/labels/train2017/a.txt", b"1 0.5 0.5 0.5", "a line must read 'class x y width heigh"),
        ("set/labels/train2017/a.txt", b"1 0.5 0.5 0.5 wide", "train2017/a: a line must read"),
        ("set/labels/train2017/a.txt", b"1 1.5 0.5 0.2 0.2", "a: box 0 must have left < right"),
        ("set/labels/train2017/a.txt", b"1 0.5 0.5 0 0.2", "a: box 0 must have left < right"),
        ("set/labels/train2017/a.txt", b"1 nan 0.5 0.2 0.2", "a: box 0 must be finite"),
        ("set/labels/train2017/a.txt", b"2 0.5 0.5 0.2 0.2", r"a: label 0 must be in \[0, 2\)"),
        ("set/images/train2017/a.jpg", jpeg(80, 40)[:200], "'set/images/train2017/a.jpg' is trunc"),
        ("set/config.yaml", b"path: .\n", "2 and 1 images and 0 names"),
    ],
)
def test_a_damaged_archive_is_named(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        read_yolo(archive(tmp_path, good() | {name: content}), pixels=32)


def test_other_layouts_and_sizes(tmp_path: Path) -> None:
    files = {name: content for name, content in good().items() if "val" not in name}
    with pytest.raises(ValueError, match="found 2 and 0 images and 2 names"):
        read_yolo(archive(tmp_path, files), pixels=32)
    with pytest.raises(ValueError, match="pixels must be a multiple of 4 and at least 16, got 30"):
        read_yolo(tmp_path / "photos.tar", pixels=30)
    (tmp_path / "cut.tar").write_bytes((tmp_path / "photos.tar").read_bytes()[:700])
    with pytest.raises(ValueError, match="truncated or damaged"):
        read_yolo(tmp_path / "cut.tar", pixels=32)


def test_an_archive_is_found_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive(tmp_path, good())
    monkeypatch.setenv("SWATLIB_DATA", str(tmp_path))
    data = load("photos", pixels=32, images=1)
    assert data.train.images.shape[0] == 1
    assert torch.equal(data.train.boxes[0], load("photos", pixels=32).train.boxes[0])
    for name in ("nothing", "../photos"):
        with pytest.raises(ValueError, match=f"unknown detection data '{name}': allowed"):
            load(name)
    monkeypatch.delenv("SWATLIB_DATA")
    with pytest.raises(ValueError, match="SWATLIB_DATA is not set"):
        load("photos")
