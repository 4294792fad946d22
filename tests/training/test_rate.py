"""Learning-rate schedules."""

import pytest

from swatlib.training import rate


def test_rates() -> None:
    # Cosine: half of the peak half way, a quarter of the way down at a third, zero at the end.
    assert rate("cosine", 0.5) == pytest.approx(0.5)
    assert rate("cosine", 1 / 3) == pytest.approx(0.75)
    assert rate("cosine", 1.0) == pytest.approx(0)
    # Steps: a tenth at one and at two thirds, as 150 epochs with drops at 50 and 100.
    steps = [rate("steps", epoch / 150) for epoch in (49, 50, 99, 100, 149)]
    assert steps == pytest.approx([1, 0.1, 0.1, 0.01, 0.01])
    assert [rate("constant", p) for p in (0.05, 0.5, 1.0)] == [1, 1, 1]


@pytest.mark.parametrize("schedule", ["cosine", "steps", "constant"])
def test_the_first_twentieth_warms_up_linearly(schedule: str) -> None:
    start, half = rate(schedule, 0.0), rate(schedule, 0.025)
    assert 0 < start < 0.05
    assert half == pytest.approx(0.5, abs=0.03)
    assert rate(schedule, 0.05) == pytest.approx(1, abs=0.01)
    values = [rate(schedule, i / 1000) for i in range(50)]
    assert values == sorted(values)
