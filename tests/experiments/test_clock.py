"""What a record holds of times, and the device that they are of."""

import pytest
import torch

from swatlib import machine
from swatlib.experiments import clock


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
