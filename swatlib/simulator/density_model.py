"""What a statistical model of density predicts for `tcl`, without a mask.

Simulators that take no real masks know a density and compute with its distribution, as Sparseloop
does (Wu et al., MICRO 2022). Two such models predict the cycles of a layer here:

- ``"uniform"``: every filter keeps the same share of its weights, and so does every row of it;
- ``"hypergeometric"``: the non-zeros lie anywhere in the operand with equal probability, so that
  the number in a filter of n places is hypergeometric. Filters that wait for each other take the
  expected maximum.

Both know the machine and the shape, padding and all. Neither knows which filters are fuller.
"""

from __future__ import annotations

import math
from functools import partial

import numpy as np
from scipy.stats import hypergeom

from swatlib import checks
from swatlib.checked import checked
from swatlib.core.operands import PRODUCTS
from swatlib.simulator.geometry import Layer
from swatlib.simulator.mapping import convolutions
from swatlib.simulator.schedule import pull_cycles
from swatlib.simulator.tcl import Tactical, deal_sets
from swatlib.simulator.windows import Window

MODELS = ("uniform", "hypergeometric")


@checked(
    product=partial(checks.one_of, allowed=PRODUCTS),
    density=partial(checks.number, least=0, most=1),
    model=partial(checks.one_of, allowed=MODELS),
)
def predicted_cycles(
    layer: Layer,
    product: str,
    density: float,
    machine: Tactical,
    model: str = "hypergeometric",
) -> float:
    """Predict the cycles of one product of one layer from the density of what stays.

    Exact for densities 0 and 1.

    Parameters
    ----------
    layer : Layer
        The shape.
    product : str
        ``"forward"``, ``"input_grad"`` or ``"weight_grad"``.
    density : float
        Share of non-zeros of W, or of X for the weight gradient, in [0, 1].
    machine : Tactical
        With a window X or an unlimited one. How a narrower window fills depends on places, of which
        a density says nothing.
    model : str
        ``"uniform"`` or ``"hypergeometric"``.

    Raises
    ------
    ValueError
        For a window L or T, or a machine that sorts filters, which needs their non-zeros.
    """
    if machine.window.shape not in ("X", "inf"):
        raise ValueError(f"machine must have a window X or inf, got {machine.window}")
    if machine.sort:
        raise ValueError("machine must not sort its filters: a density does not order them")
    if not layer.computes(product):
        return 0.0
    shape = layer.input_shape if product == "weight_grad" else layer.weight_shape
    places = math.prod(shape)
    kept = round(density * places)
    cycles = 0.0
    for conv in convolutions(layer, product, np.ones(shape, bool)):
        # Places of every row of every filter that can hold a value: all but those of padding.
        rows = np.bitwise_count(deal_sets(conv, machine))
        even = even_cycles(rows * (kept / places), machine.window, machine.lanes)
        groups = -(-len(rows) // machine.tiles)
        floors = np.zeros(groups * machine.tiles, np.int64)
        floors[: len(rows)] = even
        busy = floors.reshape(groups, machine.tiles).max(axis=1).astype(float)
        if model == "hypergeometric":
            slots = np.zeros((groups * machine.tiles, machine.rows), np.int64)
            slots[: len(rows)] = rows.sum(axis=2, dtype=np.int64)
            slots = np.sort(slots.reshape(groups, -1), axis=1)
            # With a window, filters without variation would take `busy`. Without, only one cycle.
            floor = busy if machine.window.shape == "X" else np.ones_like(busy)
            alike = np.column_stack([floor.astype(np.int64), slots])
            different, back = np.unique(alike, axis=0, return_inverse=True)
            busy = np.array(
                [expected_maximum(places, kept, x[1:], machine.lanes, int(x[0])) for x in different]
            )[back.ravel()]
        cycles += float(busy.sum()) * -(-conv.windows // machine.columns)
    return cycles


def expected_maximum(places: int, kept: int, filters: np.ndarray, lanes: int, least: int) -> float:
    """Return the expected cycles of filters that wait for the fullest of them.

    ``E max(least, ceil(K_1 / lanes), ceil(K_2 / lanes), ...)`` with K_i hypergeometric: the
    non-zeros among the places of filter i, if `kept` of all `places` hold one. The K_i are taken as
    independent. They are not quite, since what lies in one filter does not lie in another.

    Parameters
    ----------
    places, kept : int
        Size of the whole operand and its non-zeros.
    filters : numpy.ndarray
        Places of each filter, integers.
    lanes : int
        Weights that a filter does in a cycle.
    least : int
        Cycles below which the filters cannot finish together.
    """
    sizes, times = np.unique(filters[filters > 0], return_counts=True)
    most = max((-(-int(n) // lanes) for n in sizes), default=0)
    if most <= least:
        return float(least)
    # E max = sum over c >= 0 of P(max > c), where P(max <= c) is the product over filters.
    finished = np.ones(most - least)
    steps = np.arange(least, most)
    for n, count in zip(sizes, times, strict=True):
        finished *= hypergeom.cdf(steps * lanes, places, kept, n) ** count
    return least + float((1 - finished).sum())


def even_cycles(rows: np.ndarray, window: Window, lanes: int) -> np.ndarray:
    """Return the cycles of sets whose rows hold a fraction of a weight more or less.

    Parameters
    ----------
    rows : numpy.ndarray
        Non-zeros expected in every row, ``(sets, filters, time)``.
    window : Window
        X or unlimited.
    lanes : int
        Weights that a filter does in a cycle.
    """
    if window.shape == "inf":
        filled = np.ceil(np.round(rows.sum(axis=2) / lanes, 9))
        return np.maximum(1, filled.max(axis=1, initial=1)).astype(np.int64)
    ahead = window.ahead
    due = np.cumsum(rows, axis=2, dtype=float).transpose(2, 1, 0)
    due = np.pad(due, ((0, ahead), (0, 0), (0, 0)), mode="edge")
    lengths = np.full(len(rows), rows.shape[2])
    return np.maximum(1, pull_cycles(list(due), lengths, lanes, ahead))
