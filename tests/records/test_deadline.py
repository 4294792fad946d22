"""A deadline stops before the piece of work that would end after it."""

import time

import pytest

from swatlib.records.deadline import Deadline


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def test_it_allows_what_would_end_in_time(clock: list[float]) -> None:
    deadline = Deadline(100)
    said = []
    for _ in range(4):
        said.append(deadline.allows_more())
        clock[0] += 30
    assert said == [True, True, True, False]  # at 90 another 30 would end at 120


def test_the_longest_piece_counts(clock: list[float]) -> None:
    deadline = Deadline(100)
    for seconds in (40, 10):
        clock[0] += seconds
        assert deadline.allows_more()
    clock[0] += 11
    assert not deadline.allows_more()
    assert deadline.is_over


def test_other_work_begins_anew_with_the_same_end(clock: list[float]) -> None:
    deadline = Deadline(100, longest=20)
    clock[0] += 50
    assert deadline.allows_more()
    deadline.begin()
    assert deadline.longest == 20
    clock[0] += 31
    assert not deadline.allows_more()


def test_it_must_lie_ahead() -> None:
    with pytest.raises(ValueError, match="seconds must be"):
        Deadline(0)
