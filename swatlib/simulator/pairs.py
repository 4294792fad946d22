"""Cycles that the Cartesian-product element needs for its pairs of activation and weight chunks.

A weight chunk whose weights all lie at one kernel position is one of the 495 chunks of
`swatlib.simulator.banks`. A histogram says how often a channel has each of them, and one matrix
product gives the cycles of all of them. Chunks that span several positions are counted one by one.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array

from swatlib.checked import checked
from swatlib.simulator.banks import (
    CHUNK,
    chunk_numbers,
    filter_kind,
    pair_cycles,
    pair_loads,
)

_PAIRS_AT_ONCE = 1 << 17  # bounds the working memory


@checked
def deal_chunks(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Deal items, laid owner after owner, into chunks of four that never mix owners.

    Parameters
    ----------
    counts : numpy.ndarray
        Items of each owner.

    Returns
    -------
    start, stop : numpy.ndarray
        Where the items of every chunk begin and end.
    owner : numpy.ndarray
        The owner of every chunk.
    """
    per_owner = -(-counts // CHUNK)
    owner = np.repeat(np.arange(len(counts)), per_owner)
    ends, chunks = np.cumsum(counts), np.cumsum(per_owner)
    # Of its owner's chunks, each begins four items after the one before.
    first = ends - counts - CHUNK * (chunks - per_owner)
    start = first[owner] + CHUNK * np.arange(len(owner))
    return start, np.minimum(start + CHUNK, ends[owner]), owner


@checked
def pair_costs(
    weights: np.ndarray, first_filter: int, item_number: np.ndarray, item_channel: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
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
    nonzeros : numpy.ndarray
        Non-zero weights, ``(channels, positions)``.
    """
    channels, taps, filters = weights.shape
    found = np.flatnonzero(weights)
    place = found // filters  # faster than divmod
    kind = filter_kind(found - place * filters + first_filter)
    nonzeros = np.bincount(place, minlength=channels * taps).reshape(channels, taps)
    start, stop, chunk_channel = deal_chunks(nonzeros.sum(axis=1))
    first, last = place[start], place[stop - 1]
    pure = first == last

    # One row for each channel and position, one column for each of the 495 chunks.
    rows = np.bincount(first[pure], minlength=channels * taps)
    columns = chunk_numbers(kind, start)[pure]
    histogram = csr_array(
        (np.ones(len(columns), np.float32), columns, np.concatenate([[0], np.cumsum(rows)])),
        (channels * taps, len(pair_cycles())),
    )
    met = np.zeros(len(pair_cycles()), bool)
    met[item_number] = True
    spent = histogram @ np.ascontiguousarray(pair_cycles()[met].T)
    spent = spent.reshape(channels, taps, -1)
    compact = (np.cumsum(met) - 1)[item_number]
    cost = np.zeros(len(item_number))
    for t in range(taps):
        cost += spent[item_channel, t, compact[:, t]]

    if not pure.all():
        mixed = ~pure
        owner = chunk_channel[mixed]
        slots = start[mixed, None] + np.arange(CHUNK)
        row, slot = np.nonzero(slots < stop[mixed, None])
        item = slots[row, slot]
        tap = place[item] - owner[row] * taps
        cost += _mixed_costs(row, tap, kind[item], slot, owner, item_number, item_channel)
    return cost, np.bincount(chunk_channel, minlength=channels), nonzeros


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
    begins = np.flatnonzero(starts_part)
    parts = np.cumsum(starts_part)
    part = (parts - parts[slot == 0][row])[begins]
    numbers = np.zeros((len(channel), CHUNK), np.int16)
    numbers[row[begins], part] = chunk_numbers(kind, begins)
    taps = np.zeros((len(channel), CHUNK), np.int64)
    taps[row[begins], part] = tap[begins]

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
