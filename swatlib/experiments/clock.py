"""The device that a record names, and what a record holds of times measured on it."""

from __future__ import annotations

from statistics import quantiles
from typing import Any

import torch

from swatlib import machine
from swatlib.checked import checked
from swatlib.clock import medians


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
    taken = medians(turns)
    ratios = [turn[name] / turn[to] for turn in turns]
    low, middle, high = quantiles(ratios, n=4, method="inclusive")
    return {
        "seconds": taken[name],
        "dense_seconds": taken[to],
        "ratio": middle,
        "ratio_low": low,
        "ratio_high": high,
    }
