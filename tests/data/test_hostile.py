"""Names, archives, folders and cache files that are not what they should be."""

from __future__ import annotations

import gzip
import io
import os
import random
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from swatlib.data import archive, found, load
from swatlib.data import folder as folder_module
from swatlib.data.archive import is_hidden, members
from swatlib.data.cache import cached
from swatlib.data.folder import find, image_folder, read_photographs
from swatlib.detection.training import load as load_detection


def png(value: int, size: int = 4) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (size, size), (value, 0, 255 - value)).save(stream, "PNG")
    return stream.getvalue()


def names() -> list[str]:
    return [f"{part}/{label}/{k}.png" for part in ("train", "test") for label in "ab" for k in "01"]


def write_folder(folder: Path) -> Path:
    for value, name in enumerate(names()):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(png(value))
    return folder


def add(tar: tarfile.TarFile, name: str, content: bytes = b"", **fields: object) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for field, value in fields.items():
        setattr(info, field, value)
    tar.addfile(info, io.BytesIO(content))


def write_tar(path: Path, more: dict[str, bytes] | None = None, mode: str = "w") -> Path:
    with tarfile.open(path, mode) as tar:
        for value, name in enumerate(names()):
            add(tar, name, png(value))
        for name, content in (more or {}).items():
            add(tar, name, content)
    return path


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "a/..",
        "../x",
        "inner/",
        "./inner",
        "inner/..",
        "\0",
        "inner\0",
        "a\\b",
        "x" * 999,
        ".hidden",
        "absolute",
    ],
)
def test_a_name_does_not_lead_out_of_the_folder(
    own_folders: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    write_folder(own_folders)  # what ".." and "." would be
    write_folder(own_folders.parent / "x")
    write_folder(own_folders / "inner" / ".hidden")
    monkeypatch.setenv("SWATLIB_DATA", str(own_folders / "inner"))
    name = str(own_folders) if name == "absolute" else name
    with pytest.raises(ValueError, match="unknown data set"):
        load(name)
    with pytest.raises(ValueError, match=r"unknown detection data|must not be empty"):
        load_detection(name)
    assert find(name, own_folders / "inner") is None


def test_a_name_is_text() -> None:
    with pytest.raises(TypeError, match="name must be"):
        load(Path("digits"))  # type: ignore[arg-type]


def test_what_is_found_can_be_loaded(own_folders: Path) -> None:
    write_folder(own_folders / "a b")
    write_tar(own_folders / "c.tar")
    (own_folders / "._c.tar").write_bytes(b"Mac OS X")
    (own_folders / ".cache").mkdir()
    (own_folders / ".tar").write_bytes(b"")
    os.mkfifo(own_folders / "pipe.tar")
    assert found() == ["digits", "patches", "cifar10", "cifar100", "a b", "c"]
    assert load("a b").classes == load("c").classes == 2
    with pytest.raises(ValueError, match="unknown data set 'pipe'"):
        load("pipe")  # reading it would wait for ever


@pytest.mark.parametrize(
    ("name", "want"),
    [
        ("./train/a/0.png", False),
        ("train/a/0.png", False),
        ("train/a/._0.png", True),
        ("__MACOSX/train/a/0.png", True),
        (".git/train/a/0.png", True),
        ("../x.png", False),
    ],
)
def test_hidden(name: str, want: bool) -> None:
    assert is_hidden(name) == want


def test_what_systems_leave_behind_is_no_picture(own_folders: Path) -> None:
    scrap = {
        "train/a/._0.png": b"Mac OS X",
        "__MACOSX/train/a/0.png": b"Mac OS X",
        "train/a/Thumbs.db": b"\xd0\xcf",
        "train/.DS_Store": b"\0",
        "train/.ipynb_checkpoints/0.png": b"not",
    }
    write_tar(own_folders / "tarred.tar", scrap)
    for name, content in scrap.items():
        file = own_folders / "plain" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    write_folder(own_folders / "plain")
    for name in ("tarred", "plain"):
        data = load(name)
        assert (len(data.train_y), data.class_names) == (4, ("a", "b"))
        path = own_folders / ("plain" if name == "plain" else "tarred.tar")
        assert len(read_photographs(path, 4)) == 8


@pytest.mark.parametrize(
    ("name", "fields", "message"),
    [
        ("train/a/l.png", {"type": tarfile.SYMTYPE, "linkname": "0.png"}, "is a link"),
        ("train/a/l.png", {"type": tarfile.LNKTYPE, "linkname": "train/a/0.png"}, "is a link"),
        ("train/a/f.png", {"type": tarfile.FIFOTYPE}, "is of type b'6'"),
        ("train/a/d.png", {"type": tarfile.CHRTYPE}, "is of type b'3'"),
        ("../train/a/0.png", {}, "must lie within the archive's folder"),
        ("/train/a/0.png", {}, "must lie within the archive's folder"),
        ("train/a/../b/0.png", {}, "must lie within the archive's folder"),
    ],
)
def test_members_that_are_no_files_of_the_archive(
    own_folders: Path, name: str, fields: dict[str, object], message: str
) -> None:
    path = write_tar(own_folders / "sly.tar")
    with tarfile.open(path, "a") as tar:
        add(tar, name, **fields)
    with pytest.raises(ValueError, match=message) as caught:
        load("sly")
    assert f"member {name!r}" in str(caught.value)
    assert "sly.tar" in str(caught.value)


def test_a_member_that_is_there_twice(own_folders: Path) -> None:
    write_tar(own_folders / "twice.tar", {"./train/a/0.png": png(9)})
    with pytest.raises(ValueError, match=r"twice\.tar must have 'train/a/0\.png' once, has it twi"):
        load("twice")


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:xz", "w:bz2"])
def test_an_archive_that_grows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    zeros = {f"train/a/{k}.bmp": bytes(50_000) for k in range(20)}
    path = write_tar(tmp_path / "bomb.tar", zeros, mode)
    read = [len(content) for _, content in members(path)]
    assert len(read) == 28
    monkeypatch.setattr(archive, "LARGEST_START", 200_000)
    monkeypatch.setattr(archive, "LARGEST_RATIO", 2)
    read.clear()
    if mode == "w":  # it is as large as it says
        assert len(list(members(path))) == 28
        return
    most = 200_000 + 2 * path.stat().st_size
    with pytest.raises(ValueError, match=f"bomb.tar must unpack to at most {most} bytes"):
        read.extend(len(content) for _, content in members(path))
    assert sum(read) <= most


def test_an_end_that_grows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Zeros after the last member; no member is too large."""
    whole = write_tar(tmp_path / "whole.tar").read_bytes()
    path = tmp_path / "end.tar.gz"
    path.write_bytes(gzip.compress(whole + bytes(5_000_000)))
    monkeypatch.setattr(archive, "LARGEST_START", 1_000_000)
    with pytest.raises(ValueError, match=r"end\.tar\.gz must unpack to at most"):
        list(members(path))


def test_a_header_that_grows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name of megabytes, which tarfile reads at once."""
    path = tmp_path / "header.tar.gz"
    with tarfile.open(path, "w:gz", format=tarfile.GNU_FORMAT) as tar:
        add(tar, "x" * 3_000_000 + ".png")
    monkeypatch.setattr(archive, "LARGEST_MEMBER", 1_000_000)
    with pytest.raises(ValueError, match=r"headers of at most 1000000 bytes; at byte 0"):
        list(members(path))


def test_members_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_tar(tmp_path / "many.tar")
    monkeypatch.setattr(archive, "MOST_MEMBERS", 7)
    with pytest.raises(ValueError, match=r"many\.tar must have at most 7 members"):
        list(members(path))


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:xz", "w:bz2"])
def test_an_archive_changed_anywhere_is_the_same_or_named(tmp_path: Path, mode: str) -> None:
    whole = write_tar(tmp_path / "whole.tar", mode=mode).read_bytes()
    path, dice = tmp_path / "changed.tar", random.Random(0)
    for _ in range(150):
        changed = bytearray(whole)
        for _ in range(dice.choice([1, 8])):
            changed[dice.randrange(min(len(whole), 3000))] = dice.randrange(256)
        path.write_bytes(changed)
        try:
            list(members(path))
        except ValueError as error:
            assert "changed.tar" in str(error)  # noqa: PT017


def test_a_folder_with_links(own_folders: Path) -> None:
    write_folder(own_folders / "far")
    near = own_folders / "near"
    (near / "train").mkdir(parents=True)
    for part, label in (("train", "a"), ("train", "b")):
        (near / part / label).symlink_to(own_folders / "far" / part / label)
    (near / "test").symlink_to(own_folders / "far" / "test")
    assert len(load("near").train_y) == 4  # a linked class is a class
    (near / "train" / "c.png").symlink_to(own_folders / "nowhere")
    with pytest.raises(ValueError, match=r"image .*c\.png must be a file, is none or a link that"):
        image_folder(near, 4)
    (near / "train" / "c.png").unlink()
    (own_folders / "far" / "train" / "a" / "up").symlink_to(own_folders / "far")
    with pytest.raises(ValueError, match=r"folder .*up must not be a link to a folder above it"):
        image_folder(own_folders / "far", 4)


def test_a_pipe_and_a_huge_file_in_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_folder(tmp_path / "plain")
    os.mkfifo(folder / "train" / "a" / "pipe.png")
    with pytest.raises(ValueError, match=r"pipe\.png must be a file"):
        image_folder(folder)
    (folder / "train" / "a" / "pipe.png").unlink()
    monkeypatch.setattr(folder_module, "LARGEST_MEMBER", 50)
    with pytest.raises(ValueError, match=r"0\.png has \d+ bytes, at most 50 are allowed"):
        image_folder(folder)


def npz(**arrays: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


def npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def zipped(content: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as file:
        file.writestr("train_x.npy", content)
    return stream.getvalue()


HUGE = npy(np.zeros(3)).replace(b"(3,)", b"(3000000000000000,)").replace(b" " * 15, b"", 1)
GOOD = {
    "classes": np.array(["a", "b"]),
    "train_x": np.zeros((4, 3, 4, 4), np.uint8),
    "train_y": np.zeros(4, np.int64),
    "test_x": np.zeros((4, 3, 4, 4), np.uint8),
    "test_y": np.zeros(4, np.int64),
}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"foreign",
        npy(np.zeros(3)),
        npz(other=np.zeros(3)),
        npz(**GOOD | {"train_x": np.zeros((4, 3, 4, 4), np.float32)}),
        npz(**GOOD | {"train_x": np.zeros((4, 4, 4), np.uint8)}),
        npz(**GOOD | {"train_y": np.full(4, 2)}),
        npz(**GOOD | {"train_y": np.zeros(3, np.int64)}),
        npz(**GOOD | {"test_x": np.zeros((4, 3, 5, 5), np.uint8)}),
        npz(**GOOD | {"classes": np.zeros(2)}),
        zipped(b"\x93NUMPY\x01\x00\xff\xff{"),
        zipped(HUGE),
        None,
    ],
)
def test_a_foreign_file_in_the_cache_is_made_again(
    own_folders: Path, content: bytes | None
) -> None:
    path = write_tar(own_folders / "mine.tar")
    want = image_folder(path)
    (place,) = (own_folders.parent / "cache").glob("*.npz")
    place.unlink()
    if content is None:
        place.mkdir()
    else:
        place.write_bytes(content)
    got = image_folder(path)
    assert np.array_equal(got.train_x, want.train_x)
    assert got.train_y.tolist() == [0, 0, 1, 1]
    if content is not None:
        place_again = np.load(place)
        assert np.array_equal(place_again["train_x"], want.train_x)


def test_a_cache_that_is_no_folder_or_has_no_locks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = {"x": np.arange(3)}
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SWATLIB_CACHE", str(tmp_path / "file"))
    assert cached("key", lambda: made, lambda arrays: True) == made
    monkeypatch.setenv("SWATLIB_CACHE", str(tmp_path / "folder"))
    (tmp_path / "folder" / "key.lock").mkdir(parents=True)
    assert cached("key", lambda: made, lambda arrays: True) == made
