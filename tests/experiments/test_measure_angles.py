"""Angles while a network trains: every epoch, every layer, both starts."""

from dataclasses import replace

import pytest
from torch import nn

from swatlib.experiments import measure_angles
from swatlib.experiments.measure_angles import FOLLOWED, STARTS, angles_while_training


def test_both_starts_are_what_they_say() -> None:
    run = replace(FOLLOWED, epochs=1)
    found = {name: angles_while_training(run, start)[0] for name, start in STARTS.items()}
    for angles in found.values():
        assert sorted(angles["epoch"].unique()) == [0, 1]
    fresh = {
        name: angles[
            (angles["epoch"] == 0) & (angles["operand"] == "weight") & (angles["elements"] > 2_000)
        ]["angle"]
        for name, angles in found.items()
    }
    # Closed forms at 70 %: 27.7 degrees for Gaussian entries, 35.8 for uniform ones.
    assert fresh["Gaussian"].mean() == pytest.approx(27.74, abs=0.5)
    assert fresh["uniform"].mean() == pytest.approx(35.85, abs=0.5)


def test_the_measurement_has_a_row_for_every_run(monkeypatch: pytest.MonkeyPatch) -> None:
    class Small(nn.Sequential):
        pass

    monkeypatch.setattr(measure_angles, "SEEDS", (0,))
    monkeypatch.setattr(measure_angles, "FOLLOWED", replace(FOLLOWED, epochs=1))
    monkeypatch.setattr(
        measure_angles,
        "build_network",
        lambda *_, **__: Small(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3)),
    )
    found = measure_angles.measure_angles()
    assert {(one["start"], one["method"]) for one in found["runs"]} == {
        (start, method) for start in STARTS for method in ("swat", "dense")
    }
    for one in found["runs"]:
        assert set(one["largest"]) == {
            "first_weight",
            "first_activation",
            "inner_weight",
            "inner_activation",
        }
        assert one["largest"]["inner_weight"] >= one["settled"]["inner_weight"]
    assert len(found["resnet18"]) == 2
