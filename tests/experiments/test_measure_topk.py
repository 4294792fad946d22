"""The clock of Top-K: steps in turns, as ratios to the dense one."""

import pytest

from swatlib.experiments.measure_topk import topk_clock


def test_ratios_are_those_of_the_dense_step() -> None:
    found = topk_clock(("resnet18",), repeat=1, batch=2)
    ratios = found["resnet18"]
    assert found["batch"] == 2
    assert ratios["choosing"] == pytest.approx(ratios["every_step"] - ratios["kept"])
    assert 0.1 < ratios["kept"] < 100
