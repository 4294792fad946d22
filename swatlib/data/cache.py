"""Where downloads and decoded images are kept between runs, and how they get there in one piece."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from swatlib.checked import checked
from swatlib.files import whole

Arrays = dict[str, NDArray[np.generic]]


def cache_folder() -> Path:
    """Return the folder for downloads and decoded images: ``SWATLIB_CACHE`` or the user's cache."""
    import pooch  # here, because in a notebook its import warns about missing widgets

    return Path(os.environ.get("SWATLIB_CACHE") or pooch.os_cache("swatlib")).expanduser()


def _read(path: Path, belongs: Callable[[Arrays], bool]) -> Arrays | None:
    try:
        if not path.is_file():
            return None
        # Open the file here, because np.load leaves it open if it is no archive.
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
    except Exception:  # a damaged or foreign file can raise anything
        return None  # the caller makes the arrays again
    return arrays if belongs(arrays) else None


@checked
def cached(key: str, make: Callable[[], Arrays], belongs: Callable[[Arrays], bool]) -> Arrays:
    """Return the arrays stored under ``key``, making and storing them if they are not there yet.

    A file that cannot be read, or whose arrays ``belongs`` rejects, is made again. It is written
    atomically; processes that want the same arrays at once wait for the first. If the cache folder
    cannot be written, the arrays are made and not stored.
    """
    path = cache_folder() / f"{key}.npz"
    if (found := _read(path, belongs)) is not None:
        return found
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path.with_suffix(".lock"), fallback_to_soft=False)
        lock.acquire()
    except OSError:
        return make()
    with lock:
        if (found := _read(path, belongs)) is not None:
            return found
        arrays = make()
        # If storing fails, the arrays are made again next time.
        with suppress(OSError), whole(path) as stream:
            np.savez(stream, allow_pickle=False, **arrays)
        return arrays
