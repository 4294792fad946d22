"""Reading tar archives as a stream: nothing is extracted, nothing is written.

An archive is not trusted. A few kilobytes can unpack to more than any disk holds, so the bytes read
are counted and limited.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Any

from swatlib.checked import checked

LARGEST_MEMBER = 256 * 2**20  # bytes; no image and no CIFAR batch comes near
MOST_MEMBERS = 2_000_000  # ImageNet has 1.3 million
# An archive may unpack to LARGEST_START bytes plus LARGEST_RATIO times its size. Image files hardly
# compress, so real data sets stay far below.
LARGEST_START = 2**30
LARGEST_RATIO = 100
SLACK = 2**20  # bytes beside the content of a member: its header, and what is read ahead

_OPEN: dict[bytes, Callable[[Path], Any]] = {
    b"\xfd7zXZ\x00": lzma.LZMAFile,
    b"\x1f\x8b": gzip.GzipFile,
    b"BZh": bz2.BZ2File,
}


@checked
def is_hidden(name: str) -> bool:
    """Say whether a file is one that a system leaves behind: ``._x.png``, ``__MACOSX/x.png``."""
    parts = PurePosixPath(name).parts
    return any(part == "__MACOSX" or (part[0] == "." and part != "..") for part in parts)


class _Refused(ValueError):
    """The archive is undamaged but breaks a rule of this module, and is not read."""


class _Counted:
    """A stream that counts the bytes passing through it, and how many zeros they end in."""

    def __init__(self, stream: IO[bytes], path: Path) -> None:
        self.stream = stream
        self.path = path
        self.total = 0
        self.zeros = 0
        self.most = LARGEST_START + LARGEST_RATIO * path.stat().st_size
        self.member_start = 0

    def read(self, size: int) -> bytes:
        data = self.stream.read(size)
        self.total += len(data)
        if self.total > self.most:
            raise _Refused(
                f"archive {self.path} must unpack to at most {self.most} bytes, "
                f"{LARGEST_RATIO} times its size and {LARGEST_START}; it has more"
            )
        if self.total - self.member_start > LARGEST_MEMBER + SLACK:
            raise _Refused(
                f"archive {self.path} must have members and headers of at most {LARGEST_MEMBER} "
                f"bytes; at byte {self.member_start} is a larger one"
            )
        kept = len(data.rstrip(b"\0"))
        self.zeros = len(data) - kept if kept else self.zeros + len(data)
        return data


def _open(path: Path) -> IO[bytes]:
    with path.open("rb") as stream:
        start = stream.read(6)
    for magic, opener in _OPEN.items():
        if start.startswith(magic):
            return opener(path)
    return path.open("rb")


def _check(member: tarfile.TarInfo, path: Path) -> None:
    """Raise ValueError for a link, a device, a path out of the archive or a member too large."""
    where = f"archive {path}: member {member.name!r}"
    inner = PurePosixPath(member.name)
    if inner.is_absolute() or ".." in inner.parts:
        raise _Refused(f"{where} must lie within the archive's folder")
    if not (member.isreg() or member.isdir()):
        kind = "a link" if member.issym() or member.islnk() else f"of type {member.type!r}"
        raise _Refused(f"{where} must be a file or a folder, is {kind}")
    if member.size > LARGEST_MEMBER:
        raise _Refused(f"{where} has {member.size} bytes, at most {LARGEST_MEMBER} are allowed")


@checked
def members(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of every file in a .tar, .tar.gz, .tar.bz2 or .tar.xz.

    Folders and hidden files are passed over. Names are handed on as text and never used as paths.

    Raises
    ------
    ValueError
        If the archive is truncated or damaged (a damaged end is noticed after the last member was
        yielded), holds anything but files and folders within it, the same name twice, more than
        `MOST_MEMBERS`, a member of more than `LARGEST_MEMBER` bytes, or unpacks to more than
        `LARGEST_START` bytes plus `LARGEST_RATIO` times its size.
    """
    with _open(path) as stream:
        try:
            yield from _members(_Counted(stream, path), path)
        except _Refused:
            raise
        except Exception as error:  # damaged bytes can make the readers raise anything
            raise ValueError(f"archive {path} is truncated or damaged: {error}") from error


def _members(stream: _Counted, path: Path) -> Iterator[tuple[str, bytes]]:
    seen: set[str] = set()
    with tarfile.open(fileobj=stream, mode="r|") as tar:  # type: ignore[call-overload]
        for number, member in enumerate(tar, start=1):
            if number > MOST_MEMBERS:
                raise _Refused(f"archive {path} must have at most {MOST_MEMBERS} members")
            tar.members.clear()  # tarfile would keep every member in memory
            _check(member, path)
            stream.member_start = stream.total
            if member.isdir() or is_hidden(member.name):
                continue
            name = PurePosixPath(member.name).as_posix()
            if name in seen:
                raise _Refused(f"archive {path} must have {name!r} once, has it twice")
            seen.add(name)
            content = tar.extractfile(member)
            assert content is not None  # it is a regular file
            yield member.name, content.read()
        end = tar.offset
    stream.member_start = stream.total
    # tarfile takes a bad or missing header for the end. A whole archive ends in blocks of zeros.
    while stream.read(2**16):
        pass
    if not 512 <= stream.total - end <= stream.zeros:
        raise tarfile.ReadError("the end-of-archive mark is missing")
