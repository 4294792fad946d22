"""The other methods beside SWAT, under one recipe: the experiments of Part VI of the book.

Each starts from the same weights and sees the same images in the same order. All leave the first
layer dense unless they share their weights out over the layers. What they keep, and what they have
ever kept, is watched; so each can be counted.
"""

from dataclasses import replace
from functools import cache, partial
from itertools import product
from typing import Any

import pandas as pd

from swatlib import checks
from swatlib.accounting import (
    EXACT,
    Convention,
    Count,
    Network,
    count,
    densities,
    trace,
    trained_densities,
)
from swatlib.accounting.narrow import narrow
from swatlib.checked import checked
from swatlib.core.allocation import erk
from swatlib.experiments.grid import DIGITS, MORE_SEEDS, PATCHES, SEEDS
from swatlib.experiments.photographs import PHOTOGRAPHS
from swatlib.models import build_network
from swatlib.records import Record
from swatlib.training import DENSE, Run

COMPARED: dict[str, tuple[str, dict[str, object]]] = {
    "SWAT-U": ("swat", {}),
    "SWAT-ERK": ("swat", {"allocation": "erk"}),
    "static": ("static", {}),
    "SET": ("set", {}),
    "RigL": ("rigl", {}),
    "RigL-ERK": ("rigl", {"allocation": "erk"}),
    "SNFS": ("snfs", {}),
    "DSR": ("dsr", {}),
    "GMP": ("gmp", {}),
    "DPF": ("dpf", {}),
    "small-dense": ("small-dense", {}),
}
"""Methods that are given a sparsity, by the name a reader is told: its row and its options."""

MILD: tuple[tuple[str, float], ...] = (
    ("dsg", 0.5),
    ("dpf", 0.5),
    ("rigl", 0.5),
    ("sfp", 0.3),
    ("asfp", 0.3),
)
"""Methods that the papers quote at half of the weights, or at 30 % of the filters."""


@checked
def side_by_side(
    base: Run, sparsities: tuple[float, ...], alphas: tuple[float, ...], seeds: tuple[int, ...]
) -> list[Run]:
    """Return dense runs, every method at every sparsity, and DST at strengths of its penalty.

    The strengths are those that make it 80 to 90 % sparse in so short a run.
    """
    ways = [replace(base, **DENSE)]
    for sparsity, (method, options) in product(sparsities, COMPARED.values()):
        watched = None if method == "small-dense" else "active-weights"
        way = replace(base, method=method, sparsity=sparsity, options=options, observe=watched)
        ways.append(way)
    ways += [
        replace(base, method="dst", options={"alpha": alpha}, observe="active-weights")
        for alpha in alphas
    ]
    return [replace(way, seed=seed) for seed, way in product(seeds, ways)]


def field_digits() -> list[Run]:
    """Every method at three sparsities, on digits."""
    return side_by_side(DIGITS, (0.9, 0.8, 0.95), (1e-3, 2e-3, 3e-3), SEEDS)


def field_patches() -> list[Run]:
    """The same on photograph patches, where a dense network is far from perfect; five seeds."""
    return side_by_side(PATCHES, (0.9, 0.8, 0.95), (7e-4, 1e-3), MORE_SEEDS)


def field_mild_patches() -> list[Run]:
    """What the papers quote at mild sparsities, and SWAT, SAW and FST beside it, on patches."""
    ways = (*MILD, ("dsg", 0.7), ("swat", 0.5), ("swat", 0.7), ("saw", 0.5), ("fst", 0.5))
    return [
        replace(PATCHES, method=method, sparsity=sparsity, seed=seed)
        for seed, (method, sparsity) in product(MORE_SEEDS, ways)
    ]


def field_photographs() -> list[Run]:
    """The same on all photographs; dense runs, SWAT's, SAW's and FST's are there already."""
    runs = [
        run
        for sparsity in (0.9, 0.8)
        for run in side_by_side(PHOTOGRAPHS, (sparsity,), (), SEEDS)
        if run.method not in ("dense", "swat")
    ]
    return runs + [
        replace(PHOTOGRAPHS, method=method, sparsity=sparsity, seed=seed)
        for seed, (method, sparsity) in product(SEEDS, MILD)
    ]


@checked
def name_of(run: Run) -> str:
    """Return what a reader is told a run's method is called; DST with the strength of its penalty.

    Examples
    --------
    >>> from swatlib.experiments.field import name_of
    >>> from swatlib.training import Run
    >>> name_of(Run(method="swat", sparsity=0.9, options={"allocation": "erk"}))
    'SWAT-ERK'
    """
    if run.method == "dst":
        return "DST"
    given = (run.method, run.options)
    return next((name for name, way in COMPARED.items() if way == given), run.method)


@checked(when=partial(checks.one_of, allowed=("mean", "last")))
def counted(record: Record, convention: Convention = EXACT, when: str = "mean") -> Count:
    """Count a training step of a recorded run.

    Layers that change in size count by the densities that the run has observed, the others by what
    they were asked for. Zeros that ReLU leaves are not counted for any method.

    Parameters
    ----------
    record : Record
        Of a :class:`~swatlib.training.Run`.
    convention : Convention
    when : str
        "mean": on average over the steps; "last": at the end, as the trained network is.

    Raises
    ------
    ValueError
        If the record does not say what its data were, or if a method's densities are known only
        after training and the run did not observe them.
    """
    run = Run.of(record.specification)
    if not record.data:
        raise ValueError(f"record must say what its data were, got none in {record.key}")
    shape, classes = tuple(record.data["shape"]), record.data["classes"]
    network = _traced(run.network, run.width, run.depth, shape, classes)
    return count(network, _densities(run, network, record.metrics, when), convention)


def _densities(run: Run, network: Network, metrics: dict[str, Any], when: str) -> Any:
    plan = run.plan
    if plan.smaller:
        return narrow(network, plan.smaller)
    if recorded := metrics.get("observed", {}).get(when):
        epoch_steps = -(-metrics["train_images"] // run.batch_size)
        steps = epoch_steps * run.epochs
        return trained_densities(network, plan, recorded, steps, epoch_steps)
    if any(one.own_allocation or one.own_sparsity for one in plan.between):
        raise ValueError(f"record must have observed its active weights, as {run.method} needs")
    return densities(network, plan.recipe, "erk" if plan.allocation is erk else "uniform")


@cache
def _traced(
    name: str, width: int | None, depth: int | None, shape: tuple[int, ...], classes: int
) -> Network:
    model = build_network(
        name, classes=classes, image=shape[-1], channels=shape[0], width=width, depth=depth
    )
    return trace(model, (1, *shape))


@checked
def compared(records: list[Record], convention: Convention = EXACT) -> pd.DataFrame:
    """Return one row for each run of the methods side by side.

    Returns
    -------
    DataFrame
        ``method``, ``asked`` (sparsity, NaN of DST), ``seed``, ``accuracy`` in percent;
        ``sparsity`` of the weights at the end in percent; ``training`` (mean over the steps) and
        ``inference`` (at the end), the multiply-accumulates that are left, in percent of the dense
        network's; ``explored``: Rs, the share of the sparse layers' weights that was ever active,
        NaN where nothing is sparse; ``alpha`` of DST.
    """
    rows = []
    for record in records:
        run = Run.of(record.specification)
        whole, final = (counted(record, convention, when) for when in ("mean", "last"))
        observed = record.metrics.get("observed", {})
        explored = observed.get("explored") or [float("nan")]
        rows.append(
            {
                "method": name_of(run),
                "asked": float("nan") if run.method == "dst" else run.sparsity,
                "seed": run.seed,
                "accuracy": record.metrics["test_accuracy"],
                "sparsity": final.weight_sparsity,
                "training": 100 - whole.train_flops_reduction,
                "inference": 100 - final.inference_flops_reduction,
                "explored": explored[-1],
                "alpha": run.options.get("alpha", float("nan")),
            }
        )
    return pd.DataFrame(rows)
