"""Counted comparisons against Knuth's."""

import numpy as np
import pytest

from swatlib.claims.foundations import top_k


def test_quickselect_selects_and_its_looks_are_knuths() -> None:
    rng = np.random.default_rng(0)
    x = rng.integers(0, 50, 2_000).astype(float)
    for k in (1, 7, 200, 2_000):
        assert top_k.quickselect(x, k, rng)[0] == np.sort(x)[::-1][k - 1]
    counted = top_k.selection_comparisons()
    # Knuth 1972: 2.65 at a tenth, 3.39 for the median.
    assert top_k.knuth(0.1) == pytest.approx(2.65, abs=0.005)
    assert top_k.knuth(0.5) == pytest.approx(3.386, abs=0.001)
    assert counted["quickselect"].mean() == pytest.approx(top_k.knuth(0.1), abs=0.2)
    # No sort can do with fewer comparisons than log2 of n!, 1.44 below log2 n for each entry.
    assert (counted["sort"] > np.log2(counted["n"]) - 1.45).all()


def test_counted_numbers_count() -> None:
    numbers = [top_k.Counted(value) for value in (3, 1, 2)]
    assert top_k.comparisons(lambda: numbers[0] < numbers[1]) == 1
    assert top_k.comparisons(lambda: numbers[0] > numbers[1]) == 1
