"""Chunks of four that never mix owners."""

import numpy as np

from swatlib.simulator.pairs import deal_chunks


def test_chunks_of_four_of_one_owner_each() -> None:
    start, stop, owner = deal_chunks(np.array([5, 0, 2, 8]))
    assert start.tolist() == [0, 4, 5, 7, 11]
    assert stop.tolist() == [4, 5, 7, 11, 15]
    assert owner.tolist() == [0, 0, 2, 3, 3]


def test_nothing_to_deal() -> None:
    assert [len(part) for part in deal_chunks(np.zeros(2, np.int64))] == [0, 0, 0]
