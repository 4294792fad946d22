"""Named experiments: grids of runs, declared once and shown in the chapters that read them.

An experiment is a function that returns its list of runs. ``swatlib sweep NAME`` computes those
without a record; ``swatlib experiments`` lists them all.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import product

from swatlib.training import Run

SEEDS = (0, 1, 2)
FAMILIES = ("small_resnet", "small_vgg", "small_densenet")
SPARSITIES = (0.5, 0.7, 0.8, 0.9, 0.95, 0.98)
FEWER_SPARSITIES = (0.8, 0.9, 0.95, 0.98)

DIGITS = Run(data="digits", epochs=8)
PATCHES = Run(data="patches", epochs=6)
# JPEG copies of CIFAR-10, as the data page describes; read from SWATLIB_DATA.
CIFAR = Run(data="cifar10-jpeg75", pixels=16, images=5_000, epochs=6)


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
    baseline = replace(base, method="dense", options={}, classifier_dense=None)
    runs = [replace(baseline, network=n, seed=s) for n, s in product(networks, seeds)]
    runs += [
        replace(base, network=n, seed=s, method=m, sparsity=q)
        for s, q, m, n in product(seeds, sparsities, tuple(methods), networks)
    ]
    return runs


def forward_digits() -> list[Run]:
    """Sparse weights or activations in the forward pass (SWAT Figure 1), on digits."""
    return grid(DIGITS, ("forward-weight", "forward-activation"), SPARSITIES)


def forward_patches() -> list[Run]:
    """The same on photograph patches."""
    return grid(PATCHES, ("forward-weight", "forward-activation"), FEWER_SPARSITIES)


def backward_digits() -> list[Run]:
    """Sparse weights and activations, or sparse gradients, in the backward pass (SWAT Figure 2)."""
    return _unique(
        grid(DIGITS, ("saw", "backward-gradient"), SPARSITIES)
        + grid(DIGITS, ("meprop",), SPARSITIES, ("small_resnet",))
    )


def backward_patches() -> list[Run]:
    """The same on photograph patches."""
    return grid(PATCHES, ("saw", "backward-gradient"), FEWER_SPARSITIES)


def backward_classifier_digits() -> list[Run]:
    """The sparse backward passes with the classifier left dense, on digits."""
    base = replace(DIGITS, classifier_dense=True)
    methods = ("saw", "backward-gradient", "meprop")
    return grid(base, methods, (0.9, 0.95), ("small_resnet", "small_vgg"))


def backward_classifier_patches() -> list[Run]:
    """The same on photograph patches, past the bend."""
    base = replace(PATCHES, classifier_dense=True)
    methods = ("saw", "backward-gradient", "meprop")
    return grid(base, methods, (0.9,), ("small_resnet", "small_vgg"))


def forward_learning_rate() -> list[Run]:
    """Why a sparse forward with a dense backward pass diverges, on digits.

    Four learning rates with the papers' experiment; with the backward product seeing the same mask;
    and with Top-K within each filter, so that no filter is left empty.
    """
    variants: tuple[dict[str, object], ...] = ({}, {"matched": True}, {"over": "CHW"})
    runs = [
        run
        for lr, options in product((0.1, 0.03, 0.01, 0.003), variants)
        for run in grid(
            replace(DIGITS, method="forward-weight", lr=lr, options=options),
            ("forward-weight",),
            (0.9, 0.95, 0.98),
            ("small_resnet",),
        )
    ]
    return _unique(runs)


def matched_patches() -> list[Run]:
    """Sparse forward weights with the backward product seeing the same mask, on patches."""
    base = replace(PATCHES, method="forward-weight", options={"matched": True})
    return grid(base, ("forward-weight",), (0.9, 0.95), ("small_resnet",))


def sensitivity_cifar() -> list[Run]:
    """The points that decide both sensitivity claims, on CIFAR-10 photographs."""
    methods = ("forward-weight", "forward-activation", "saw", "backward-gradient")
    return grid(CIFAR, methods, (0.9,), ("small_resnet",))


def _unique(runs: Iterable[Run]) -> list[Run]:
    kept: list[Run] = []
    for run in runs:
        if run not in kept:
            kept.append(run)
    return kept


EXPERIMENTS: dict[str, Callable[[], list[Run]]] = {
    "forward-digits": forward_digits,
    "forward-patches": forward_patches,
    "backward-digits": backward_digits,
    "backward-patches": backward_patches,
    "backward-classifier-digits": backward_classifier_digits,
    "backward-classifier-patches": backward_classifier_patches,
    "forward-learning-rate": forward_learning_rate,
    "matched-patches": matched_patches,
    "sensitivity-cifar": sensitivity_cifar,
}
"""Experiments by the name the command line gives them."""
