"""Schedules: cosine and cubic by hand, and when updates are due."""

import pytest

from swatlib import Progress
from swatlib.methods.ramp import LEAST, Updates, cosine, cubic


def due(when: Updates, steps: int, epoch_steps: int = 10) -> list[int]:
    """Return the numbers of steps after which there is an update."""
    return [s + 1 for s in range(steps) if when.due(Progress(s, steps, epoch_steps))]


def test_the_cubic_of_the_papers() -> None:
    assert cubic(0, 0.5, 0.9) == 0.5
    assert cubic(0.5, 0.0, 0.8) == pytest.approx(7 / 8 * 0.8)
    assert cubic(1, 0.5, 0.9) == 0.9
    values = [cubic(i / 50, 0.1, 0.9) for i in range(60)]
    assert values == sorted(values)
    assert cubic(-1, 0.2) == pytest.approx(0.2)


def test_the_cosine_of_the_papers() -> None:
    assert cosine(0, 0.5, 0.005) == 0.5
    assert cosine(0.5, 0.5) == pytest.approx(0.25)
    assert cosine(2, 0.5, 0.005) == 0.005


def test_updates_begin_after_a_period_and_never_follow_the_last_step() -> None:
    assert due(Updates(every=5), 20) == [5, 10, 15]
    assert due(Updates(every=5, until=0.5), 20) == [5, 10]
    assert due(Updates(every=5, begin=0.25), 20) == [10, 15]
    assert due(Updates(usual=0), 30) == [10, 20]  # after every epoch but the last
    assert due(Updates(every=99), 20) == []


def test_a_closing_update_arrives() -> None:
    when = Updates(every=6, until=0.75, closing=True)
    assert due(when, 20) == [6, 12, 15]
    assert when.fraction(Progress(14, 20, 10)) == 1
    assert due(Updates(every=6, closing=True), 20) == [6, 12, 18, 19]
    assert Updates(closing=True).fraction(Progress(18, 20, 10)) == 1
    fractions = [when.fraction(Progress(s, 20, 10)) for s in range(20)]
    assert fractions == sorted(fractions)
    assert Updates(begin=0.5).fraction(Progress(3, 20, 10)) == 0


def test_the_papers_period_is_shortened_in_a_short_run() -> None:
    assert len(due(Updates(usual=100), 32_000)) == 319
    assert len(due(Updates(usual=100), 400)) == LEAST - 1
    assert due(Updates(usual=100), 3) == [1, 2]
    assert due(Updates(usual=100), 1) == []


def test_bad_values() -> None:
    with pytest.raises(ValueError, match="every must be at least 1, got 0"):
        Updates(every=0)
    with pytest.raises(ValueError, match=r"until must be above begin, 0\.5, got 0\.5"):
        Updates(begin=0.5, until=0.5)
    with pytest.raises(ValueError, match=r"until must be in \[0, 1\], got 1\.5"):
        Updates(until=1.5)
