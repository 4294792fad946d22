"""The digits."""

from __future__ import annotations

import torch
from sklearn.datasets import load_digits

from swatlib.data import load


def test_digits_are_all_there_once() -> None:
    data = load("digits")
    assert data.train_x.shape[1:] == (1, 8, 8)
    together = torch.cat([data.train_x, data.test_x]).flatten(1)
    labels = torch.cat([data.train_y, data.test_y])
    bunch = load_digits()
    want = torch.tensor(bunch.data, dtype=torch.float32)
    # Undo the one shift and scale by two known values: a pixel that is 0, and one that is 16.
    low, high = together.min(), together.max()
    got = ((together - low) / (high - low) * 16).round()
    assert sorted(map(tuple, got.tolist())) == sorted(map(tuple, want.tolist()))
    assert torch.equal(labels.bincount(), torch.tensor(bunch.target).bincount())
    assert (data.test_y.bincount() - 0.2 * labels.bincount()).abs().max() < 1
