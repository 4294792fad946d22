"""What experiments are made of: data sets and schedules, seeds, sparsities, and their grids."""

from collections.abc import Iterable
from dataclasses import replace
from itertools import product
from typing import TypeVar

from swatlib.checked import checked
from swatlib.training import DENSE, Run

T = TypeVar("T")

SEEDS = (0, 1, 2)
MORE_SEEDS = (0, 1, 2, 3, 4)
FAMILIES = ("small_resnet", "small_vgg", "small_densenet")
SPARSITIES = (0.5, 0.7, 0.8, 0.9, 0.95, 0.98)
FEWER_SPARSITIES = (0.8, 0.9, 0.95, 0.98)

DIGITS = Run(data="digits", epochs=8)
PATCHES = Run(data="patches", epochs=6)
# JPEG copies of CIFAR-10, as the data page describes; read from SWATLIB_DATA.
CIFAR = Run(data="cifar10-jpeg75", pixels=16, images=5_000, epochs=6)


@checked
def grid(
    base: Run,
    methods: Iterable[str],
    sparsities: Iterable[float],
    networks: Iterable[str] = FAMILIES,
    seeds: Iterable[int] = SEEDS,
) -> list[Run]:
    """Return every combination of network, seed, method and sparsity, dense runs first.

    Each network and seed appears once densely trained: the baseline at sparsity 0.
    """
    networks, seeds = tuple(networks), tuple(seeds)
    baseline = replace(base, **DENSE)
    runs = [replace(baseline, network=n, seed=s) for n, s in product(networks, seeds)]
    runs += [
        replace(base, network=n, seed=s, method=m, sparsity=q)
        for s, q, m, n in product(seeds, sparsities, tuple(methods), networks)
    ]
    return runs


@checked
def unique(runs: Iterable[T]) -> list[T]:
    """Return the runs without repetition, in their order."""
    kept: list[T] = []
    for run in runs:
        if run not in kept:
            kept.append(run)
    return kept
