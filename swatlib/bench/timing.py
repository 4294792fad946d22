"""How every benchmark here measures: interleaved, in one process, as ratios.

A shared machine drifts. What is compared therefore takes turns, call by call, and what is reported
is the ratio of lower quartiles, which a passing disturbance does not move.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import exp, log
from time import perf_counter, thread_time

import numpy as np
import torch

from swatlib.checked import checked_fields
from swatlib.clock import times


@dataclass(frozen=True)
class Row:
    """One measured ratio. A topic's ``main`` yields these, those of one setting together.

    Attributes
    ----------
    setting : str
        What was measured on, e.g. network, batch and memory format. Together with ``name`` it tells
        a row of a topic from every other, in this run and in later ones, so nothing measured stands
        in it.
    name : str
        What was measured.
    ratio : float
        Its time, or bytes where the setting says so, over the baseline's. Below 1 it is less.
    baseline : str
        What was measured beside it, in the same process.
    seconds : float or None
        Its time, None where the ratio is not of one time.
    """

    setting: str
    name: str
    ratio: float
    baseline: str
    seconds: float | None = None

    def __post_init__(self) -> None:
        checked_fields(self)


def seconds(functions: Mapping[str, Callable[[], object]], repeat: int = 15) -> dict[str, float]:
    """Return the lower-quartile time of each function, called in turns.

    On one thread it is the processor's time: waiting for other programs does not count. On several
    it is the time that passes.

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
    clock = thread_time if torch.get_num_threads() == 1 else perf_counter
    turns = times(functions, turns=repeat, warm_up=1, time=clock)
    return {name: float(np.quantile([turn[name] for turn in turns], 0.25)) for name in functions}


def geometric_mean(values: Sequence[float]) -> float:
    """Return the geometric mean of positive numbers, the mean that suits ratios."""
    return exp(sum(map(log, values)) / len(values))


def ratios(setting: str, taken: Mapping[str, float], baseline: str) -> list[Row]:
    """Return each time of :func:`seconds` as a ratio to the baseline's."""
    whole = taken[baseline]
    return [Row(setting, name, value / whole, baseline, value) for name, value in taken.items()]


def shown(rows: Iterable[Row]) -> Iterator[Row]:
    """Print each row as it comes, and pass it on.

    A setting's title has the name of the baseline and its time, where there is one.
    """
    title = ""
    for row in rows:
        if row.setting != title:
            title = row.setting
            time = f", {1e3 * row.seconds / row.ratio:.2f} ms" if row.seconds is not None else ""
            print(f"\n{title}\n  in units of: {row.baseline}{time}")
        print(f"  {row.name:<44} {row.ratio:8.3f} x", flush=True)
        yield row
