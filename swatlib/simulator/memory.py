"""Bytes, bandwidth and energy of a run.

As in SWAT's section 4.4 the buffers hold a whole layer, so every operand crosses the DRAM
interface once per product and every result once. Transfers overlap with computing: a layer takes
the longer of the two. The paper's memory never limits; that is the default here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
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

HALF_MULTIPLY_PJ = 1.1
"""One FP16 multiplication at 45 nm, in pJ. Horowitz, ISSCC 2014, Figure 1.1.9."""

HALF_ADD_PJ = 0.4
"""One FP16 addition at 45 nm, in pJ. Horowitz, ISSCC 2014, Figure 1.1.9."""

ADD_PJ = 0.9
"""One FP32 addition at 45 nm, in pJ. Horowitz, ISSCC 2014, Figure 1.1.9."""

INTEGER_ADD_PJ = 0.1
"""One 32-bit integer addition at 45 nm, in pJ. Horowitz, ISSCC 2014, Figure 1.1.9."""

SRAM_PJ_PER_64_BITS = 10.0
"""64 bits from an 8 KB SRAM at 45 nm, in pJ. Horowitz, ISSCC 2014, Figure 1.1.9."""

DRAM_PJ_PER_64_BITS = (1300.0, 2600.0)
"""64 bits from DRAM at 45 nm, in pJ, low and high. Horowitz, ISSCC 2014, Figure 1.1.9."""

FINITE_BANDWIDTH = 25.6
"""Bytes per cycle of one DDR4-3200 channel, 25.6 GB/s, at a clock of 1 GHz."""


@dataclass(frozen=True)
class Precision:
    """What a value is: its bits in memory and the energy of computing with it.

    Attributes
    ----------
    bits : int
        Of a value; give the machine as many (``Tactical(value_bits=...)``), so that arithmetic and
        traffic are of one precision.
    multiply_pj, add_pj : float
        Of one multiplication of two values and one addition to a partial sum. The machines keep
        sums of 32 bits, so that an addition is `ADD_PJ` whatever the values; `HALF_ADD_PJ` is for a
        machine that would sum in 16.
    """

    bits: int
    multiply_pj: float
    add_pj: float = ADD_PJ

    def __post_init__(self) -> None:
        least_0 = partial(checks.number, least=0)
        checked_fields(self, bits=checks.count, multiply_pj=least_0, add_pj=least_0)


HALF = Precision(VALUE_BITS, HALF_MULTIPLY_PJ)
"""16-bit values, as the machines' datapath has them by default."""

SINGLE = Precision(32, MULTIPLY_PJ)
"""32-bit values."""


@checked
def precision_of(value_bits: int) -> Precision:
    """Return the precision of a machine's values, `HALF` or `SINGLE`.

    Raises
    ------
    ValueError
        If the source has no floating-point energy for that width.
    """
    known = {precision.bits: precision for precision in (HALF, SINGLE)}
    if value_bits not in known:
        raise ValueError(
            f"value_bits must be {' or '.join(map(str, known))} to have an energy, or come with a "
            f"precision, got {value_bits}"
        )
    return known[value_bits]


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
def dram_bits(values: int, nonzeros: int, bits: int | None, value_bits: int = VALUE_BITS) -> int:
    """Bits that one operand moves to or from DRAM.

    Parameters
    ----------
    values, nonzeros : int
        Size of the operand and how much of it is not zero.
    bits : int or None
        Bits of a compressed non-zero, None if the machine does not compress this operand. What
        would grow by compression is stored as it is.
    value_bits : int
        Bits of a value that is not compressed.
    """
    plain = values * value_bits
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
    return replace(
        count,
        dense_cycles=max(count.dense_cycles, dense_floor),
        cycles=cycles,
        losses={**count.losses, "memory": float(cycles - count.cycles)},
    )


@checked
def energy(count: Count, memory: Memory, precision: Precision) -> dict[str, float]:
    """Return the energy of computing and of moving, in pJ.

    Parameters
    ----------
    count : Count
        Of a machine whose values have the precision's bits.
    memory : Memory
    precision : Precision

    Returns
    -------
    dict of str to float
        ``"arithmetic"``: one multiplication and one addition per effectual MAC; ``"SRAM"`` and
        ``"DRAM"``.
    """
    return {
        "arithmetic": count.macs * (precision.multiply_pj + precision.add_pj),
        "SRAM": count.sram_bits / 64 * SRAM_PJ_PER_64_BITS,
        "DRAM": count.dram_bits / 64 * memory.dram_pj,
    }
