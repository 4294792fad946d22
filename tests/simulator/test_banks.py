"""Accumulator banks: the lookup by kinds against counting sixteen products."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from swatlib.simulator.banks import (
    NOWHERE,
    bank_of,
    chunk_numbers,
    filter_kind,
    pair_cycles,
    place_kind,
)

SQUARE = [(0, 0), (1, 0), (0, 1), (1, 1)]


def looked_up(places: list[tuple[int, int]], filters: list[int]) -> int:
    x, y = np.array(places, int).reshape(-1, 2).T
    place, k = np.full((2, 4), NOWHERE)
    place[: len(x)] = place_kind(x, y)
    k[: len(filters)] = filter_kind(np.array(filters, int))
    first = np.zeros(1, np.int64)
    return int(pair_cycles()[chunk_numbers(place, first), chunk_numbers(k, first)].item())


def counted(places: list[tuple[int, int]], filters: list[int]) -> int:
    banks = [bank_of(k, x, y) for k in filters for x, y in places]
    return max([1, *(banks.count(b) for b in banks)])


# Source: the bank cases of the accelerator's specification.
@pytest.mark.parametrize(
    ("filters", "cycles"), [([0, 1, 2, 3], 1), ([0, 4, 8, 12], 2), ([0, 8, 16, 24], 4)]
)
def test_golden(filters: list[int], cycles: int) -> None:
    assert looked_up(SQUARE, filters) == counted(SQUARE, filters) == cycles


place = st.tuples(st.integers(0, 300), st.integers(0, 300))


@given(st.lists(place, max_size=4), st.lists(st.integers(0, 5000), max_size=4))
def test_equals_counting_products(places: list[tuple[int, int]], filters: list[int]) -> None:
    assert looked_up(places, filters) == counted(places, filters)


def test_all_banks_are_used_evenly() -> None:
    banks = [bank_of(k, x, y) for k in range(8) for x in range(4) for y in range(4)]
    assert np.bincount(banks).tolist() == [4] * 32


def test_chunks_are_numbered_one_after_another() -> None:
    kinds, starts = np.array([3, 1, 1, NOWHERE, 1, 3, 1]), np.array([0, 3, 4])
    mixed, nothing, again = chunk_numbers(kinds, starts)
    assert (nothing, again) == (0, mixed)  # the order in a chunk does not matter
    assert len(chunk_numbers(kinds[:0], starts[:0])) == 0


def test_495_chunks() -> None:
    # multisets of at most 4 out of 8 kinds: sum of C(7 + n, n) for n = 0..4
    assert pair_cycles().shape == (495, 495)
