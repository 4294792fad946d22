"""Folders and archives of images."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import numpy as np
import pytest
from data_archives import add, png, write_tar
from PIL import Image

from swatlib.data import folder as folder_module
from swatlib.data import found, load


@pytest.mark.parametrize(
    ("suffix", "mode"), [(".tar", "w"), (".tar.xz", "w:xz"), (".tar.gz", "w:gz"), ("", "folder")]
)
def test_image_folder_and_tar(
    own_folders: Path, pictures: dict[str, np.ndarray], suffix: str, mode: str
) -> None:
    if mode == "folder":
        for name, pixels in pictures.items():
            file = own_folders / "insects" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(png(pixels))
    else:
        write_tar(own_folders / f"insects{suffix}", pictures, mode)
    data = load("insects")
    assert data.class_names == ("ant", "bee")
    assert data.train_y.tolist() == [0, 0, 1, 1]
    stack = np.stack([p for n, p in pictures.items() if n.startswith("train")]).astype(np.float64)
    want = ((stack - stack.mean((0, 1, 2))) / stack.std((0, 1, 2))).transpose(0, 3, 1, 2)
    np.testing.assert_allclose(data.train_x.numpy(), want, atol=1e-5)
    small = load("insects", pixels=2, images=2)
    assert small.train_x.shape == (2, 3, 2, 2)
    assert small.train_y.tolist() in ([0, 1], [1, 0])
    assert "insects" in found()


def test_image_folder_averages_areas(tmp_path: Path, pictures: dict[str, np.ndarray]) -> None:
    write_tar(tmp_path / "insects.tar", pictures, "w")
    images = folder_module.image_folder(tmp_path / "insects.tar", pixels=2)
    source = pictures["test/bee/0001.png"].astype(np.float64)
    for c in range(3):
        for i in range(2):
            for j in range(2):
                mean = source[2 * i : 2 * i + 2, 2 * j : 2 * j + 2, c].mean()
                assert abs(float(images.test_x[3, c, i, j]) - mean) <= 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"train/ant/0000.png": b"\x89PNG broken"}, "truncated or damaged"),
        ({"train/cat/0000.png": None}, "different sizes: pixels must be given"),
        ({"test/dog/0000.png": b""}, "truncated or damaged"),
    ],
)
def test_bad_images(own_folders: Path, pictures: dict, change: dict, message: str) -> None:
    other = png(np.zeros((6, 5, 3), dtype=np.uint8))
    with tarfile.open(own_folders / "bad.tar", "w") as tar:
        for name, pixels in pictures.items():
            add(tar, name, change.get(name, png(pixels)))
        for name in change.keys() - pictures.keys():
            add(tar, name, other if change[name] is None else change[name])
    with pytest.raises(ValueError, match=message):
        load("bad")


def test_images_of_different_sizes_are_cut_square(own_folders: Path, pictures: dict) -> None:
    wide = np.zeros((4, 8, 3), dtype=np.uint8)
    wide[:, 2:6] = 200
    with tarfile.open(own_folders / "mixed.tar", "w") as tar:
        for name, pixels in {**pictures, "train/ant/wide.png": wide}.items():
            add(tar, name, png(pixels))
    images = folder_module.image_folder(own_folders / "mixed.tar", pixels=2)
    assert (images.train_x[2] == 200).all()
    with pytest.raises(ValueError, match="pixels must be at most 4, the size of"):
        load("mixed", pixels=5)


def test_layout_and_folder_errors(own_folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with tarfile.open(own_folders / "odd.tar", "w") as tar:
        add(tar, "images/a.png", png(np.zeros((2, 2, 3), dtype=np.uint8)))
    with pytest.raises(ValueError, match=r"must hold images as train/<class>/NAME\.jpg"):
        load("odd")
    monkeypatch.setenv("SWATLIB_DATA", str(own_folders / "nowhere"))
    with pytest.raises(FileNotFoundError, match=r"SWATLIB_DATA must name a folder, got .*nowhere"):
        load("insects")
    assert load("digits").classes == 10  # embedded data do not need it
    monkeypatch.delenv("SWATLIB_DATA")
    with pytest.raises(ValueError, match=r"unknown data set 'insects'.*SWATLIB_DATA is not set"):
        load("insects")


def test_truncated_jpeg_is_an_error(own_folders: Path, pictures: dict) -> None:
    stream = io.BytesIO()
    Image.fromarray(np.random.default_rng(3).integers(0, 256, (64, 64, 3), np.uint8)).save(
        stream, "JPEG"
    )
    with tarfile.open(own_folders / "jpeg.tar", "w") as tar:
        for split in ("train", "test"):
            add(tar, f"{split}/a/0.jpg", stream.getvalue()[:-400])
    with pytest.raises(ValueError, match=r"image 'train/a/0\.jpg' is truncated or damaged"):
        load("jpeg")


def test_photographs_without_labels(own_folders: Path) -> None:
    """Any layout, a folder or a tar: the same images in the same order, each one once."""
    random = np.random.default_rng(0)
    pictures = {f"a/{i}.png": random.integers(0, 256, (4, 4, 3), dtype=np.uint8) for i in range(6)}
    with tarfile.open(own_folders / "p.tar", "w") as tar:
        add(tar, "readme.txt", b"no image")
        for name, pixels in reversed(pictures.items()):
            add(tar, name, png(pixels))
    (own_folders / "p" / "a").mkdir(parents=True)
    for name, pixels in pictures.items():
        (own_folders / "p" / name).write_bytes(png(pixels))
    whole = folder_module.read_photographs(own_folders / "p.tar", pixels=4)
    assert whole.dtype == np.uint8
    assert sorted(x.tobytes() for x in whole) == sorted(
        p.transpose(2, 0, 1).tobytes() for p in pictures.values()
    )
    assert np.array_equal(whole, folder_module.read_photographs(own_folders / "p", pixels=4))
    some = folder_module.read_photographs(own_folders / "p", pixels=4, images=2)
    assert np.array_equal(some, whole[:2])
    for wrong in (0, 7):
        with pytest.raises(ValueError, match="images must be between 1 and the 6"):
            folder_module.read_photographs(own_folders / "p", pixels=4, images=wrong)
    with pytest.raises(ValueError, match="pixels must be at most 4"):
        folder_module.read_photographs(own_folders / "p", pixels=5)
