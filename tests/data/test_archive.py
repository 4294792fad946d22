"""CIFAR and image folders, on small archives of the same layout."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest
from data_archives import add, png, write_tar

from swatlib.data import load
from swatlib.data.archive import members


@pytest.mark.parametrize(
    ("suffix", "mode"), [(".tar", "w"), (".tar.xz", "w:xz"), (".tar.gz", "w:gz")]
)
@pytest.mark.parametrize("fraction", [0.05, 0.3, 0.5, 0.77])
def test_truncated_archive(
    own_folders: Path, pictures: dict, suffix: str, mode: str, fraction: float
) -> None:
    whole = own_folders / f"whole{suffix}"
    write_tar(whole, pictures, mode)
    content = whole.read_bytes()
    if mode == "w":  # without its last padding, so that every cut loses something
        content = content.rstrip(b"\0")
    (own_folders / f"cut{suffix}").write_bytes(content[: int(fraction * len(content))])
    with pytest.raises(ValueError, match=r"cut\.tar.* is truncated or damaged"):
        load("cut")


def test_tar_cut_between_members_is_truncated(own_folders: Path, pictures: dict) -> None:
    write_tar(own_folders / "whole.tar", pictures, "w")
    with tarfile.open(own_folders / "whole.tar") as tar:
        end = tar.getmembers()[4].offset
    content = (own_folders / "whole.tar").read_bytes()
    (own_folders / "cut.tar").write_bytes(content[:end])
    with pytest.raises(ValueError, match="end-of-archive mark is missing"):
        load("cut")
    (own_folders / "hole.tar").write_bytes(content[:end] + b"\1" * 512 + content[end + 512 :])
    with pytest.raises(ValueError, match="truncated or damaged"):
        load("hole")


def test_archives_are_never_extracted(own_folders: Path, pictures: dict) -> None:
    path = own_folders / "plain.tar"
    with tarfile.open(path, "w") as tar:
        for name, pixels in pictures.items():
            add(tar, name, png(pixels))
        add(tar, "readme.txt", b"not an image")
    before = set(own_folders.parent.rglob("*"))
    assert len(load("plain").train_y) == 4
    new = {p.suffix for p in set(own_folders.parent.rglob("*")) - before if p.is_file()}
    assert new <= {".npz", ".lock"}


def test_huge_member_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("swatlib.data.archive.LARGEST_MEMBER", 10)
    with tarfile.open(tmp_path / "big.tar", "w") as tar:
        add(tar, "train/a/b.png", b"x" * 11)
    with pytest.raises(ValueError, match="has 11 bytes, at most 10"):
        list(members(tmp_path / "big.tar"))
