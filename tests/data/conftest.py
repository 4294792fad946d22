"""Every test has an own data folder and an own cache."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give every test an own, empty cache and an own data folder; return the data folder."""
    monkeypatch.setenv("SWATLIB_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "data"
    folder.mkdir()
    monkeypatch.setenv("SWATLIB_DATA", str(folder))
    return folder
