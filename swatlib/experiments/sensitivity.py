"""Which operand of which product can be sparse: the experiments of Part II of the book."""

from dataclasses import replace
from itertools import product

from swatlib.experiments.grid import (
    CIFAR,
    DIGITS,
    FEWER_SPARSITIES,
    MORE_SEEDS,
    PATCHES,
    SPARSITIES,
    grid,
    unique,
)
from swatlib.training import DENSE, Run


def forward_digits() -> list[Run]:
    """Sparse weights or activations in the forward pass (SWAT Figure 1), on digits."""
    return grid(DIGITS, ("forward-weight", "forward-activation"), SPARSITIES)


def forward_patches() -> list[Run]:
    """The same on photograph patches."""
    return grid(PATCHES, ("forward-weight", "forward-activation"), FEWER_SPARSITIES)


def backward_digits() -> list[Run]:
    """Sparse weights and activations, or sparse gradients, in the backward pass (SWAT Figure 2)."""
    return unique(
        grid(DIGITS, ("saw", "backward-gradient"), SPARSITIES)
        + grid(DIGITS, ("meprop",), SPARSITIES, ("small_resnet",))
    )


def backward_patches() -> list[Run]:
    """The same on photograph patches."""
    return grid(PATCHES, ("saw", "backward-gradient"), FEWER_SPARSITIES)


def backward_classifier_digits() -> list[Run]:
    """The sparse backward passes with the classifier left dense, on digits."""
    base = replace(DIGITS, options={"classifier_dense": True})
    methods = ("saw", "backward-gradient", "meprop")
    return grid(base, methods, (0.9, 0.95), ("small_resnet", "small_vgg"))


def backward_classifier_patches() -> list[Run]:
    """The same on photograph patches, at 90 % sparsity only."""
    base = replace(PATCHES, options={"classifier_dense": True})
    methods = ("saw", "backward-gradient", "meprop")
    return grid(base, methods, (0.9,), ("small_resnet", "small_vgg"))


def resprop_digits() -> list[Run]:
    """ReSprop beside dropping gradients and dense training (FST Table 3), on digits; five seeds.

    Without its warm-up, in which a run of eight epochs would never reach 90 %.
    """
    return _resprop(DIGITS)


def resprop_patches() -> list[Run]:
    """The same on photograph patches."""
    return _resprop(PATCHES)


def _resprop(base: Run) -> list[Run]:
    base = replace(base, network="small_resnet")
    ways = [replace(base, method="meprop", sparsity=0.5), replace(base, **DENSE)]
    ways += [
        replace(base, method="resprop", sparsity=sparsity, options={"warmup": 0})
        for sparsity in (0.5, 0.7, 0.9)
    ]
    return [replace(way, seed=seed) for seed, way in product(MORE_SEEDS, ways)]


def overfitting_digits() -> list[Run]:
    """Training and test accuracy of meProp at 50 % and of dense runs, on digits; five seeds."""
    return _overfitting(DIGITS)


def overfitting_patches() -> list[Run]:
    """The same on photograph patches."""
    return _overfitting(PATCHES)


def _overfitting(base: Run) -> list[Run]:
    base = replace(base, network="small_resnet", training_accuracy=True)
    ways = [replace(base, method="meprop", sparsity=0.5), replace(base, **DENSE)]
    return [replace(way, seed=seed) for seed, way in product(MORE_SEEDS, ways)]


def forward_learning_rate() -> list[Run]:
    """Why a sparse forward with a dense backward pass diverges, on digits.

    Each of four learning rates is tried in three ways: with the papers' dense backward pass; with
    the forward mask in the input gradient too; and with Top-K within each filter, so that no filter
    is left empty.
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
    return unique(runs)


def matched_patches() -> list[Run]:
    """Sparse forward weights whose mask the input gradient uses too, on patches."""
    base = replace(PATCHES, method="forward-weight", options={"matched": True})
    return grid(base, ("forward-weight",), (0.9, 0.95), ("small_resnet",))


def sensitivity_cifar() -> list[Run]:
    """The points that decide both sensitivity claims, on CIFAR-10 photographs."""
    methods = ("forward-weight", "forward-activation", "saw", "backward-gradient")
    return grid(CIFAR, methods, (0.9,), ("small_resnet",))
