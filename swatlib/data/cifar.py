"""``cifar10`` and ``cifar100``: the binary versions, downloaded once and checked.

Source: A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009. The binary
version is plain bytes, so nothing is unpickled.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import requests
from numpy.typing import NDArray

from swatlib.checked import checked

from .archive import members
from .cache import cache_folder
from .splits import Images, area_average

SIZE = 32
IMAGE_BYTES = 3 * SIZE * SIZE


@dataclass(frozen=True)
class Cifar:
    """Where one of the two data sets is, and how its files are laid out.

    ``label_bytes`` labels precede every image; the last of them is the class (CIFAR-100 has its
    coarse class before it).
    """

    url: str
    md5: str
    train: tuple[str, ...]
    test: tuple[str, ...]
    names: str
    label_bytes: int


CIFAR10 = Cifar(
    url="https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
    md5="c32a1d4ab5d03f1284b67883e8d87530",
    train=tuple(f"data_batch_{i}.bin" for i in range(1, 6)),
    test=("test_batch.bin",),
    names="batches.meta.txt",
    label_bytes=1,
)
CIFAR100 = Cifar(
    url="https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz",
    md5="03b5dce01913d631647c71ecec9e9cb8",
    train=("train.bin",),
    test=("test.bin",),
    names="fine_label_names.txt",
    label_bytes=2,
)


@checked
def fetch(cifar: Cifar, folder: Path | None = None) -> Path:
    """Return the archive: from ``folder`` if it is there, else from the cache, else downloaded.

    Raises
    ------
    ValueError
        If its MD5 sum is not the published one.
    FileNotFoundError
        If it is nowhere and cannot be downloaded.
    """
    import pooch  # here, because in a notebook its import warns about missing widgets

    filename = cifar.url.rsplit("/", 1)[-1]
    if folder is not None and (folder / filename).is_file():
        path = folder / filename
        found = pooch.file_hash(str(path), alg="md5")
        if found != cifar.md5:
            raise ValueError(
                f"wrong checksum: {path} has MD5 {found}, expected {cifar.md5} (truncated?)"
            )
        return path
    try:
        where = pooch.retrieve(
            cifar.url, f"md5:{cifar.md5}", filename, cache_folder(), progressbar=True
        )
    except ValueError as error:
        raise ValueError(f"wrong checksum: {error}") from error
    except (OSError, requests.RequestException) as error:
        raise FileNotFoundError(
            f"{filename} is not in SWATLIB_DATA or the cache ({cache_folder()}) and could not be "
            f"downloaded from {cifar.url}: {error}"
        ) from error
    return Path(where)


def _split(
    contents: dict[str, bytes], names: tuple[str, ...], label_bytes: int, archive: Path
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    record = label_bytes + IMAGE_BYTES
    parts = []
    for name in names:
        size = len(contents[name])
        if size == 0 or size % record:
            raise ValueError(
                f"{archive}: {name} must hold whole records of {record} bytes, has {size} bytes"
            )
        parts.append(np.frombuffer(contents[name], dtype=np.uint8).reshape(-1, record))
    records = np.concatenate(parts)
    x = records[:, label_bytes:].reshape(-1, 3, SIZE, SIZE)
    return x, records[:, label_bytes - 1]


@checked
def read_archive(archive: Path, cifar: Cifar) -> Images:
    """Read one of the archives without extracting it: uint8 ``(N, 3, 32, 32)`` and labels.

    Raises
    ------
    ValueError
        If the archive is truncated or damaged, a file is missing or has an odd size, or a label has
        no name.
    """
    wanted = {*cifar.train, *cifar.test, cifar.names}
    contents: dict[str, bytes] = {}
    for name, content in members(archive):
        if (base := PurePosixPath(name).name) in wanted:
            contents[base] = content
    if missing := wanted - contents.keys():
        raise ValueError(f"{archive} is incomplete: {sorted(missing)} missing")
    try:
        names = tuple(contents[cifar.names].decode("ascii").split())
    except UnicodeDecodeError as error:
        raise ValueError(f"{archive}: {cifar.names} must be ASCII text: {error}") from error
    train_x, train_y = _split(contents, cifar.train, cifar.label_bytes, archive)
    test_x, test_y = _split(contents, cifar.test, cifar.label_bytes, archive)
    if max(train_y.max(), test_y.max()) >= len(names):
        raise ValueError(f"{archive}: a label has no name, there are {len(names)} class names")
    return Images(train_x, train_y, test_x, test_y, names)


@checked
def read_cifar(which: Cifar, pixels: int | None = None, folder: Path | None = None) -> Images:
    """Fetch and read CIFAR-10 or CIFAR-100, area-averaged down to ``pixels`` (a divisor of 32)."""
    images = read_archive(fetch(which, folder), which)
    if pixels is None or pixels == SIZE:
        return images
    return images._replace(
        train_x=area_average(images.train_x, pixels), test_x=area_average(images.test_x, pixels)
    )
