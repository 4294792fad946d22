"""`scnn`: processing elements that multiply every non-zero by every non-zero.

After SCNN (Parashar et al., ISCA 2017). The input plane is cut into tiles, one per element. For
each input channel an element multiplies its non-zero activations, four at a time, by the
channel's non-zero weights, four at a time; each product is added to the output it belongs to, in
one of 32 banks. Elements wait for each other after every channel, and partial sums of outputs on
a tile's border travel to the neighbour at the end.

The count is exact: every element, every channel, every bank collision. It is fast because the banks
tell only 495 chunks apart (`swatlib.simulator.banks`), so most pairs of chunks are counted by
histograms (`swatlib.simulator.pairs`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from tqdm import tqdm

from swatlib import checks
from swatlib.checked import checked, checked_fields
from swatlib.simulator import memory
from swatlib.simulator.banks import CHUNK, NOWHERE, chunk_numbers, place_kind
from swatlib.simulator.counts import Count
from swatlib.simulator.mapping import Convolution
from swatlib.simulator.pairs import deal_chunks, pair_costs

_CHANNELS_AT_ONCE = 4096  # channels x kernel positions per block, bounds the working memory

COUNT_BITS = 4
"""Of the count of zeros that is stored with a non-zero (SCNN, section 3)."""


@dataclass(frozen=True)
class Cartesian:
    """An `scnn` machine.

    Attributes
    ----------
    elements : int
        Processing elements per side: ``elements`` squared in all, each with 4x4 multipliers.
    accumulator : int
        Partial sums an element can hold; it limits the filters worked on at once.
    value_bits : int
        Bits of a value in memory.
    """

    elements: int = 8
    accumulator: int = 6144
    value_bits: int = memory.VALUE_BITS

    def __post_init__(self) -> None:
        checked_fields(
            self, elements=checks.count, accumulator=checks.count, value_bits=checks.count
        )

    @property
    def multipliers(self) -> int:
        """Multiplications per cycle."""
        return self.elements**2 * CHUNK**2

    @property
    def stationary_bits(self) -> int:
        """Bits of a stored non-zero: the value and a count of zeros before it."""
        return self.value_bits + COUNT_BITS

    @property
    def stream_bits(self) -> int | None:
        """Both operands are compressed alike."""
        return self.stationary_bits

    def describe(self) -> dict[str, Any]:
        """The machine as plain values."""
        return {
            "pe": "scnn",
            "elements": self.elements,
            "accumulator": self.accumulator,
            "value_bits": self.value_bits,
        }

    @checked
    def count(self, convs: Iterable[Convolution], distinct: bool = True) -> list[Count]:
        """Cycles of many convolutions.

        Parameters
        ----------
        convs : iterable of Convolution
            From `swatlib.simulator.mapping`.
        distinct : bool
            False if the masks repeat (a dense network): equal channels are then counted once.

        Returns
        -------
        list of Count
            One per convolution.
        """
        shown = tqdm(convs, "convolutions", delay=2, leave=False, disable=None)  # if it takes long
        return [_count(conv, self, distinct) for conv in shown]


@dataclass(frozen=True)
class _Places:
    """One stride phase of the stream: chunks of four non-zeros, by channel and element.

    ``numbers[i, tap]`` is the chunk's number at a kernel position, ``owner[i]`` is
    ``channel * elements + element``. ``valid[channel, tap]`` counts the channel's non-zeros whose
    product with a weight at that position belongs to an output; others fall off the edge.

    A dense stream has one channel that stands for all, and few different chunks: ``numbers`` has
    each of them once, and ``times[element, i]`` says how often.
    """

    numbers: np.ndarray
    owner: np.ndarray
    valid: np.ndarray
    tile: np.ndarray  # positions per element, zero or not
    times: np.ndarray | None = None


class _Shape(NamedTuple):
    """All that the places of a stream depend on but its zeros."""

    plane: tuple[int, int]
    offset: tuple[int, int]
    out: tuple[int, int]
    stride: tuple[int, int]
    kernel: tuple[int, int]
    side: int


def _count(conv: Convolution, machine: Cartesian, distinct: bool) -> Count:
    groups, filters, channels, kh, kw = conv.mask.shape
    weights = conv.mask.transpose(0, 2, 3, 4, 1).reshape(groups * channels, kh, kw, filters)
    repeat = np.ones(len(weights), np.int64)
    if not distinct and conv.stream is None:
        packed = np.packbits(weights.reshape(len(weights), -1), axis=1)
        _, first, repeat = np.unique(packed, axis=0, return_index=True, return_counts=True)
        weights = weights[first]

    side = machine.elements
    held = math.prod(-(-size // side) for size in conv.out)
    at_once = max(1, machine.accumulator // held)
    images: list[np.ndarray | None] = [None] if conv.stream is None else list(conv.stream)
    alike = conv.batch // len(images)  # dense images cost the same

    out = Count(losses=dict.fromkeys(("fragments", "banks", "PE sync", "halo"), 0.0))
    pairs_mean = busy_mean = busy_max = 0.0
    shape = _Shape(conv.plane, conv.offset, conv.out, conv.stride, conv.kernel, side)
    for image in images:
        phases = {
            (a, b): _dense_places(shape, a, b) if image is None else _places(shape, image, a, b)
            for a in range(min(conv.stride[0], kh))
            for b in range(min(conv.stride[1], kw))
        }
        for start in range(0, filters, at_once):
            block = weights[..., start : start + at_once]
            step = max(1, _CHANNELS_AT_ONCE // (kh * kw))
            for low in range(0, len(block), step):
                part = slice(low, low + step)
                cycles = np.zeros((len(block[part]), side * side))
                pairs = np.zeros_like(cycles)
                for (a, b), places in phases.items():
                    taps = block[part, a :: conv.stride[0], b :: conv.stride[1]]
                    kinds = taps.reshape(len(taps), -1, taps.shape[-1])
                    done = _multiply(kinds, start, places, low, machine)
                    cycles += done[0]
                    pairs += done[1]
                    out.macs += int(repeat[part] @ done[2]) * alike
                    out.sram_bits += int(repeat[part] @ done[3]) * alike
                busy_max += float(repeat[part] @ cycles.max(axis=1)) * alike
                busy_mean += float(repeat[part] @ cycles.mean(axis=1)) * alike
                pairs_mean += float(repeat[part] @ pairs.mean(axis=1)) * alike
            dense = sum(
                -(-places.tile // CHUNK)
                * -(-block[0, a :: conv.stride[0], b :: conv.stride[1]].size // CHUNK)
                for (a, b), places in phases.items()
            )
            halo = _halo(conv, side) * block.shape[-1] * groups * alike
            out.dense_cycles += int(np.max(dense)) * groups * channels * alike + halo
            out.losses["halo"] += halo
    out.ideal_cycles = out.macs / machine.multipliers
    out.losses["fragments"] = pairs_mean - out.ideal_cycles
    out.losses["banks"] = busy_mean - pairs_mean
    out.losses["PE sync"] = busy_max - busy_mean
    out.cycles = round(busy_max + out.losses["halo"])
    out.sram_written_bits = out.macs * memory.SUM_BITS  # read a partial sum, write it back
    out.sram_bits += 2 * out.sram_written_bits
    return out


def _halo(conv: Convolution, side: int) -> int:
    """Largest of the eight border regions whose partial sums go to a neighbour, per filter."""
    sides = []
    for kernel, offset, out, stride in zip(
        conv.kernel, conv.offset, conv.out, conv.stride, strict=True
    ):
        tile = -(-((out - 1) * stride + kernel) // side)
        sides.append((max(kernel - 1 - offset, 0), tile, max(offset, 0)))
    return max(sides[0][i] * sides[1][j] for i in range(3) for j in range(3) if (i, j) != (1, 1))


@lru_cache(maxsize=64)  # layers of a network share their shapes
def _dense_places(shape: _Shape, a: int, b: int) -> _Places:
    places = _places(shape, None, a, b)
    numbers, which = np.unique(places.numbers, axis=0, return_inverse=True)
    times = np.zeros((shape.side**2, len(numbers)))
    np.add.at(times, (places.owner, which.ravel()), 1)
    return replace(places, numbers=numbers, times=times)


def _places(shape: _Shape, image: np.ndarray | None, a: int, b: int) -> _Places:
    """The stream's non-zeros of stride phase (a, b), cut into tiles and chunks of four."""
    side, (sh, sw), (kh, kw) = shape.side, shape.stride, shape.kernel
    tall, wide = (
        -(-((out - 1) * stride + kernel) // side)
        for out, stride, kernel in zip(shape.out, shape.stride, shape.kernel, strict=True)
    )
    y, x = np.arange(side * tall), np.arange(side * wide)
    # Padded coordinates hold the image from `offset` on; what is outside is zero.
    rows, columns = y - shape.offset[0], x - shape.offset[1]
    inside = np.outer(
        (rows >= 0) & (rows < shape.plane[0]), (columns >= 0) & (columns < shape.plane[1])
    )
    phase = np.outer(y % sh == a, x % sw == b)
    if image is None:
        present = inside[None]
    else:
        present = image[
            :,
            np.clip(rows, 0, shape.plane[0] - 1)[:, None],
            np.clip(columns, 0, shape.plane[1] - 1)[None],
        ] & (inside)
    present = present & phase

    def tiles(grid: np.ndarray) -> np.ndarray:
        cut = grid.reshape(-1, side, tall, side, wide).swapaxes(2, 3)
        return cut.reshape(-1, tall * wide)

    owner, position = np.nonzero(tiles(present))
    owners = len(present) * side * side
    start, _, chunk_owner = deal_chunks(np.bincount(owner, minlength=owners))
    element = owner % (side * side)
    item_y = element // side * tall + position // wide
    item_x = element % side * wide + position % wide
    taps = [(r, s) for r in range(a, kh, sh) for s in range(b, kw, sw)]
    numbers = np.zeros((len(chunk_owner), len(taps)), np.int16)
    valid = np.zeros((len(present), len(taps)), np.int64)
    for tap, (r, s) in enumerate(taps):
        to_y, to_x = (item_y - r) // sh, (item_x - s) // sw
        lands = (to_y >= 0) & (to_y < shape.out[0]) & (to_x >= 0) & (to_x < shape.out[1])
        kinds = np.where(lands, place_kind(to_x, to_y), NOWHERE)
        numbers[:, tap] = chunk_numbers(kinds, start)
        valid[:, tap] = np.bincount(owner[lands] // (side * side), minlength=len(present))
    return _Places(numbers, chunk_owner, valid, tiles(phase[None]).sum(axis=1))


def _multiply(
    weights: np.ndarray, first_filter: int, places: _Places, low: int, machine: Cartesian
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """All products of some channels: cycles and pairs per element, and totals per channel.

    Parameters
    ----------
    weights : numpy.ndarray
        Boolean ``(channels, taps, filters)``.
    first_filter : int
        Number of the first filter, which its bank depends on.
    places : _Places
        The stream; one channel of it stands for all if it is dense.
    low : int
        Number of the first channel in the stream.
    machine : Cartesian
        The machine.

    Returns
    -------
    cycles, pairs : numpy.ndarray
        ``(channels, elements)``.
    macs, sram_bits : numpy.ndarray
        ``(channels,)``.
    """
    channels, taps, _ = weights.shape
    elements = machine.elements**2
    if places.times is not None:  # every channel meets every chunk
        item_number = np.tile(places.numbers, (channels, 1))
        item_channel = np.repeat(np.arange(channels), len(places.numbers))
        valid = np.broadcast_to(places.valid, (channels, taps))
    else:
        begin, end = np.searchsorted(places.owner, [low * elements, (low + channels) * elements])
        item_number = places.numbers[begin:end]
        item_owner = places.owner[begin:end] - low * elements
        item_channel = item_owner // elements
        valid = places.valid[low : low + channels]

    if not weights.any() or not len(item_number):
        nothing = np.zeros((channels, elements))
        return nothing, nothing, np.zeros(channels, np.int64), np.zeros(channels, np.int64)
    cost, per_channel, nonzeros = pair_costs(weights, first_filter, item_number, item_channel)
    if places.times is not None:
        cycles: np.ndarray = cost.reshape(channels, -1) @ places.times.T
        chunks: np.ndarray = np.broadcast_to(places.times.sum(axis=1), (channels, elements))
    else:
        cycles = np.bincount(item_owner, cost, channels * elements).reshape(channels, elements)
        counted = np.bincount(item_owner, minlength=channels * elements)
        chunks = counted.reshape(channels, elements).astype(float)
    pairs = chunks * per_channel[:, None]
    bits = CHUNK * machine.stationary_bits
    reads = (pairs.sum(axis=1) + chunks.sum(axis=1)) * bits
    return cycles, pairs, (nonzeros * valid).sum(axis=1), reads.astype(np.int64)
