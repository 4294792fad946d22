"""What the FST paper finds about training: the experiments of Part V of the book."""

from dataclasses import replace
from itertools import product

from swatlib.experiments.grid import CIFAR, DIGITS, MORE_SEEDS, PATCHES, SEEDS, grid, unique
from swatlib.training import Run

ABLATION = ("sr-ste", "fst-weights", "fst-unrestored", "fst")
"""Lines 2 to 5 of Table 5; line 1 is dense."""

STRATEGIES = ("wg", "wx", "gg", "gx")
"""The four pruning strategies of Eq. 4."""


def _grid(base: Run, methods: tuple[str, ...], seeds: tuple[int, ...], network: str) -> list[Run]:
    return grid(base, methods, (0.5,), (network,), seeds)


def fst_ablation_digits() -> list[Run]:
    """The five lines of Table 5, on digits; five seeds, a residual network."""
    return _grid(DIGITS, ABLATION, MORE_SEEDS, "small_resnet")


def fst_ablation_patches() -> list[Run]:
    """The same on photograph patches."""
    return _grid(PATCHES, ABLATION, MORE_SEEDS, "small_resnet")


def fst_ablation_cifar() -> list[Run]:
    """The same on CIFAR-10 photographs."""
    return _grid(CIFAR, ABLATION, MORE_SEEDS, "small_resnet")


def fst_resolution_cifar() -> list[Run]:
    """The lines of the weight gradient (1, 3, 4, 5) at 32x32 pixels: neighbours are more alike."""
    base = replace(CIFAR, pixels=32, images=2_500)
    return _grid(base, ABLATION[1:], SEEDS, "small_resnet")


def saliency_digits() -> list[Run]:
    """WG, WX, GG and GX (Table 1), on digits; "GG" also with one S(G) for both its products."""
    letter = replace(DIGITS, method="gg", sparsity=0.5, options={"gradient_over": "HW"})
    return unique(
        _grid(DIGITS, STRATEGIES, MORE_SEEDS, "small_resnet")
        + _grid(letter, ("gg",), MORE_SEEDS, "small_resnet")
    )


def saliency_cifar() -> list[Run]:
    """The same on CIFAR-10 photographs; dense runs are in "fst-ablation-cifar"."""
    return [r for r in _grid(CIFAR, STRATEGIES, SEEDS, "small_resnet") if r.method != "dense"]


def saliency_forward_dense_digits() -> list[Run]:
    """WG, WX, GG and GX with a dense forward pass, on digits: the cost of the backward pass."""
    options = {"sparse_forward": False}
    return _with_seeds(
        [replace(DIGITS, method=m, sparsity=0.5, options=options) for m in STRATEGIES]
    )


def mask_changes_digits() -> list[Run]:
    """SR-STE with three strengths of its decay, on digits, watching how the mask changes."""
    base = replace(DIGITS, method="sr-ste", sparsity=0.5, observe="topology")
    return _with_seeds([replace(base, options=o) for o in ({}, {"decay": 0.0}, {"decay": 2e-3})])


def transposable_digits() -> list[Run]:
    """TSM that chooses in every step, exactly and greedily, and line 3 without decay, on digits."""
    tsm = replace(DIGITS, method="tsm", sparsity=0.5)
    return _with_seeds(
        [
            replace(tsm, options={"period": 1}),
            replace(tsm, options={"period": 1, "exact": False}),
            replace(tsm, method="fst-weights", options={"decay": 0.0}),
        ]
    )


def _with_seeds(ways: list[Run]) -> list[Run]:
    return [replace(way, seed=seed) for seed, way in product(MORE_SEEDS, ways)]


def two_to_four_digits() -> list[Run]:
    """The other 2:4 methods (Table 3, section 5.2), on digits; dense runs in the ablation.

    TSM with the exact and the greedy mask; ASP from a dense network trained as long; SR-STE and FST
    with the decay outside the learning rate, and without decay.
    """
    return _others(DIGITS, MORE_SEEDS)


def two_to_four_cifar() -> list[Run]:
    """TSM, and the decay outside the learning rate, on CIFAR-10 photographs; three seeds."""
    return [
        r
        for r in _others(CIFAR, SEEDS)
        if r.method != "dense"
        and r.method != "asp"
        and r.options.get("exact") is None
        and r.options.get("decay") is None
    ]


def _others(base: Run, seeds: tuple[int, ...]) -> list[Run]:
    dense = replace(base, method="dense", options={"pretrain_epochs": base.epochs})
    base = replace(base, method="sr-ste", sparsity=0.5)
    ways = [
        replace(base, method="tsm"),
        replace(base, method="tsm", options={"exact": False}),
        replace(base, method="asp", options={"pretrain_epochs": base.epochs}),
        dense,  # what ASP's second training alone brings
        replace(base, method="sr-ste", options={"decoupled_decay": True}),
        replace(base, method="sr-ste", options={"decay": 0.0}),
        replace(base, method="fst", options={"decoupled_decay": True}),
    ]
    return [replace(way, seed=seed) for seed, way in product(seeds, ways)]
