"""The cache of decoded images."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from data_archives import write_tar

from swatlib.data import folder as folder_module


def test_decoded_images_are_cached_until_the_file_changes(
    own_folders: Path, pictures: dict[str, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = own_folders / "insects.tar"
    write_tar(path, pictures, "w")
    calls = []
    decode = folder_module._decode
    monkeypatch.setattr(folder_module, "_decode", lambda *a: calls.append(a) or decode(*a))
    first = folder_module.image_folder(path)
    again = folder_module.image_folder(path)
    assert len(calls) == 1
    assert np.array_equal(first.train_x, again.train_x)
    pictures["train/ant/0000.png"][:] = 0
    write_tar(path, pictures, "w")
    os.utime(path, ns=(1, 1))
    assert not folder_module.image_folder(path).train_x[0].any()
    assert len(calls) == 2
    for stored in (own_folders.parent / "cache").glob("*.npz"):
        stored.write_bytes(stored.read_bytes()[:100])
    folder_module.image_folder(path)
    assert len(calls) == 3  # a damaged cache is made again
    assert not list((own_folders.parent / "cache").glob("*.tmp"))


def test_cache_never_unpickles(tmp_path: Path) -> None:
    from swatlib.data.cache import _read

    np.savez(tmp_path / "evil.npz", x=np.array([{"a": 1}], dtype=object))
    assert _read(tmp_path / "evil.npz", lambda arrays: True) is None
    (tmp_path / "evil2.npz").write_bytes(pickle.dumps([1]))
    assert _read(tmp_path / "evil2.npz", lambda arrays: True) is None
