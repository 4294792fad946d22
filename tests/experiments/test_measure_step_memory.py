"""Memory of a step: what is saved, and its peak, by the profiler here and the allocator there."""

import pytest
import torch

from swatlib import machine
from swatlib.experiments.measure_step_memory import StepMemory, allocated_peak

HERE = machine.device()
SMALL = {"network": "small_resnet", "width": 8, "pixels": 8, "images": 4}


def test_compressed_saves_less_than_masked() -> None:
    found = {
        way: StepMemory(HERE, **SMALL, method="swat", sparsity=0.9, way=way).compute()
        for way in ("masked", "compressed")
    }
    assert found["compressed"]["saved"] < found["masked"]["saved"]
    assert all(one["peak"] > one["saved"] for one in found.values())


def test_a_peak_is_of_the_step_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    allocated = {"now": 100, "most": 900}
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: None)
    monkeypatch.setattr(
        torch.cuda, "reset_peak_memory_stats", lambda: allocated.update(most=allocated["now"])
    )
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda: allocated["most"])
    assert allocated_peak(lambda: allocated.update(most=350)) == 350


def test_bad_fields_are_named() -> None:
    with pytest.raises(ValueError, match="way must be one of masked, compressed"):
        StepMemory(HERE, way="zipped")
    with pytest.raises(ValueError, match="sparsity must be"):
        StepMemory(HERE, method="swat", sparsity=2.0)
