"""What the SWAT papers find about training: the experiments of Part III of the book.

A grid leaves out what another experiment has computed already; the chapter reads both.
"""

from dataclasses import replace
from itertools import product

from swatlib.experiments.grid import (
    CIFAR,
    DIGITS,
    FAMILIES,
    FEWER_SPARSITIES,
    PATCHES,
    SEEDS,
    SPARSITIES,
    grid,
    unique,
)
from swatlib.training import Run

RESNET = ("small_resnet",)
VARIANTS: tuple[dict[str, object], ...] = ({"over": "CHW"}, {"over": "HW"}, {"random": True})


def topk_variants_digits() -> list[Run]:
    """SAW with Top-K per sample, per channel, and random-K (ICLR Figure 3), on digits.

    Top-K over the whole tensor is the SAW of "backward-digits"; only its mildest point is here.
    """
    mild = grid(DIGITS, ("saw",), (0.25,), RESNET)
    return unique(mild + variants(DIGITS, (0.25, *SPARSITIES)))


def topk_variants_patches() -> list[Run]:
    """The same on photograph patches; Top-K over the whole tensor is in "backward-patches"."""
    return variants(PATCHES, (0.9, 0.95))


def topk_variants_cifar() -> list[Run]:
    """The same on CIFAR-10 photographs; Top-K over the whole tensor is in "sensitivity-cifar"."""
    return variants(CIFAR, (0.9,))


def variants(base: Run, sparsities: tuple[float, ...]) -> list[Run]:
    """Return SAW with every other choice of what competes, without the dense runs."""
    runs = [
        run
        for options in VARIANTS
        for run in grid(replace(base, method="saw", options=options), ("saw",), sparsities, RESNET)
    ]
    return [run for run in runs if run.method != "dense"]


def accuracy_digits() -> list[Run]:
    """SWAT in every family over sparsity (ICLR Figure 4), on digits; SAW is in "backward-digits".

    Both have a milder point, too.
    """
    return unique(grid(DIGITS, ("swat",), (0.25, *SPARSITIES)) + grid(DIGITS, ("saw",), (0.25,)))


def accuracy_patches() -> list[Run]:
    """The same on photograph patches, fewer points for the others than for the residual network.

    SAW is in "backward-patches".
    """
    return unique(
        grid(PATCHES, ("swat",), FEWER_SPARSITIES, RESNET)
        + grid(PATCHES, ("swat",), (0.9, 0.95), FAMILIES[1:])
    )


def accuracy_cifar() -> list[Run]:
    """SWAT on CIFAR-10 photographs at the sparsities that decide; SAW is in "sensitivity-cifar"."""
    return unique(
        grid(CIFAR, ("swat",), (0.8, 0.9), RESNET) + grid(CIFAR, ("swat",), (0.9,), FAMILIES[1:])
    )


def depth_width_digits() -> list[Run]:
    """SWAT and SAW at 90 % at several depths and widths (ICLR Figure 6a), on digits."""
    sizes = ((8, 16), (8, 32), (8, 48), (20, 32))
    return [
        run
        for depth, width in sizes
        for run in grid(replace(DIGITS, depth=depth, width=width), ("swat", "saw"), (0.9,), RESNET)
    ]


def period_digits() -> list[Run]:
    """SWAT at 90 % with thresholds kept for 1 to 1000 steps (ICLR Figure 6b), on digits.

    Small batches, so that a run has more than a thousand steps.
    """
    base = replace(DIGITS, epochs=30, batch_size=32)
    runs = [
        run
        for period in (1, 10, 100, 1000)
        for run in grid(
            replace(base, method="swat", options={"period": period}), ("swat",), (0.9,), RESNET
        )
    ]
    return unique(runs)


def period_cifar() -> list[Run]:
    """The same on CIFAR-10 photographs: thresholds kept for 16 or 100 steps, of 240 in a run."""
    runs = [
        run
        for period in (16, 100)
        for run in grid(
            replace(CIFAR, method="swat", options={"period": period}), ("swat",), (0.9,), RESNET
        )
    ]
    return [run for run in runs if run.method != "dense"]


def distribution_digits() -> list[Run]:
    """SWAT-U with a sparse first layer, SWAT-ERK and SWAT-M (section 3.3.2), on digits.

    SWAT-U itself is in "accuracy-digits".
    """
    return _distributions(DIGITS, SPARSITIES, first_too=True)


def distribution_patches() -> list[Run]:
    """SWAT-ERK and SWAT-M on photograph patches; SWAT-U is in "accuracy-patches"."""
    return _distributions(PATCHES, (0.9, 0.95), first_too=False)


def distribution_cifar() -> list[Run]:
    """SWAT-ERK and SWAT-M on CIFAR-10 photographs; SWAT-U is in "accuracy-cifar"."""
    return _distributions(CIFAR, (0.9,), first_too=False)


def _distributions(base: Run, sparsities: tuple[float, ...], first_too: bool) -> list[Run]:
    base = replace(base, method="swat")
    ways = [replace(base, options={"allocation": a}) for a in ("erk", "momentum")]
    if first_too:
        ways.append(replace(base, options={"first_layer_dense": False}))
    return [
        replace(way, network="small_resnet", sparsity=sparsity, seed=seed)
        for seed, sparsity, way in product(SEEDS, sparsities, ways)
    ]


def structured_digits() -> list[Run]:
    """Structured SWAT (section 3.3.1) with channels per filter, layer and input, on digits."""
    networks = ("small_resnet", "small_densenet")
    return _structured(DIGITS, networks, ("filter", "layer", "input"), (0.5, 0.6, 0.7))


def structured_patches() -> list[Run]:
    """The sparsest point on photograph patches; the dense network is in "accuracy-patches"."""
    return _structured(PATCHES, RESNET, ("filter", "layer"), (0.7,))


def _structured(
    base: Run, networks: tuple[str, ...], pers: tuple[str, ...], sparsities: tuple[float, ...]
) -> list[Run]:
    ways = [replace(base, method="swat", options={"structured": per}) for per in pers]
    # Unstructured SWAT at the sparsities of Table 4, to compare with.
    ways.append(replace(base, method="swat"))
    return [
        replace(way, network=network, sparsity=sparsity, seed=seed)
        for seed, sparsity, network, way in product(SEEDS, sparsities, networks, ways)
    ]


def topology_digits() -> list[Run]:
    """Masked gradients and topologies frozen early (SWAT Figures 7 and 8), on digits.

    Each run watches which weights change state.
    """
    return topologies(DIGITS, (0.8, 0.9, 0.95), (0, 1, 2, 4, 6))


def topology_patches() -> list[Run]:
    """The same on photograph patches."""
    return topologies(PATCHES, (0.95,), (0, 1, 3))


def topology_cifar() -> list[Run]:
    """The same on CIFAR-10 photographs."""
    return topologies(CIFAR, (0.9,), (0, 1, 3))


def topologies(
    base: Run, sparsities: tuple[float, ...], freeze_epochs: tuple[int, ...]
) -> list[Run]:
    """Return SWAT free, with masked gradients, and frozen after so many epochs; all observed."""
    base = replace(base, method="swat", observe="topology")
    ways = [base, replace(base, options={"masked_gradients": True})]
    ways += [replace(base, options={"freeze_epoch": epoch}) for epoch in freeze_epochs]
    return [
        replace(way, network="small_resnet", sparsity=sparsity, seed=seed)
        for seed, sparsity, way in product(SEEDS, sparsities, ways)
    ]


def threshold_digits() -> list[Run]:
    """Thresholds of four layers at every step, and the density they lead to (SWAT Figure 4).

    Three runs are those of "period-digits" with periods 1, 100 and 1000. A fourth has period 1000
    and no weight decay.
    """
    base = replace(DIGITS, epochs=30, batch_size=32, method="swat", sparsity=0.9)
    base = replace(base, observe="thresholds", network="small_resnet")
    return [replace(base, options={"period": period}) for period in (1, 100, 1000)] + [
        replace(base, options={"period": 1000}, weight_decay=0.0)
    ]
