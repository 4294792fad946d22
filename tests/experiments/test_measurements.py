"""Measurements are runs by name."""

import pytest

from swatlib.experiments.measurements import MEASUREMENTS, Measurement, measurements


def test_every_measurement_is_declared() -> None:
    assert [run.measurement for run in measurements()] == list(MEASUREMENTS)


def test_a_measurement_returns_its_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MEASUREMENTS, "toy", lambda: {"ratio": 2.0})
    assert Measurement("toy").compute() == {"ratio": 2.0}
    with pytest.raises(ValueError, match="measurement must be"):
        Measurement("none")
