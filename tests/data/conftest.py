"""Every test has an own data folder and an own cache."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))  # helpers of these tests


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give every test an own, empty cache and an own data folder; return the data folder."""
    monkeypatch.setenv("SWATLIB_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "data"
    folder.mkdir()
    monkeypatch.setenv("SWATLIB_DATA", str(folder))
    return folder


@pytest.fixture
def pictures() -> dict[str, np.ndarray]:
    """Eight 4x4 colour images: two classes, two images in each split."""
    random = np.random.default_rng(0)
    return {
        f"{split}/{kind}/{i:04d}.png": random.integers(0, 256, (4, 4, 3), dtype=np.uint8)
        for split in ("train", "test")
        for kind in ("ant", "bee")
        for i in range(2)
    }
