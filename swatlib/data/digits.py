"""``digits``: 1797 handwritten digits of 8x8 pixels that come with scikit-learn.

Source: E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI repository, 1998
(its test part).
"""

from __future__ import annotations

import numpy as np
from sklearn.datasets import load_digits

from .splits import Images

TEST_FRACTION = 0.2


def read_digits() -> Images:
    """Read the digits: 1 channel, 8x8 pixels; the same fifth of each class is for testing."""
    bunch = load_digits()
    x = bunch.images.astype(np.float32)[:, None]
    y = bunch.target.astype(np.int64)
    # RandomState and not default_rng: NumPy promises that its stream never changes.
    order = np.random.RandomState(0).permutation(len(y))
    is_test = np.zeros(len(y), dtype=bool)
    for label in range(10):
        members = order[y[order] == label]
        is_test[members[: round(TEST_FRACTION * len(members))]] = True
    train, test = order[~is_test[order]], order[is_test[order]]
    return Images(x[train], y[train], x[test], y[test], tuple(str(d) for d in range(10)))
