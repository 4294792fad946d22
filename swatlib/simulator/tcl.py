"""`tcl`: tiles of processing elements that skip zero weights through a window.

The front end of Bit-Tactical (Delmas Lascorz et al., ASPLOS 2019), the simulator SWAT's
section 4.4 names. ``tiles`` tiles work side by side, each on a set of ``rows`` filters in
lockstep; a filter has ``lanes`` multipliers and is applied to ``columns`` windows at a time.
Lane = channel mod lanes, time = (y, x, channel // lanes). Tiles wait for each other at the end of
every group of sets. Only the stationary operand is looked at: a zero in the stream still costs.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from swatlib import checks
from swatlib.checked import checked, checked_fields
from swatlib.simulator import memory
from swatlib.simulator.counts import Count, count_true
from swatlib.simulator.mapping import Convolution, fold_stride
from swatlib.simulator.schedule import POLICIES, pack_lanes, set_cycles, unlimited_cycles
from swatlib.simulator.windows import DEFAULT_WINDOW, Window


@dataclass(frozen=True)
class Tactical:
    """A `tcl` machine.

    Attributes
    ----------
    window : Window
        From where an idle lane may pull.
    lanes, rows, tiles, columns : int
        Multipliers per filter, filters per tile, tiles, windows per tile.
    policy : str
        ``"least"`` or ``"most"``: which idle lane chooses first. ``"dnnsim"`` counts what the
        public simulator of Bit-Tactical's authors counts.
    sort : bool
        Sort the filters of a layer by non-zeros before they are dealt into sets.
    value_bits : int
        Bits of a value in memory.
    """

    window: Window = DEFAULT_WINDOW
    lanes: int = 16
    rows: int = 16
    tiles: int = 4
    columns: int = 1
    policy: str = "least"
    sort: bool = False
    value_bits: int = memory.VALUE_BITS

    def __post_init__(self) -> None:
        checked_fields(
            self,
            lanes=partial(checks.count, most=64),
            rows=checks.count,
            tiles=checks.count,
            columns=checks.count,
            policy=partial(checks.one_of, allowed=POLICIES),
            value_bits=checks.count,
        )

    @property
    def multipliers(self) -> int:
        """Multiplications per cycle."""
        return self.lanes * self.rows * self.tiles * self.columns

    @property
    def stationary_bits(self) -> int:
        """Bits of a stored non-zero: the value and where it was promoted from."""
        return self.value_bits + self.window.selector_bits(self.lanes)

    @property
    def stream_bits(self) -> int | None:
        """Bits of a non-zero of the stream; None, it is stored with its zeros."""
        return None

    def describe(self) -> dict[str, Any]:
        """The machine as plain values."""
        return {
            "pe": "tcl",
            "window": str(self.window),
            "lanes": self.lanes,
            "rows": self.rows,
            "tiles": self.tiles,
            "columns": self.columns,
            "policy": self.policy,
            "sort": self.sort,
            "value_bits": self.value_bits,
        }

    @checked
    def count(self, convs: Iterable[Convolution], distinct: bool = True) -> list[Count]:
        """Cycles of many convolutions, scheduled together for speed.

        Parameters
        ----------
        convs : iterable of Convolution
            From `swatlib.simulator.mapping`.
        distinct : bool
            False if the masks repeat (a dense network): equal sets are then scheduled once.

        Returns
        -------
        list of Count
            One per convolution.
        """
        works, sets = [], []
        for conv in convs:  # one mask at a time: unfolded activations are large before packing
            works.append(_Work(conv.mask.shape, count_true(conv.mask), conv.windows))
            sets.append(deal_sets(conv, self))
        if distinct:
            cycles = set_cycles(sets, self.window, self.lanes, self.policy)
        else:
            unique = [np.unique(s, axis=0, return_inverse=True) for s in sets]
            once = set_cycles([u for u, _ in unique], self.window, self.lanes, self.policy)
            cycles = [c[back.ravel()] for c, (_, back) in zip(once, unique, strict=True)]
        return [_count(*item, self) for item in zip(works, sets, cycles, strict=True)]


@dataclass(frozen=True)
class _Work:
    shape: tuple[int, ...]  # groups, filters, channels, kh, kw
    nonzeros: int
    windows: int


@checked
def deal_sets(conv: Convolution, machine: Tactical) -> np.ndarray:
    """Lay out a convolution's filters as the sets the tiles work on.

    Returns
    -------
    numpy.ndarray
        Packed lanes, ``(sets, rows, time)``; the last set of every channel group is filled up
        with empty filters.
    """
    if conv.mask.shape[2] == 3 and max(conv.stride) > 1:  # an image: space to depth
        conv = fold_stride(conv, by_place=machine.policy == "dnnsim")
    groups, filters, channels, kh, kw = conv.mask.shape
    deep = -(-channels // machine.lanes)
    laid = np.zeros((groups, filters, kh, kw, deep * machine.lanes), bool)
    laid[..., :channels] = conv.mask.transpose(0, 1, 3, 4, 2)
    packed = pack_lanes(laid.reshape(groups, filters, kh * kw * deep, machine.lanes))
    if machine.sort:
        order = np.argsort(-np.bitwise_count(packed).sum(-1, dtype=np.int64), axis=1, kind="stable")
        packed = np.take_along_axis(packed, order[:, :, None], axis=1)
    per_group = -(-filters // machine.rows)
    sets = np.zeros((groups, per_group * machine.rows, packed.shape[2]), packed.dtype)
    sets[:, :filters] = packed
    return sets.reshape(groups * per_group, machine.rows, -1)


def _count(work: _Work, sets: np.ndarray, cycles: np.ndarray, machine: Tactical) -> Count:
    passes = -(-work.windows // machine.columns)
    steps = sets.shape[2]
    groups = -(-len(sets) // machine.tiles)
    slots = np.zeros(groups * machine.tiles, np.int64)
    slots[: len(sets)] = cycles
    busy = int(slots.reshape(groups, machine.tiles).max(axis=1).sum())
    stored = min(
        work.nonzeros * machine.stationary_bits, math.prod(work.shape) * machine.value_bits
    )

    # From the ideal to the real machine: each step adds one restriction. The cycles it adds are the
    # loss of that name.
    alone = unlimited_cycles(sets, machine.lanes)
    alone[~sets.any(axis=2)] = 0
    ideal = work.nonzeros * work.windows / machine.multipliers
    chain = [
        ("lanes", float(alone.sum()) / (machine.rows * machine.tiles)),
        ("set sync", float(np.maximum(alone.max(axis=1), 1).sum()) / machine.tiles),
        ("window", float(cycles.sum()) / machine.tiles),
        ("tile sync", float(busy)),
    ]
    losses, reached = {}, ideal
    for name, level in chain:
        losses[name] = level * passes - reached
        reached = level * passes
    written = work.shape[0] * work.shape[1] * work.windows * memory.SUM_BITS
    return Count(
        dense_cycles=groups * steps * passes,
        cycles=busy * passes,
        ideal_cycles=ideal,
        macs=work.nonzeros * work.windows,
        losses=losses,
        sram_bits=(
            stored * passes  # a weight is read once per pass
            + groups * steps * machine.lanes * work.windows * machine.value_bits  # broadcast
            + written
        ),
        sram_written_bits=written,
    )
