"""The bytes that a training step holds on a device: counted, and at its peak as allocated."""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch

from swatlib import checks
from swatlib.checked import checked_fields
from swatlib.experiments.clock import device_of
from swatlib.experiments.measure_memory import peak_of
from swatlib.experiments.measure_steps import Batch
from swatlib.methods import method
from swatlib.storage.compression import compress_, saved_bytes

WAYS = ("masked", "compressed")


@dataclass(frozen=True)
class StepMemory(Batch):
    """Memory of a method's step.

    Parameters
    ----------
    method, sparsity
        As :func:`swatlib.method` takes them.
    way : str
        "masked", as the method is, or "compressed", after :func:`swatlib.compress_`.
    """

    method: str = "dense"
    sparsity: float = 0.0
    way: str = "masked"

    def __post_init__(self) -> None:
        super().__post_init__()
        checked_fields(self, way=partial(checks.one_of, allowed=WAYS))
        method(self.method, self.sparsity)

    def compute(self) -> dict[str, Any]:
        """Measure; a sitting calls this.

        Returns
        -------
        dict
            ``saved``, the bytes that stand between forward and backward; ``peak``, the most that a
            step holds at once, weights and momentum included: on a GPU as its allocator counts, on
            a CPU at the end of each operation.

        Raises
        ------
        ValueError
            If this machine's device is another.
        """
        device = device_of(self.device)
        gc.collect()  # of earlier measurements
        before = torch.cuda.memory_allocated() if device.type == "cuda" else 0
        plan = method(self.method, self.sparsity)
        model = self.model(plan)
        if self.way == "compressed":
            compress_(model)
        with self.autocast():
            saved = int(saved_bytes(model, self.tensors()[0])["bytes"].sum())
        step = self.step(plan, model)
        step()
        if device.type == "cpu":
            return {"saved": saved, "peak": peak_of(step, model)}
        return {"saved": saved, "peak": allocated_peak(step) - before}


def allocated_peak(step: Callable[[], object]) -> int:
    """Return the most bytes that the allocator of the GPU holds for tensors during a step."""
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    step()
    torch.cuda.synchronize()
    return torch.cuda.max_memory_allocated()
