"""The other methods beside SWAT, under one recipe: the experiments of Part VI of the book.

Each starts from the same weights and sees the same images in the same order. All leave the first
layer dense unless they share their weights out over the layers. What they keep, and what they have
ever kept, is watched; so each can be counted.
"""

from dataclasses import replace
from itertools import product

from swatlib.experiments.grid import DIGITS, PATCHES, SEEDS
from swatlib.experiments.photographs import PHOTOGRAPHS
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

MORE_SEEDS = (0, 1, 2, 3, 4)


def _compared(
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
    return _compared(DIGITS, (0.9, 0.8, 0.95), (1e-3, 2e-3, 3e-3), MORE_SEEDS)


def field_patches() -> list[Run]:
    """The same at one sparsity, on photograph patches."""
    return _compared(PATCHES, (0.9,), (7e-4, 1e-3), SEEDS)


def field_photographs() -> list[Run]:
    """The same at two sparsities, on all photographs; dense runs and SWAT's are there already."""
    return [
        run
        for sparsity in (0.9, 0.8)
        for run in _compared(PHOTOGRAPHS, (sparsity,), (), SEEDS)
        if run.method not in ("dense", "swat")
    ]
