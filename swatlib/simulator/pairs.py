"""Cycles that the Cartesian-product element needs for its pairs of activation and weight chunks.

A weight chunk whose weights all lie at one kernel position is one of the 495 chunks of
`swatlib.simulator.banks`. A histogram says how often a channel has each of them, and one matrix
product gives the cycles of all of them. Chunks that span several positions are counted one by one.
"""

from __future__ import annotations

import numpy as np

from swatlib.checked import checked
from swatlib.simulator.banks import (
    CHUNK,
    NOWHERE,
    chunk_numbers,
    filter_kind,
    pair_cycles,
    pair_loads,
)

_PAIRS_AT_ONCE = 1 << 17  # bounds the working memory


@checked
def deal_chunks(owner: np.ndarray, owners: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Deal items, sorted by owner, into chunks of four that never mix owners.

    Returns
    -------
    chunk, slot : numpy.ndarray
        Chunk number and place in the chunk of every item.
    chunk_owner : numpy.ndarray
        The owner of every chunk.
    """
    counts = np.bincount(owner, minlength=owners)
    rank = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
    per_owner = -(-counts // CHUNK)
    base = np.cumsum(per_owner) - per_owner
    return base[owner] + rank // CHUNK, rank % CHUNK, np.repeat(np.arange(owners), per_owner)


@checked
def pair_costs(
    weights: np.ndarray, first_filter: int, item_number: np.ndarray, item_channel: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Cycles each chunk of places needs against all weight chunks of its channel.

    Parameters
    ----------
    weights : numpy.ndarray
        Non-zero weights, boolean ``(channels, kernel positions, filters)``.
    first_filter : int
        Number of the first filter, on which the banks depend.
    item_number : numpy.ndarray
        Number of each chunk of places (an item) at each kernel position, ``(items, positions)``.
    item_channel : numpy.ndarray
        Channel of each item, ascending.

    Returns
    -------
    cost : numpy.ndarray
        Cycles per item.
    per_channel : numpy.ndarray
        Weight chunks per channel.
    """
    channels, taps, filters = weights.shape
    place, k = np.divmod(np.flatnonzero(weights), filters)  # faster than three coordinates at once
    channel, tap = np.divmod(place, taps)
    chunk, slot, chunk_channel = deal_chunks(channel, channels)
    kind = filter_kind(k + first_filter)
    first, last = np.full((2, len(chunk_channel)), 0, np.int64)
    first[chunk[::-1]] = tap[::-1]
    last[chunk] = tap
    pure = first == last

    kinds = np.full((len(pure), CHUNK), NOWHERE, np.int8)
    kinds[chunk, slot] = kind
    number = chunk_numbers(kinds[pure])
    known = len(pair_cycles())
    table = np.bincount(
        (chunk_channel[pure] * taps + first[pure]) * known + number,
        minlength=channels * taps * known,
    ).astype(np.float32)
    met = np.zeros(known, bool)
    met[item_number] = True
    used = np.flatnonzero(met)
    spent = table.reshape(-1, known) @ pair_cycles()[used].T
    spent = spent.reshape(channels, taps, len(used))
    compact = (np.cumsum(met) - 1)[item_number]
    cost = np.zeros(len(item_number))
    for t in range(taps):
        cost += spent[item_channel, t, compact[:, t]]

    if not pure.all():
        mixed = ~pure[chunk]
        row = np.cumsum(~pure) - 1
        cost += _mixed_costs(
            row[chunk[mixed]],
            tap[mixed],
            kind[mixed],
            slot[mixed],
            chunk_channel[~pure],
            item_number,
            item_channel,
        )
    return cost, np.bincount(chunk_channel, minlength=channels)


def _mixed_costs(
    row: np.ndarray,
    tap: np.ndarray,
    kind: np.ndarray,
    slot: np.ndarray,
    channel: np.ndarray,
    item_number: np.ndarray,
    item_channel: np.ndarray,
) -> np.ndarray:
    """Cycles each item needs against weight chunks that span several kernel positions.

    A chunk is split into parts of one position each; the parts' bank loads add up, and the
    largest sum is what the pair costs.
    """
    starts_part = np.ones(len(row), bool)
    starts_part[1:] = (row[1:] != row[:-1]) | (tap[1:] != tap[:-1])
    parts = np.cumsum(starts_part)
    part = parts - parts[slot == 0][row]
    kinds = np.full((len(channel), CHUNK, CHUNK), NOWHERE, np.int8)
    kinds[row, part, slot] = kind
    numbers = chunk_numbers(kinds)
    taps = np.zeros((len(channel), CHUNK), np.int64)
    taps[row, part] = tap

    per_channel = np.bincount(item_channel, minlength=channel.max() + 1)
    start = np.cumsum(per_channel) - per_channel
    cost = np.zeros(len(item_number))
    met = per_channel[channel]
    ends = np.cumsum(met)
    loads = pair_loads()
    low = 0
    while low < len(channel):  # so many chunks at a time that their pairs fit in memory
        high = max(
            low + 1,
            int(np.searchsorted(ends, (ends[low - 1] if low else 0) + _PAIRS_AT_ONCE, "right")),
        )
        sizes = met[low:high]
        j = np.repeat(np.arange(low, high), sizes)
        offset = np.arange(len(j)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        i = start[channel[j]] + offset
        total = loads[item_number[i, taps[j, 0]], numbers[j, 0]]
        total += loads[item_number[i, taps[j, 1]], numbers[j, 1]]
        for p in range(2, CHUNK):
            more = np.flatnonzero(numbers[j, p])
            ji, ii = j[more], i[more]
            total[more] += loads[item_number[ii, taps[ji, p]], numbers[ji, p]]
        worst = np.maximum(total.max(axis=1), 1)
        cost += np.bincount(i, worst, len(cost))
        low = high
    return cost
