"""Chunks of four that never mix owners."""

import numpy as np

from swatlib.simulator.pairs import deal_chunks


def test_chunks_of_four_of_one_owner_each() -> None:
    owner = np.array([0, 0, 0, 0, 0, 2, 2])
    chunk, slot, chunk_owner = deal_chunks(owner, owners=3)
    assert chunk.tolist() == [0, 0, 0, 0, 1, 2, 2]
    assert slot.tolist() == [0, 1, 2, 3, 0, 0, 1]
    assert chunk_owner.tolist() == [0, 0, 2]


def test_nothing_to_deal() -> None:
    chunk, slot, chunk_owner = deal_chunks(np.zeros(0, np.int64), owners=2)
    assert len(chunk) == len(slot) == len(chunk_owner) == 0
