"""A recorded measurement is read by its name; without a record it says how to make one."""

from pathlib import Path

import pytest

from swatlib.claims.measured import FOLDER, measured
from swatlib.claims.quantity import MissingRecords
from swatlib.experiments.measurements import MEASUREMENTS, Measurement
from swatlib.records.sweep import sweep


def test_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MEASUREMENTS, "toy", lambda: {"ratio": 2.0})
    with pytest.raises(MissingRecords, match="'toy': `swatlib sweep measurements`"):
        measured("toy", tmp_path)
    sweep([Measurement("toy")], tmp_path / FOLDER)
    assert measured("toy", tmp_path) == {"ratio": 2.0}


def test_an_unknown_measurement_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="measurement must be"):
        measured("nothing", tmp_path)
