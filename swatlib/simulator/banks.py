"""The accumulator banks of the Cartesian-product element, and what a collision costs.

Sixteen products leave the 4x4 multiplier array in one cycle, each for its own output (k, x, y).
Outputs are spread over 32 banks, and a bank adds one product a cycle: a step lasts as long as its
most wanted bank. The bank depends on three bits of k and on three bits made from x and y: operands
are of 8 kinds on either side. For the banks a chunk of at most four operands is fully described by
how many of each kind it holds. That gives 495 different chunks, so all pairs fit in a table.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import combinations_with_replacement

import numpy as np

from swatlib.checked import checked

BANKS = 32
CHUNK = 4
"""Operands that enter the multiplier array side by side, activations as well as weights."""

KINDS = 8
NOWHERE = 8
"""The kind of an operand that adds to no bank: the slot is empty, or the output is off the edge."""


@checked
def bank_of(k: int, x: int, y: int) -> int:
    """Accumulator bank of output channel k at output column x and row y.

    The hash is that of the public simulator of Bit-Tactical's authors.

    >>> [bank_of(k, 0, 0) for k in (0, 4, 8)]
    [0, 16, 0]
    """
    high = ((k & 4) << 2) ^ ((x & 2) << 3) ^ ((y & 2) << 3)
    return (high + ((x & 1) << 3) + ((y & 1) << 2) + (k & 3)) % BANKS


@checked
def filter_kind(k: np.ndarray) -> np.ndarray:
    """Which of 8 kinds output channel k is: its lowest three bits."""
    return k & 7


@checked
def place_kind(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Which of 8 kinds an output place is: x, y, and the parity of their second bits."""
    return (x & 1) | ((y & 1) << 1) | ((((x >> 1) ^ (y >> 1)) & 1) << 2)


@lru_cache(maxsize=1)
def _tables() -> tuple[np.ndarray, np.ndarray]:
    """Chunk number by code, and the bank loads of every pair of chunks.

    The code of a chunk is the sum of ``5 ** kind`` over its operands.
    """
    chunks = [c for n in range(CHUNK + 1) for c in combinations_with_replacement(range(KINDS), n)]
    number = np.full(CHUNK * (CHUNK + 1) ** (KINDS - 1) + 1, -1, np.int16)
    counts = np.zeros((len(chunks), KINDS), np.uint8)
    for i, chunk in enumerate(chunks):
        for kind in chunk:
            counts[i, kind] += 1
        number[sum((CHUNK + 1) ** kind for kind in chunk)] = i
    # bank = (third bit of k xor third bit of the place, place & 3, k & 3)
    place = counts.reshape(-1, 1, 2, 4, 1)
    k = counts.reshape(1, -1, 2, 1, 4)
    same = (place * k).sum(axis=2, dtype=np.uint8)
    other = (place * k[:, :, ::-1]).sum(axis=2, dtype=np.uint8)
    loads = np.stack([same, other], axis=2).reshape(len(chunks), len(chunks), BANKS)
    return number, loads


@checked
def chunk_numbers(kinds: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Number of each chunk in `pair_loads` and `pair_cycles`.

    Parameters
    ----------
    kinds : numpy.ndarray
        Integer, ``(operands,)``: the kinds of all operands, chunk after chunk, `NOWHERE` for one
        that adds to no bank.
    starts : numpy.ndarray
        Where each chunk begins, ascending; at most four operands each.

    Returns
    -------
    numpy.ndarray
        int16, one per chunk; 0 is the empty chunk.
    """
    if not len(starts):
        return np.zeros(0, np.int16)
    weight = np.array([(CHUNK + 1) ** kind for kind in range(KINDS)] + [0], np.int32)
    return _tables()[0][np.add.reduceat(weight[kinds], starts)]


def pair_loads() -> np.ndarray:
    """Products per bank, uint8 ``(495 place chunks, 495 filter chunks, 32 banks)``."""
    return _tables()[1]


@lru_cache(maxsize=1)
def pair_cycles() -> np.ndarray:
    """Cycles of a pair of chunks, float32 ``(495 place chunks, 495 filter chunks)``.

    The largest bank load, but at least 1: to issue a pair takes a cycle even if no product lands.
    """
    return np.maximum(pair_loads().max(axis=2), 1).astype(np.float32)
