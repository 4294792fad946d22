"""Times of functions: in turns, on both kinds of device, the GPU's from its own events."""

import pytest
import torch

from swatlib import machine
from swatlib.experiments import clock


def test_every_function_is_called_in_every_turn() -> None:
    called: list[str] = []
    functions = {name: lambda name=name: called.append(name) for name in "ab"}
    turns = clock.times(functions, torch.device("cpu"), turns=3, calls=2)
    assert called == list("aabb") * (clock.WARM_UP + 3)
    assert len(turns) == 3
    assert all(turn.keys() == {"a", "b"} and min(turn.values()) > 0 for turn in turns)


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


def test_ratios_are_of_the_same_turn() -> None:
    turns = [{"a": 1.0, "b": 4.0}, {"a": 10.0, "b": 20.0}, {"a": 3.0, "b": 4.0}]
    found = clock.compared(turns, "a", to="b")
    assert found["ratio"] == 0.5
    assert (found["ratio_low"], found["ratio_high"]) == (0.375, 0.625)
    assert (found["seconds"], found["dense_seconds"]) == (3.0, 4.0)


def test_the_device_is_the_one_that_is_here(monkeypatch: pytest.MonkeyPatch) -> None:
    assert clock.device_of(machine.device()).type in ("cpu", "cuda")
    with pytest.raises(ValueError, match=r"device must be .*, which is here, got 'another'"):
        clock.device_of("another")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "a GPU")
    assert clock.device_of("a GPU") == torch.device("cuda")
    with pytest.raises(ValueError, match="device must be 'a GPU'"):
        clock.device_of("cpu")
