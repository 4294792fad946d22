"""Claims about what selecting the K-th largest costs."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable
from functools import cache, partial

import numpy as np
import pandas as pd

from swatlib.checked import checked
from swatlib.claims.claim import Claim
from swatlib.claims.quantity import Quantity, fact
from swatlib.selectors import kept_count

CHAPTER = "1-foundations/02-top-k"


@checked(rng=None)
def quickselect(x: np.ndarray, k: int, rng: np.random.Generator) -> tuple[float, int]:
    """Return the k-th largest entry of a vector, and the number of entries looked at."""
    looked = 0
    while True:
        looked += x.size
        pivot = x[rng.integers(x.size)]
        larger = x[x > pivot]
        if k <= larger.size:
            x = larger
            continue
        k -= larger.size
        ties = int(np.count_nonzero(x == pivot))
        if k <= ties:
            return float(pivot), looked
        k -= ties
        x = x[x < pivot]


class Counted(float):
    """A number that counts how often numbers of its kind are compared."""

    total = 0

    def __lt__(self, other: float) -> bool:
        """Compare and count."""
        Counted.total += 1
        return float.__lt__(self, other)

    def __gt__(self, other: float) -> bool:
        """Compare and count."""
        Counted.total += 1
        return float.__gt__(self, other)


@checked
def comparisons(action: Callable[[], object]) -> int:
    """Return how many comparisons of :class:`Counted` numbers an action makes."""
    Counted.total = 0
    action()
    return Counted.total


def knuth(density: float) -> float:
    """Return quickselect's average number of looks per entry, in the limit of many entries."""
    d = density
    return 2 * (1 - d * math.log(d) - (1 - d) * math.log(1 - d))


SIZES = tuple(2**power for power in range(10, 17))

_DRAWS = 200


@cache
def selection_comparisons(density: float = 0.1) -> pd.DataFrame:
    """Count comparisons per entry for the largest tenth of n numbers.

    Parameters
    ----------
    density : float
        What is selected.

    Returns
    -------
    DataFrame
        A row for each n of :data:`SIZES`: ``sort`` and ``heap`` are Python's own, counted on one
        draw; ``quickselect`` is the mean of 200, because its pivots are random.
    """
    rng = np.random.default_rng(1)
    rows = []
    for n in SIZES:
        k = kept_count(n, 1 - density)
        x = np.abs(rng.standard_normal(n))
        numbers = [Counted(value) for value in x]
        looks = [quickselect(x, k, rng)[1] for _ in range(_DRAWS)]
        rows.append(
            {
                "n": n,
                "sort": comparisons(partial(sorted, numbers)) / n,
                "heap": comparisons(partial(heapq.nlargest, k, numbers)) / n,
                "quickselect": float(np.mean(looks)) / n,
            }
        )
    return pd.DataFrame(rows)


def selection_is_linear() -> tuple[Quantity, ...]:
    """Return by how much the comparisons per entry grow with each doubling of the entries."""
    counted = selection_comparisons()
    doublings = np.log2(counted["n"])
    expected = {"quickselect": 0.0, "sort": 1.0}
    found = []
    for name, slope in expected.items():
        ours = float(np.polyfit(doublings, counted[name], 1)[0])
        found.append(
            fact(
                f"{name}, per doubling",
                ours,
                f"{slope:g}",
                abs(ours - slope) <= 0.1,
                abs(ours - slope) <= 0.3,
                "comparisons",
            )
        )
    return tuple(found)


CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="n-topk-linear",
        paper="N",
        place="Section 3.3.3; I Section 3.2",
        statement="Selecting the K-th largest takes linear time, so the comparisons per entry do "
        "not grow with the number of entries, as those of sorting do.",
        says="O(N) on average against O(N log N)",
        kind="exact",
        chapter=CHAPTER,
        needs="Counted comparisons of quickselect and of sorting over many doublings.",
        decision=selection_is_linear,
        limits="from 1,024 to 65,536 entries",
    ),
)
