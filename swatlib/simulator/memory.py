"""Bytes, bandwidth and energy of a run.

As in SWAT's section 4.4 the buffers hold a whole layer, so every operand crosses the DRAM
interface once per product and every result once. Transfers overlap with computing: a layer takes
the longer of the two. The paper's memory never limits; that is the default here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial

from swatlib import checks
from swatlib.checked import checked, checked_fields
from swatlib.simulator.counts import Count

VALUE_BITS = 16
"""Bits of a value in memory: the 16-bit datapath of Bit-Tactical and SCNN."""

SUM_BITS = 32
"""Bits of a partial sum."""

MULTIPLY_PJ = 3.7
"""One FP32 multiplication at 45 nm, in pJ. Horowitz, ISSCC 2014, Figure 1.1.9."""

ADD_PJ = 0.9
"""One FP32 addition at 45 nm, in pJ. Horowitz, ISSCC 2014, Figure 1.1.9."""

SRAM_PJ_PER_64_BITS = 10.0
"""64 bits from an 8 KB SRAM at 45 nm, in pJ. Horowitz, ISSCC 2014, Figure 1.1.9."""

DRAM_PJ_PER_64_BITS = (1300.0, 2600.0)
"""64 bits from DRAM at 45 nm, in pJ, low and high. Horowitz, ISSCC 2014, Figure 1.1.9."""

FINITE_BANDWIDTH = 25.6
"""Bytes per cycle of one DDR4-3200 channel, 25.6 GB/s, at a clock of 1 GHz."""


@dataclass(frozen=True)
class Memory:
    """The memory behind the machine.

    Attributes
    ----------
    bandwidth : float
        DRAM bytes per cycle; infinite by default, as in the paper.
    dram_pj : float
        Energy of 64 bits from DRAM in pJ; the low end of the source's range by default.
    """

    bandwidth: float = math.inf
    dram_pj: float = DRAM_PJ_PER_64_BITS[0]

    def __post_init__(self) -> None:
        checked_fields(
            self,
            bandwidth=partial(checks.number, above=0, infinite=True),
            dram_pj=partial(checks.number, least=0),
        )


@checked
def dram_bits(values: int, nonzeros: int, bits: int | None) -> int:
    """Bits that one operand moves to or from DRAM.

    Parameters
    ----------
    values, nonzeros : int
        Size of the operand and how much of it is not zero.
    bits : int or None
        Bits of a compressed non-zero, None if the machine does not compress this operand. What
        would grow by compression is stored as it is.
    """
    plain = values * VALUE_BITS
    return plain if bits is None else min(plain, nonzeros * bits)


@checked
def limited(count: Count, memory: Memory, dense_dram_bits: int) -> Count:
    """Apply the roofline: no layer is faster than its DRAM traffic.

    Parameters
    ----------
    count : Count
        One product of one layer.
    memory : Memory
        The memory.
    dense_dram_bits : int
        Traffic of the same product with nothing compressed, which bounds ``dense_cycles``.

    Returns
    -------
    Count
        The same count with longer cycles and a loss called ``memory``.
    """
    if math.isinf(memory.bandwidth):
        return count
    floor = math.ceil(count.dram_bits / 8 / memory.bandwidth)
    dense_floor = math.ceil(dense_dram_bits / 8 / memory.bandwidth)
    cycles = max(count.cycles, floor)
    return Count(
        max(count.dense_cycles, dense_floor),
        cycles,
        count.ideal_cycles,
        count.macs,
        {**count.losses, "memory": float(cycles - count.cycles)},
        count.dram_bits,
        count.sram_bits,
    )


@checked
def energy_pj(count: Count, memory: Memory) -> float:
    """Energy in pJ: one multiplication and one addition per effectual MAC, plus the traffic."""
    return (
        count.macs * (MULTIPLY_PJ + ADD_PJ)
        + count.sram_bits / 64 * SRAM_PJ_PER_64_BITS
        + count.dram_bits / 64 * memory.dram_pj
    )
