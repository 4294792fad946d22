"""Where downloads and decoded images are kept between runs, and how they get there in one piece."""

from __future__ import annotations

import os
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

Arrays = dict[str, NDArray[np.generic]]


def cache_folder() -> Path:
    """Return the folder for downloads and decoded images: ``SWATLIB_CACHE`` or the user's cache."""
    import pooch  # here, because in a notebook its import warns about missing widgets

    return Path(os.environ.get("SWATLIB_CACHE") or pooch.os_cache("swatlib"))


def _read(path: Path) -> Arrays | None:
    try:
        with np.load(path, allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile):
        return None  # not there, or not whole: it is made again


def cached(key: str, make: Callable[[], Arrays]) -> Arrays:
    """Return the arrays stored under ``key``, making and storing them if they are not there yet.

    The file appears atomically; processes that want the same arrays at once wait for the first.
    If the cache folder cannot be written, the arrays are made and not stored.
    """
    path = cache_folder() / f"{key}.npz"
    if (found := _read(path)) is not None:
        return found
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path.with_suffix(".lock"))
        lock.acquire()
    except OSError:
        return make()
    with lock:
        if (found := _read(path)) is not None:
            return found
        arrays = make()
        try:
            handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.stem, suffix=".tmp")
        except OSError:
            return arrays
        try:
            with os.fdopen(handle, "wb") as stream:
                np.savez(stream, allow_pickle=False, **arrays)
            os.replace(temporary, path)
        except BaseException as error:
            Path(temporary).unlink(missing_ok=True)
            if not isinstance(error, OSError):
                raise
        return arrays
