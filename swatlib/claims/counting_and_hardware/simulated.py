"""Recorded cycles of the simulated machines, and the cells of Table 6 beside them."""

from __future__ import annotations

from functools import cache

import pandas as pd

from swatlib.checked import checked
from swatlib.claims.judge import RECORDS
from swatlib.claims.quantity import MissingRecords, Quantity, close
from swatlib.core.operands import PRODUCTS
from swatlib.experiments.accelerator import records
from swatlib.papers import paper_number

MACHINES = ("X9", "scnn")
"""The machines whose ceiling lies above Table 6: a window nine rows deep, and a Cartesian one."""

TWO, THREE = PRODUCTS[:2], PRODUCTS

SHARE = 0.1
"""Of a printed speed-up: what is closer agrees."""

MODEL = (
    "Machines of 1024 multipliers with random masks, their first layer dense; the paper does not "
    "give its machine's parameters."
)


@checked
def cycles() -> pd.DataFrame:
    """Return the recorded cycles of ResNet-50 with dense activations, means over seeds.

    Returns
    -------
    DataFrame
        ``dense_cycles``, ``cycles``, ``ideal_cycles`` and ``macs``, by machine ("T2,5", "X9",
        "inf", "scnn"), sparsity and product. Machines are the default arrangement of 1024
        multipliers; "inf" has one tile, 256 of them.

    Raises
    ------
    MissingRecords
        If there are none; `swatlib sweep accelerator` makes them.
    """
    return _cycles().copy()


@cache
def _cycles() -> pd.DataFrame:
    if not (RECORDS / "accelerator").is_dir():
        raise MissingRecords("the design space: `swatlib sweep accelerator`")
    runs = records(RECORDS / "accelerator")
    tiles = runs["window"].map(lambda window: 1 if window == "inf" else 4)
    chosen = (runs["activations"] == "dense") & (runs["rows"] == 16) & (runs["tiles"] == tiles)
    runs = runs[chosen]
    machine = runs["window"].where(runs["pe"] == "tcl", "scnn").rename("machine")
    return runs.groupby([machine, "sparsity", "product"])[
        ["dense_cycles", "cycles", "ideal_cycles", "macs"]
    ].mean()


def sums(machine: str, sparsity: float, products: tuple[str, ...]) -> pd.Series:
    """Return what was recorded of a machine, added up over products."""
    found = _cycles()
    try:
        return found.loc[[(machine, sparsity, product) for product in products]].sum()
    except KeyError as error:
        raise MissingRecords(f"{machine} at {sparsity:.0%}: `swatlib sweep accelerator`") from error


@checked
def speedup(
    machine: str,
    sparsity: float,
    products: tuple[str, ...] = TWO,
    baseline: str = "nothing skipped",
) -> float:
    """Return a recorded speed-up of ResNet-50 with random masks.

    Parameters
    ----------
    machine : str
        As in :func:`cycles`.
    sparsity : float
    products : tuple of str
        Whose cycles are added up.
    baseline : str
        "nothing skipped": the same machine without skipping. "at 0 %": the same machine, a dense
        network. "common": the same dense machine for all, 1024 multipliers in 16 lanes.
    """
    own = sums(machine, sparsity, products)
    dense = {
        "nothing skipped": lambda: own["dense_cycles"],
        "at 0 %": lambda: sums(machine, 0.0, products)["cycles"],
        "common": lambda: sums("X9", sparsity, products)["dense_cycles"],
    }[baseline]()
    return float(dense / own["cycles"])


@checked
def printed_speedup(product: str, sparsity: float) -> float:
    """Return a cell of Table 6: of "forward" or "backward"."""
    level = f"{100 * sparsity:.0f}"
    return paper_number("swat-table-6", f"{product}_speedup", level=level)


@checked
def harmonic_mean(sparsity: float) -> float:
    """Return the speed-up of equally long passes from the two cells of Table 6."""
    return 2 / sum(1 / printed_speedup(product, sparsity) for product in ("forward", "backward"))


def training_speedups(sparsity: float, stated: float) -> tuple[Quantity, ...]:
    """Compare a training step with a stated speed-up: with two products, and with all three."""
    return tuple(
        close(
            f"{machine}, {name} products",
            speedup(machine, sparsity, products),
            stated,
            SHARE,
            "x",
            relative=True,
        )
        for machine in MACHINES
        for name, products in (("two", TWO), ("three", THREE))
    )
