"""The time that functions take, each called in turns with the others.

A shared machine drifts, so what is compared takes turns, and whatever disturbs one disturbs all.
A GPU works on while Python goes on, so its times are read from events in its own queue, and the
host waits for it after every turn only.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from statistics import median
from time import perf_counter

import torch

from swatlib import checks
from swatlib.checked import checked

WARM_UP = 2
"""Turns that are not counted: memory is allocated in them, and algorithms are chosen."""

CPU = torch.device("cpu")


@checked(turns=checks.count, calls=checks.count, warm_up=partial(checks.count, least=0))
def times(
    functions: Mapping[str, Callable[[], object]],
    device: torch.device = CPU,
    turns: int = 9,
    calls: int = 1,
    warm_up: int = WARM_UP,
    time: Callable[[], float] = perf_counter,
) -> list[dict[str, float]]:
    """Return the seconds that a call of each function takes, turn by turn.

    Parameters
    ----------
    functions : mapping
        Functions without arguments, by name.
    device : torch.device
        What they compute on.
    turns : int
        At least 1, after ``warm_up`` others.
    calls : int
        Of each function in a turn, one right after the other: several where one is shorter than
        Python takes to start it.
    warm_up : int
    time : callable
        The clock of a CPU, in seconds: :func:`time.perf_counter` or, where waiting for other
        programs must not count, :func:`time.process_time` or :func:`time.thread_time`.
    """
    taken = _cuda if device.type == "cuda" else partial(_cpu, time=time)
    return [taken(functions, calls) for _ in range(warm_up + turns)][warm_up:]


def medians(turns: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return the median of each function's times over the turns.

    Examples
    --------
    >>> from swatlib.clock import medians
    >>> medians([{"a": 1.0, "b": 2.0}, {"a": 9.0, "b": 2.0}, {"a": 3.0, "b": 2.0}])
    {'a': 3.0, 'b': 2.0}
    """
    return {name: median(turn[name] for turn in turns) for name in turns[0]}


def _cpu(
    functions: Mapping[str, Callable[[], object]], calls: int, time: Callable[[], float]
) -> dict[str, float]:
    taken = {}
    for name, function in functions.items():
        start = time()
        for _ in range(calls):
            function()
        taken[name] = (time() - start) / calls
    return taken


def _cuda(functions: Mapping[str, Callable[[], object]], calls: int) -> dict[str, float]:
    events = {}
    for name, function in functions.items():
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        for _ in range(calls):
            function()
        end.record()
        events[name] = start, end
    torch.cuda.synchronize()
    milliseconds = {name: start.elapsed_time(end) for name, (start, end) in events.items()}
    return {name: value / 1e3 / calls for name, value in milliseconds.items()}
