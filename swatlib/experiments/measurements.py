"""What claims of kind "measurement" stand on: each measured once by name and kept as a record.

A measurement is a function without arguments that returns numbers. What depends on the processor,
such as a time, is returned as a ratio of two things measured side by side.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from swatlib import checks
from swatlib.checked import checked_fields
from swatlib.experiments import (
    measure_accelerator,
    measure_angles,
    measure_fst_cost,
    measure_gradients,
    measure_memory,
    measure_selection,
    measure_similarity,
    measure_topk,
    measure_topology,
    measure_two_of_four,
)

MEASUREMENTS: dict[str, Callable[[], dict[str, Any]]] = {
    "gradient-zeros": measure_gradients.gradient_zeros,
    "gradient-directions": measure_gradients.gradient_directions,
    "constrained-choices": measure_selection.constrained_choices,
    "accelerator-memory": measure_accelerator.memory_and_energy,
    "csr-against-dense": measure_accelerator.csr_against_dense,
    "trained-masks": measure_two_of_four.trained_masks,
    "gradient-error": measure_two_of_four.gradient_error,
    "operand-sizes": measure_two_of_four.operand_sizes,
    "angles": measure_angles.measure_angles,
    "topk-clock": measure_topk.topk_clock,
    "topology-moves": measure_topology.topology_moves,
    "saved-memory": measure_memory.saved_memory,
    "zero-compression": measure_memory.zero_compression,
    "peak-memory": measure_memory.peak_memory,
    "pruned": measure_memory.pruned,
    "step-shares": measure_fst_cost.step_shares,
    "fst-sorting": measure_fst_cost.sorting,
    "transposable-search": measure_fst_cost.transposable_search,
    "fewer-channels": measure_fst_cost.fewer_channels,
    "kernel-windows": measure_similarity.kernel_windows,
}
"""What is measured, by name."""


@dataclass(frozen=True)
class Measurement:
    """One measurement, by its name in :data:`MEASUREMENTS`."""

    measurement: str

    def __post_init__(self) -> None:
        checked_fields(self, measurement=partial(checks.one_of, allowed=tuple(MEASUREMENTS)))

    def compute(self) -> dict[str, Any]:
        """Measure and return the numbers; a sweep calls this."""
        return MEASUREMENTS[self.measurement]()


def measurements() -> list[Measurement]:
    """Every measurement."""
    return [Measurement(name) for name in MEASUREMENTS]
