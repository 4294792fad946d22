"""Times of functions: in turns, on both kinds of device, the GPU's from its own events."""

from collections.abc import Callable

import pytest
import torch

from swatlib import clock


def test_every_function_is_called_in_every_turn() -> None:
    called: list[str] = []
    functions = {name: lambda name=name: called.append(name) for name in "ab"}
    turns = clock.times(functions, turns=3, calls=2)
    assert called == list("aabb") * (clock.WARM_UP + 3)
    assert len(turns) == 3
    assert all(turn.keys() == {"a", "b"} and min(turn.values()) > 0 for turn in turns)


def test_any_clock_tells_the_time_and_warming_up_does_not_count() -> None:
    now = [0.0]

    def passing(seconds: list[float]) -> Callable[[], object]:
        coming = iter(seconds)
        return lambda: now.__setitem__(0, now[0] + next(coming))

    functions = {"first slow": passing([9, 2, 4]), "other": passing([1, 1, 1])}
    turns = clock.times(functions, turns=2, warm_up=1, time=lambda: now[0])
    assert turns == [{"first slow": 2, "other": 1}, {"first slow": 4, "other": 1}]
    assert clock.medians(turns) == {"first slow": 3, "other": 1}


def test_a_gpu_is_timed_by_its_own_events(monkeypatch: pytest.MonkeyPatch) -> None:
    """The host hands work over at once, and the GPU is done with it when it is done."""
    queue: list[float] = []
    waited: list[int] = []

    class Event:
        def __init__(self, enable_timing: bool) -> None:
            assert enable_timing

        def record(self) -> None:
            self.at = sum(queue)

        def elapsed_time(self, end: "Event") -> float:
            assert waited, "read before the GPU was done"
            return 1e3 * (end.at - self.at)

    monkeypatch.setattr(torch.cuda, "Event", Event)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: waited.append(len(queue)))
    functions = {"short": lambda: queue.append(0.5), "long": lambda: queue.append(2.0)}
    turns = clock.times(functions, torch.device("cuda"), turns=2, calls=3)
    assert turns == [{"short": 0.5, "long": 2.0}] * 2
    assert len(waited) == clock.WARM_UP + 2


def test_no_turn_is_no_time() -> None:
    with pytest.raises(ValueError, match="turns must be at least 1, got 0"):
        clock.times({}, turns=0)
