"""Where the command line finds records."""

from __future__ import annotations

from pathlib import Path

import pytest

from swatlib.cli import places


def test_records_are_in_the_checkout_or_here(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.undo()
    root = Path(__file__).parents[2]
    assert places.records_root() == root / "data" / "records"
    assert places.records_folder("toys") == root / "data" / "records" / "toys"
    monkeypatch.setattr("swatlib.__file__", str(tmp_path / "swatlib" / "__init__.py"))
    assert places.records_root() == Path("records")
