"""Intervals over seeds and what they decide: pairing, Welch, equivalence, families.

Runs of one seed are paired where their correlation is positive; else Welch's interval on
independent means is taken (Welch 1947). That an effect lies inside a margin is shown by two
one-sided tests (Schuirmann 1987); the tests of a family are adjusted by Holm's method (Holm 1979).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy import stats

from swatlib.checked import checked

CONFIDENCE = 0.95
MOST_SEEDS = 1_000
"""As many or more count as out of reach."""


@checked
def difference(first: np.ndarray, second: np.ndarray) -> tuple[float, float, float, bool, float]:
    """Return mean, standard error and degrees of freedom of a difference over seeds.

    Parameters
    ----------
    first, second : ndarray
        One value for each seed, in the same order.

    Returns
    -------
    mean, error, freedom : float
    paired : bool
        Whether the seeds were paired: where the correlation is positive, or one side is constant.
    correlation : float
    """
    n = len(first)
    mean = float(np.mean(first - second))
    spread = np.std(first), np.std(second)
    correlation = float(np.corrcoef(first, second)[0, 1]) if min(spread) > 0 else math.nan
    if not correlation <= 0:
        return (
            mean,
            float(np.std(first - second, ddof=1) / math.sqrt(n)),
            n - 1.0,
            True,
            correlation,
        )
    variances = np.var(first, ddof=1) / n, np.var(second, ddof=1) / n
    total = float(sum(variances))
    freedom = total**2 / sum(float(v) ** 2 / (n - 1) for v in variances)
    return mean, math.sqrt(total), freedom, False, correlation


@checked
def half_width(error: float, freedom: float) -> float:
    """Return half the length of the 95 % interval of a standard error.

    >>> round(half_width(1.0, 2), 2)
    4.3
    """
    return float(stats.t.ppf((1 + CONFIDENCE) / 2, freedom)) * error


@checked
def seeds_needed(spread: float, margin: float, most: int = MOST_SEEDS) -> int:
    """Return the number of seeds whose 95 % interval is no wider than the margin on either side.

    Parameters
    ----------
    spread : float
        Standard deviation over seeds of the difference.
    margin : float
        Half the length of the interval that is wanted.
    most : int
        Returned if no fewer do.
    """
    if spread > 0 and margin <= 0:
        return most
    for n in range(2, most):
        if half_width(spread / math.sqrt(n), n - 1) <= margin:
            return n
    return most


@checked
def differs(mean: float, error: float, freedom: float) -> float:
    """Return the p of a mean that differs from zero, two-sided."""
    if error == 0:
        return 1.0 if mean == 0 else 0.0
    return float(2 * stats.t.sf(abs(mean) / error, freedom))


@checked
def inside(mean: float, margin: float, error: float, freedom: float) -> float:
    """Return the p of a mean inside a margin: two one-sided tests, on a two-sided test's scale."""
    if error == 0:
        return 0.0 if abs(mean) < margin else 1.0
    return float(min(1.0, 2 * stats.t.sf((margin - abs(mean)) / error, freedom)))


@checked
def holm(ps: Sequence[float]) -> list[float]:
    """Return Holm's adjusted p of each test of a family.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    order = np.argsort(ps)
    adjusted, largest = [0.0] * len(ps), 0.0
    for rank, i in enumerate(order):
        largest = max(largest, min(1.0, ps[i] * (len(ps) - rank)))
        adjusted[i] = largest
    return adjusted
