"""What a machine reports about one product of one layer."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from swatlib.checked import checked, checked_fields


@dataclass
class Count:
    """Cycles of one or several convolutions on one machine, and the traffic behind them.

    Counts of the same machine add up with ``+``.

    Attributes
    ----------
    dense_cycles : int
        The machine with nothing skipped, padding lanes and all.
    cycles : int
        The machine as it is.
    ideal_cycles : float
        Effectual multiplications divided by multipliers: no machine of this size is faster.
    macs : int
        Effectual multiplications.
    losses : dict of str to float
        Where the cycles above the ideal went; ``ideal_cycles`` plus all losses is ``cycles``.
    dram_bits, sram_bits : int
        Traffic in bits, read and written, see `swatlib.simulator.memory`.
    dram_written_bits : int
        Of the DRAM traffic, what is written: the result.
    sram_written_bits : int
        Of the SRAM traffic, what is written: results or partial sums.
    """

    dense_cycles: int = 0
    cycles: int = 0
    ideal_cycles: float = 0.0
    macs: int = 0
    losses: dict[str, float] = field(default_factory=dict)
    dram_bits: int = 0
    sram_bits: int = 0
    dram_written_bits: int = 0
    sram_written_bits: int = 0

    def __post_init__(self) -> None:
        checked_fields(self)

    def __add__(self, other: Count) -> Count:
        keys = list(dict.fromkeys([*self.losses, *other.losses]))
        return Count(
            self.dense_cycles + other.dense_cycles,
            self.cycles + other.cycles,
            self.ideal_cycles + other.ideal_cycles,
            self.macs + other.macs,
            {k: self.losses.get(k, 0.0) + other.losses.get(k, 0.0) for k in keys},
            self.dram_bits + other.dram_bits,
            self.sram_bits + other.sram_bits,
            self.dram_written_bits + other.dram_written_bits,
            self.sram_written_bits + other.sram_written_bits,
        )

    @property
    def dram_read_bits(self) -> int:
        """Of the DRAM traffic, what is read: both operands."""
        return self.dram_bits - self.dram_written_bits

    @property
    def sram_read_bits(self) -> int:
        """Of the SRAM traffic, what is read: operands, and partial sums to add to."""
        return self.sram_bits - self.sram_written_bits

    @property
    def speedup(self) -> float:
        """Dense cycles over cycles; not a number when there is nothing to do."""
        return self.dense_cycles / self.cycles if self.cycles else float("nan")

    @property
    def utilisation(self) -> float:
        """Ideal cycles over cycles: the share of multiplier slots that did useful work."""
        return self.ideal_cycles / self.cycles if self.cycles else float("nan")


@checked
def total(counts: list[Count]) -> Count:
    """Sum of counts, an empty one for an empty list."""
    return sum(counts, Count())


@checked
def count_true(mask: np.ndarray) -> int:
    """Number of set entries as a Python integer, so that large networks do not overflow."""
    return int(np.count_nonzero(mask))
