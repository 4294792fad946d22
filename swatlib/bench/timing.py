"""How every benchmark here measures: interleaved, in one process, as ratios.

A shared machine drifts. What is compared therefore takes turns, call by call, and what is reported
is the ratio of lower quartiles, which a passing disturbance does not move.
"""

from collections.abc import Callable, Mapping
from time import perf_counter

import numpy as np


def seconds(functions: Mapping[str, Callable[[], object]], repeat: int = 15) -> dict[str, float]:
    """Return the lower-quartile wall time of each function, called in turns.

    Parameters
    ----------
    functions : mapping
        Functions without arguments, by name. Each is called once before, to warm up.
    repeat : int
        Turns, at least 1.

    Returns
    -------
    dict
        Seconds, by name.
    """
    for function in functions.values():
        function()
    times: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(repeat):
        for name, function in functions.items():
            start = perf_counter()
            function()
            times[name].append(perf_counter() - start)
    return {name: float(np.quantile(taken, 0.25)) for name, taken in times.items()}


def print_ratios(title: str, taken: Mapping[str, float], baseline: str) -> None:
    """Print each time as a ratio to the baseline's, whose absolute time stands in the title."""
    print(f"\n{title} ({baseline}: {1e3 * taken[baseline]:.2f} ms)")
    for name, value in taken.items():
        print(f"  {name:<44} {value / taken[baseline]:8.3f} x")
