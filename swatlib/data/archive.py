"""Reading tar archives as a stream: nothing is extracted, nothing is written."""

from __future__ import annotations

import bz2
import gzip
import lzma
import tarfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

LARGEST_MEMBER = 256 * 2**20  # bytes; no image and no CIFAR batch comes near
_OPEN: dict[bytes, Callable[[Path], Any]] = {
    b"\xfd7zXZ\x00": lzma.LZMAFile,
    b"\x1f\x8b": gzip.GzipFile,
    b"BZh": bz2.BZ2File,
}


class _Tail:
    """A stream that counts the bytes passing through it, and how many zeros they end in."""

    def __init__(self, stream: IO[bytes]) -> None:
        self.stream = stream
        self.total = 0
        self.zeros = 0

    def read(self, size: int) -> bytes:
        data = self.stream.read(size)
        self.total += len(data)
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


def members(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of every regular file in a .tar, .tar.gz, .tar.bz2 or .tar.xz.

    Links, devices and folders are passed over. Names are handed on as text and never used as paths.

    Raises
    ------
    ValueError
        If the archive is truncated or damaged (a damaged end is noticed after the last member was
        yielded), or one member is larger than any image.
    """
    try:
        with _open(path) as stream:
            tail = _Tail(stream)
            with tarfile.open(fileobj=tail, mode="r|") as tar:  # type: ignore[call-overload]
                for member in tar:
                    if not member.isreg():
                        continue
                    if member.size > LARGEST_MEMBER:
                        raise ValueError(
                            f"archive {path.name}: member {member.name!r} has {member.size} bytes, "
                            f"at most {LARGEST_MEMBER} are allowed"
                        )
                    content = tar.extractfile(member)
                    assert content is not None  # it is a regular file
                    yield member.name, content.read()
                end = tar.offset
            # tarfile takes a bad or missing header for the end; the true end is blocks of zeros.
            while tail.read(2**16):
                pass
            if not 512 <= tail.total - end <= tail.zeros:
                raise tarfile.ReadError("the end-of-archive mark is missing")
    except (tarfile.TarError, EOFError, lzma.LZMAError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError(f"archive {path} is truncated or damaged: {error}") from error
