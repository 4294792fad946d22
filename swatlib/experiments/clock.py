"""The time that functions take on a device, GPU or CPU, each called in turns with the others.

A GPU works on while Python goes on, so its times are read from events in its own queue, and the
host waits for it after every turn only. What is compared takes turns, so that a clock that drifts
disturbs all of it alike.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from statistics import median, quantiles
from time import perf_counter
from typing import Any

import torch

from swatlib import checks, machine
from swatlib.checked import checked

WARM_UP = 2
"""Turns that are not counted: memory is allocated in them, and algorithms are chosen."""


@checked
def device_of(name: str) -> torch.device:
    """Return the device of this machine that has this name, as records name it.

    Raises
    ------
    ValueError
        If the machine has another one: what is measured here would pass for what that one does.
    """
    if name != machine.device():
        raise ValueError(f"device must be {machine.device()!r}, which is here, got {name!r}")
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


@checked(turns=partial(checks.count, least=2), calls=checks.count)
def times(
    functions: Mapping[str, Callable[[], object]],
    device: torch.device,
    turns: int = 9,
    calls: int = 1,
) -> list[dict[str, float]]:
    """Return the seconds that a call of each function takes, turn by turn.

    Parameters
    ----------
    functions : mapping
        Functions without arguments, by name.
    device : torch.device
        What they compute on.
    turns : int
        At least 2, after :data:`WARM_UP` others.
    calls : int
        Of each function in a turn, one right after the other: several where one is shorter than
        Python takes to start it.
    """
    taken = _cuda if device.type == "cuda" else _cpu
    return [taken(functions, calls) for _ in range(WARM_UP + turns)][WARM_UP:]


def _cpu(functions: Mapping[str, Callable[[], object]], calls: int) -> dict[str, float]:
    taken = {}
    for name, function in functions.items():
        start = perf_counter()
        for _ in range(calls):
            function()
        taken[name] = (perf_counter() - start) / calls
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


@checked
def compared(turns: list[dict[str, float]], name: str, to: str) -> dict[str, Any]:
    """Return what a record holds of one function's times beside another's.

    Returns
    -------
    dict
        ``seconds`` of the function and ``dense_seconds`` of the other, medians over the turns;
        ``ratio``, the median over turns of the one over the other, and its quartiles,
        ``ratio_low`` and ``ratio_high``.

    Examples
    --------
    >>> from swatlib.experiments.clock import compared
    >>> turns = [{"a": 1.0, "b": 2.0}, {"a": 2.0, "b": 2.0}, {"a": 3.0, "b": 2.0}]
    >>> compared(turns, "a", to="b")["ratio"]
    1.0
    """
    ratios = [turn[name] / turn[to] for turn in turns]
    low, middle, high = quantiles(ratios, n=4, method="inclusive")
    return {
        "seconds": median(turn[name] for turn in turns),
        "dense_seconds": median(turn[to] for turn in turns),
        "ratio": middle,
        "ratio_low": low,
        "ratio_high": high,
    }
