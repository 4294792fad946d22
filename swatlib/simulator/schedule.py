"""How many cycles a set of filters takes in lockstep, for any window.

A *set* is ``rows`` filters that one tile computes together; all of them read row t of their
weights in the same cycle. Before a row is read, idle lanes are filled from later rows through the
window. A row that has become empty in every filter of the set costs no cycle. At most h such rows
are skipped one after another, because the window cannot slide further in one cycle.

Sets do not depend on each other. All sets of all layers share one loop over time only because NumPy
is fast when it works on tens of thousands of rows at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import or_

import numpy as np
from tqdm import tqdm

from swatlib.checked import checked
from swatlib.simulator.windows import Window

POLICIES = ("least", "most", "dnnsim")
"""Which idle lane chooses first: the one with the fewest or the most candidates, or the choice of
DNNsim, the public simulator of Bit-Tactical's authors: the most, and other places first."""

_MANY = 1024  # filters from which on a test of all of them costs less than their turns

_WORDS = {8: np.uint8, 16: np.uint16, 32: np.uint32, 64: np.uint64}


@checked
def pack_lanes(rows: np.ndarray) -> np.ndarray:
    """Pack a boolean array over its last axis into one unsigned integer per row.

    Parameters
    ----------
    rows : numpy.ndarray
        Boolean, shape ``(..., lanes)`` with 1 to 64 lanes. Lane 0 is bit 0.

    Returns
    -------
    numpy.ndarray
        Shape ``(...)``, the narrowest unsigned type that holds the lanes.
    """
    lanes = rows.shape[-1]
    if not 1 <= lanes <= 64:
        raise ValueError(f"lanes must be in [1, 64], got {lanes}")
    width = next(w for w in _WORDS if w >= lanes)
    if lanes % 8 == 0:  # whole bytes: one long row is packed many times faster than short ones
        flat = np.packbits(rows.reshape(-1), bitorder="little")
        packed = flat.reshape(*rows.shape[:-1], lanes // 8)
    else:
        packed = np.packbits(rows, axis=-1, bitorder="little")
    if packed.shape[-1] * 8 < width:
        fill = np.zeros((*packed.shape[:-1], width // 8 - packed.shape[-1]), np.uint8)
        packed = np.concatenate([packed, fill], axis=-1)
    words = np.ascontiguousarray(packed).view(np.dtype(_WORDS[width]).newbyteorder("<"))
    return words[..., 0].astype(_WORDS[width], copy=False)


@checked
def set_cycles(
    sets: Sequence[np.ndarray], window: Window, lanes: int, policy: str = "least"
) -> list[np.ndarray]:
    """Cycles of every set of filters.

    Parameters
    ----------
    sets : sequence of numpy.ndarray
        One array per layer from `pack_lanes`, shape ``(sets, filters, time)``. Layers may differ
        in all three sizes.
    window : Window
        From where an idle lane may pull.
    lanes : int
        Lanes the integers hold.
    policy : str
        Who chooses first among idle lanes that could pull, ``"least"`` or ``"most"`` flexible, or
        ``"dnnsim"``. X and unlimited windows have no choice to make.

    Returns
    -------
    list of numpy.ndarray
        Cycles, shape ``(sets,)`` per layer, at least 1 each.
    """
    if policy not in POLICIES:
        raise ValueError(f"policy must be one of {', '.join(POLICIES)}, got {policy!r}")
    if window.shape == "inf":
        return [unlimited_cycles(s, lanes).max(axis=1, initial=1) for s in sets]
    if not sets:
        return []
    order = sorted(range(len(sets)), key=lambda i: -sets[i].shape[2])
    lengths = np.repeat([sets[i].shape[2] for i in order], [len(sets[i]) for i in order])
    if window.shape == "X":
        due = [np.cumsum(np.bitwise_count(sets[i]), axis=2, dtype=np.int32) for i in order]
        counted = pull_cycles(_by_time(due, window.ahead, "edge"), lengths, lanes, window.ahead)
    else:
        steps = _by_time([sets[i] for i in order], window.ahead, "constant")
        counted = _promote_cycles(steps, lengths, lanes, window, policy)
    cycles: list[np.ndarray] = [np.ones(0, np.int64)] * len(sets)
    ends = np.cumsum([len(sets[i]) for i in order])[:-1]
    for i, part in zip(order, np.split(np.maximum(counted, 1), ends), strict=True):
        cycles[i] = part
    return cycles


@checked
def unlimited_cycles(rows: np.ndarray, lanes: int) -> np.ndarray:
    """Cycles of each filter alone when any weight may move anywhere.

    ``max(1, ceil(nnz / lanes))``, summed over the last axis of `rows`; no window does better.
    """
    nonzeros = np.bitwise_count(rows).sum(axis=-1, dtype=np.int64)
    return np.maximum(1, -(-nonzeros // lanes))


def _by_time(sets: list[np.ndarray], ahead: int, padding: str) -> list[np.ndarray]:
    """One ``(filters, sets)`` array per row of time, longest sets first.

    Each layer is followed by `ahead` more rows, empty or repeating the last, so that a window may
    look over its end; a layer that has ended takes no more space.
    """
    padded = [
        np.pad(s.transpose(2, 1, 0), ((0, ahead), (0, 0), (0, 0)), mode=padding)  # type: ignore[call-overload]
        for s in sets
    ]
    filters = max((p.shape[1] for p in padded), default=0)
    starts = np.cumsum([0, *(p.shape[2] for p in padded)])
    steps = []
    for t in range(len(padded[0]) if padded else 0):
        alive = [p for p in padded if len(p) > t]
        step = np.zeros((filters, starts[len(alive)]), alive[0].dtype)
        for p, start in zip(alive, starts, strict=False):
            step[: p.shape[1], start : start + p.shape[2]] = p[t]
        steps.append(step)
    return steps


def pull_cycles(due: list[np.ndarray], lengths: np.ndarray, lanes: int, ahead: int) -> np.ndarray:
    """X<h>: a row takes what fits from the next h rows, earliest first.

    Taking earliest first makes each filter a queue: after every cycle it has done
    ``min(done + lanes, everything due up to row t + h)`` weights, and row t is empty once
    ``done`` reaches what was due up to row t. Only the number of weights per row matters.
    """
    skipped = np.zeros(len(lengths), np.int32)
    cycles = np.zeros(len(lengths), np.int64)
    done = np.zeros_like(due[0]) if due else None
    for t in range(len(due) - ahead):
        n = int(np.searchsorted(-lengths, -t))  # lengths fall: n sets still have a row t
        done = done[:, :n]  # type: ignore[index]
        runs = (done < due[t][:, :n]).any(axis=0) | (skipped[:n] >= ahead)
        reached = np.minimum(done + lanes, due[t + ahead][:, :n])
        np.copyto(done, reached, where=runs)
        skipped[:n] = np.where(runs, 0, skipped[:n] + 1)
        cycles[:n] += runs
    return cycles


def _promote_cycles(
    steps: list[np.ndarray], lengths: np.ndarray, lanes: int, window: Window, policy: str
) -> np.ndarray:
    """L<h,d> and T<h,d>: fill idle lanes one promotion at a time, all filters side by side."""
    skipped = np.zeros(len(lengths), np.int32)
    cycles = np.zeros(len(lengths), np.int64)
    offsets = window.offsets(lanes, by_place=policy == "dnnsim")
    known: dict[bytes, list[np.ndarray]] = {}
    times = range(len(steps) - window.ahead)
    for t in tqdm(times, "rows", delay=2, leave=False, disable=None):  # if it takes long
        n = int(np.searchsorted(-lengths, -t))
        now = steps[t][:, :n]
        runs = now.any(axis=0) | (skipped[:n] >= window.ahead)
        later = [step[:, :n] for step in steps[t + 1 : t + 1 + window.ahead]]
        if later:
            full = now.dtype.type((1 << lanes) - 1)
            idle = np.where(runs, ~now & full, full ^ full)
            if idle.size > _MANY:
                _fill(later, idle, offsets, lanes, policy)
            else:  # a long layer with few filters: where it is dense, the same rows come again
                key = b"".join([idle.tobytes(), *(row.tobytes() for row in later)])
                if key not in known:
                    _fill(later, idle, offsets, lanes, policy)
                    if len(known) < _MANY:  # bounds the memory
                        known[key] = [row.copy() for row in later]
                else:
                    for row, filled in zip(later, known[key], strict=True):
                        row[...] = filled
        skipped[:n] = np.where(runs, 0, skipped[:n] + 1)
        cycles[:n] += runs
        steps[t] = now[:0]  # done with: free its memory
    return cycles


def _fill(
    later: list[np.ndarray],
    idle: np.ndarray,
    offsets: list[tuple[int, int]],
    lanes: int,
    policy: str,
) -> None:
    """Give every idle lane a later weight, removing it from `later` in place.

    A turn: count each lane's candidates, let the least (or most) flexible lane, leftmost on a tie,
    take its first candidate, and count again. Lanes are bits, and a row of `candidates` is one
    place of the window as all lanes see it, so that counting is a carry-save adder over words.

    If the least flexible choose first, all lanes with a single candidate choose in the same turn.
    They come before all others anyway, and their order does not matter: of two with the same
    candidate one takes it and the other is left without, and two with different ones do not meet.
    """
    full = idle.dtype.type((1 << lanes) - 1)
    where = np.nonzero((idle != 0) & (np.bitwise_or.reduce(later, axis=0) != 0))
    free = idle[where]
    pool = np.stack([row[where] for row in later])
    row_of = np.array([ahead - 1 for ahead, _ in offsets])
    places = [np.flatnonzero(row_of == row) for row in range(len(pool))]
    aside = np.array([[dl] for _, dl in offsets], idle.dtype)  # in [0, lanes)
    around = (lanes - aside).astype(idle.dtype)
    while True:
        seen = pool.take(row_of, axis=0)
        candidates = (seen >> aside | seen << around) & free
        digits = _count(list(candidates))
        able = reduce(or_, digits)
        busy = able != 0
        live = int(np.count_nonzero(busy))
        if 4 * live < 3 * len(busy) or not live:  # write finished filters back and go on with fewer
            over = ~busy
            for row, rest in zip(later, pool, strict=True):
                row[where[0][over], where[1][over]] = rest[over]
            if not live:
                return
            where = (where[0][busy], where[1][busy])
            free, able = free[busy], able[busy]
            left = np.flatnonzero(busy)
            pool, candidates = pool.take(left, axis=1), candidates.take(left, axis=1)
            digits = [d.take(left) for d in digits]
        chosen = able
        for digit in reversed(digits):
            keep = chosen & ~digit if policy == "least" else chosen & digit
            chosen = np.where(keep, keep, chosen)
        chosen &= ~chosen + idle.dtype.type(1)  # the leftmost lane is the lowest bit
        if policy == "least":
            alone = able & ~reduce(or_, digits[1:], full ^ full)
            chosen = np.where(alone, alone, chosen)
        free ^= chosen
        for candidate in candidates:  # becomes what is taken from that place
            candidate &= chosen
            chosen ^= candidate
        taken = (candidates << aside | candidates >> around) & full
        for row, mine in zip(pool, places, strict=True):
            row &= ~np.bitwise_or.reduce(taken[mine])


def _count(bits: list[np.ndarray]) -> list[np.ndarray]:
    """How many of `bits` are set at each bit position, as binary digits, lowest first."""
    digits = []
    while bits:
        carries = []
        while len(bits) > 2:
            a, b, c = bits.pop(), bits.pop(), bits.pop()
            either = a ^ b
            bits.append(either ^ c)
            carries.append((a & b) | (either & c))
        if len(bits) == 2:
            carries.append(bits[0] & bits[1])
            bits = [bits[0] ^ bits[1]]
        digits.append(bits[0])
        bits = carries
    return digits
