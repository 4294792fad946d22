"""Intervals and tests against SciPy's own and against tables."""

import math

import numpy as np
import pytest
from scipy import stats

from swatlib.claims.intervals import difference, differs, half_width, holm, inside, seeds_needed


def test_welch_where_pairing_does_not_help() -> None:
    first, second = np.array([1.0, 2.0, 3.0]), np.array([3.0, 2.0, 0.5])
    mean, error, freedom, paired, correlation = difference(first, second)
    assert not paired
    assert correlation < 0
    reference = stats.ttest_ind(first, second, equal_var=False)
    assert mean / error == pytest.approx(reference.statistic)
    assert freedom == pytest.approx(reference.df)
    assert difference(first, first + 0.1)[3]


def test_seeds_needed() -> None:
    n = seeds_needed(0.5, 0.33)
    assert stats.t.ppf(0.975, n - 1) * 0.5 / math.sqrt(n) <= 0.33
    assert stats.t.ppf(0.975, n - 2) * 0.5 / math.sqrt(n - 1) > 0.33
    assert seeds_needed(0.0, 1.0) == 2
    assert seeds_needed(1e6, 1.0) == 1000
    assert seeds_needed(0.1, 0.0) == 1000


def test_half_the_length_of_an_interval() -> None:
    values = np.array([1.0, 2.0, 4.0])
    low, high = stats.t.interval(0.95, 2, values.mean(), stats.sem(values))
    assert half_width(float(stats.sem(values)), 2) == pytest.approx((high - low) / 2)


def test_a_mean_differs_as_scipy_says() -> None:
    values = np.array([1.0, 2.0, 4.0])
    mean, error = float(values.mean()), float(stats.sem(values))
    assert differs(mean, error, 2) == pytest.approx(stats.ttest_1samp(values, 0).pvalue)
    assert (differs(0.0, 0.0, 2), differs(0.1, 0.0, 2)) == (1, 0)


def test_inside_a_margin_is_an_interval_inside_it() -> None:
    # Two one-sided tests at 2.5 % are the 95 % interval.
    for mean in (0.0, 0.4, -0.4, 0.9):
        half = half_width(0.1, 4)
        assert (inside(mean, 1.0, 0.1, 4) <= 0.05) == (abs(mean) + half <= 1.0)
    assert (inside(0.5, 1.0, 0.0, 2), inside(1.5, 1.0, 0.0, 2)) == (0, 1)


def test_holm_by_hand() -> None:
    # 3 x 0.01, then 2 x 0.03, then 1 x 0.04, never falling.
    assert holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])
    assert holm([0.9, 0.8]) == [1, 1]
