"""Claims about how much is kept in each layer: the rules, and what ERK makes of networks."""

from __future__ import annotations

from functools import cache
from itertools import product

from scipy.stats import spearmanr

from swatlib.claims.claim import Claim, Trained
from swatlib.claims.effect import Effect, Way, way
from swatlib.claims.quantity import Quantity, cells, fact
from swatlib.claims.scales import (
    FULL,
    SMALL,
    SMALL_DIGITS,
    SMALL_PATCHES,
)
from swatlib.claims.swat import allocation_tables
from swatlib.papers import paper_wide
from swatlib.papers.allocations import layers, lead_of_uniform
from swatlib.papers.swat_tables import CIFAR, IMAGENET, NETWORKS, row_count

CHAPTER = "3-swat/03-how-much-where"

CIFAR_NETWORKS = ("VGG-16", "WRN-16-8", "DenseNet-121")

IMAGENET_NETWORKS = ("ResNet-18", "ResNet-50", "WRN-50-2")

SPARSITIES = (0.8, 0.9, 0.95)


def _rank(name: str, sparsity: float, setting: tuple[int, int], by: str) -> float:
    frame = layers(NETWORKS[name], sparsity, *setting)
    return float(spearmanr(frame["sparsity"], frame[by]).statistic)


def larger_layers_sparser() -> tuple[Quantity, ...]:
    """Correlate the ranks of ERK's sparsities and of the layers' sizes, the lowest over levels."""
    settings = dict.fromkeys(CIFAR_NETWORKS, CIFAR) | {"ResNet-50": IMAGENET}
    found = {
        name: min(_rank(name, s, setting, "weights") for s in SPARSITIES)
        for name, setting in settings.items()
    }
    return tuple(
        fact(f"rank correlation, {name}", rho, "rising with size", rho > 0.9, rho > 0)
        for name, rho in found.items()
    )


def expensive_layers_sparser() -> tuple[Quantity, ...]:
    """Correlate the ranks of ERK's sparsities and of the layers' operations."""
    found = {
        name: min(_rank(name, s, CIFAR, "macs") for s in SPARSITIES[1:]) for name in CIFAR_NETWORKS
    }
    return tuple(
        fact(f"rank correlation, {name}", rho, "rising with operations", rho > 0.5, rho > 0)
        for name, rho in found.items()
    )


def initial_layers_dense() -> tuple[Quantity, ...]:
    """Compare ERK's first layer with the target, and the first stage's share of the work."""
    settings = dict.fromkeys(CIFAR_NETWORKS, CIFAR) | {"ResNet-50": IMAGENET}
    below, share = [], []
    for (name, setting), sparsity in product(settings.items(), SPARSITIES):
        frame = layers(NETWORKS[name], sparsity, *setting)
        stage = frame[frame["first_stage"]]
        below.append(frame["sparsity"].iloc[0] <= sparsity - 0.1)
        left = stage["remaining"].sum() / frame["remaining"].sum()
        share.append(left >= 1.5 * stage["macs"].sum() / frame["macs"].sum())
    return (
        cells("first layer at least 10 points below the target", below, "lower sparsity"),
        cells("first stage's share of the work 1.5 times as large", share, "a large overhead"),
    )


def competitive_at_32() -> tuple[Quantity, ...]:
    """Return how many points less ERK saves at equal weight sparsity on 32x32 images."""
    return tuple(
        fact(
            f"{name}, {100 * sparsity:.0f} %",
            -(lead := lead_of_uniform(NETWORKS[name], sparsity, *CIFAR)["training"]),
            "ERK saves about as much",
            abs(lead) <= 2,
            unit="points",
        )
        for name, sparsity in product(CIFAR_NETWORKS, (0.9, 0.95))
    )


def competitive_as_printed() -> tuple[Quantity, ...]:
    """Return the same at the sparsities Table 2 compares, 95 % against 90 % in two networks."""
    wide = paper_wide("swat-table-2")
    found = []
    for name in CIFAR_NETWORKS:
        level = {
            method: wide[(wide["network"] == name) & (wide["method"] == method)]["level"].item()
            for method in ("SWAT-ERK", "SWAT-U")
        }
        erk, uniform = (row_count("swat-table-2", name, m, at) for m, at in level.items())
        lead = erk.train_flops_reduction - uniform.train_flops_reduction
        text = f"{name}, ERK at {level['SWAT-ERK']} %, uniform at {level['SWAT-U']} %"
        found.append(fact(text, lead, "about as much saved", abs(lead) <= 2, unit="points"))
    return tuple(found)


@cache
def uniform_cheaper() -> tuple[Quantity, ...]:
    """Say where uniform needs fewer operations than ERK, and whether resolution decides it."""
    leads = {
        (name, sparsity, image): lead_of_uniform(NETWORKS[name], sparsity, image, 1000)
        for name, sparsity, image in product(IMAGENET_NETWORKS, SPARSITIES, (32, 224))
    }
    large = [lead for (_, _, image), lead in leads.items() if image == 224]
    small = [lead for (_, _, image), lead in leads.items() if image == 32]
    grows = [b["training"] > a["training"] for a, b in zip(small, large, strict=True)]
    return (
        cells(
            "uniform saves more of training at 224 pixels",
            [lead["training"] > 0 for lead in large],
            "uniform cheaper",
        ),
        cells(
            "uniform saves more of inference at 224 pixels",
            [lead["inference"] > 0 for lead in large],
            "uniform cheaper",
        ),
        Quantity(
            "its lead larger at 224 than at 32 pixels",
            float(sum(grows)),
            "because the resolution is high",
            all(grows),
            direction=True,
            unit=f"of {len(grows)}",
        ),
    )


def _both(allocation: str | None) -> tuple[Way, Way]:
    """Return an allocation at 90 and at 95 %."""
    options = {} if allocation is None else {"allocation": allocation}
    return way("swat", 0.9, **options), way("swat", 0.95, **options)


CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="n-first-layer-dense",
        paper="N",
        place="Section 3.3.2, SWAT-U",
        statement="SWAT-U is more accurate with a dense first layer than with a sparse one.",
        says="improves accuracy (no number)",
        kind="training",
        chapter=CHAPTER,
        needs="SWAT-U with the first layer dense minus sparse at 90 and 95 %, five seeds on "
        "full-size CIFAR-10.",
        decision=Trained(
            tuple(
                Effect(
                    f"{100 * s:.0f} %",
                    way("swat", s),
                    way("swat", s, first_layer_dense=False),
                    "above",
                )
                for s in (0.9, 0.95)
            ),
            (FULL, SMALL_DIGITS),
        ),
    ),
    Claim(
        id="n-nonuniform-better",
        paper="N",
        place="Section 3.3.2, after Evci et al. and Dettmers and Zettlemoyer",
        statement="At equal weight sparsity ERK and momentum end above a uniform distribution.",
        says="can improve accuracy (no number)",
        kind="training",
        chapter=CHAPTER,
        needs="SWAT-ERK and SWAT-M minus SWAT-U at 90 and 95 %, averaged.",
        decision=Trained(
            tuple(
                Effect(f"{name} - uniform, 90 and 95 %", _both(rule), _both(None), "above")
                for name, rule in (("ERK", "erk"), ("momentum", "momentum"))
            ),
            (FULL, *SMALL),
        ),
        weakness="In Table 2 uniform is the best of the three on WRN-16-8, at 90 against 95 %, and "
        "on DenseNet-121.",
    ),
    Claim(
        id="n-nonuniform-better-equal-work",
        paper="N",
        place="Section 3.3.2, at about equal numbers of operations",
        statement="ERK and momentum end above a uniform distribution at about equal numbers of "
        "multiply-accumulates.",
        says="can improve accuracy for a given sparsity (nothing on operations)",
        kind="training",
        chapter=CHAPTER,
        needs="SWAT-ERK and SWAT-M at 95 % minus SWAT-U at 90 %.",
        decision=Trained(
            tuple(
                Effect(
                    f"{name} at 95 % - uniform at 90 %",
                    way("swat", 0.95, allocation=rule),
                    way("swat", 0.9),
                    "above",
                )
                for name, rule in (("ERK", "erk"), ("momentum", "momentum"))
            ),
            (FULL, SMALL_PATCHES, SMALL_DIGITS),
        ),
        limits="Of a dense step uniform at 90 % leaves 10 to 11 % of the operations, ERK at 95 % "
        "7 to 8 %, momentum at 95 % about 13 %.",
    ),
    Claim(
        id="n-erk-more-to-large-layers",
        paper="N",
        place="Section 3.3.2, SWAT-ERK",
        statement="Under ERK a layer's sparsity rises with its number of weights.",
        says="higher sparsity in larger layers",
        kind="exact",
        chapter=CHAPTER,
        needs="ERK's sparsities of the papers' networks at 80, 90 and 95 %.",
        decision=larger_layers_sparser,
        weakness="ERK looks at the sum of a layer's dimensions, too: of two layers with equally "
        "many weights the one with the smaller kernel becomes denser.",
    ),
    Claim(
        id="n-erk-expensive-layers-sparser",
        paper="N",
        place="Section 4.2",
        statement="On CIFAR-10's networks ERK gives higher sparsity to layers with more "
        "operations.",
        says="higher sparsity in expensive layers",
        kind="exact",
        chapter=CHAPTER,
        needs="ERK's sparsities and the operations of three networks at 32x32, 90 and 95 %.",
        decision=expensive_layers_sparser,
    ),
    Claim(
        id="n-erk-initial-layer-dense",
        paper="N",
        place="Section 4.2",
        statement="ERK leaves the first layers denser than the target, and they carry a large "
        "share of the work that remains.",
        says="lower sparsity, significant overhead (no number)",
        kind="exact",
        chapter=CHAPTER,
        needs="ERK's sparsities and operations of four networks at 80, 90 and 95 %.",
        decision=initial_layers_dense,
        weakness="SWAT-U, with which the paper compares, leaves its first layer dense altogether.",
    ),
    Claim(
        id="n-erk-competitive-cifar",
        paper="N",
        place="Section 4.2, at equal weight sparsity",
        statement="On 32x32 images ERK saves about as many operations as uniform at the same "
        "weight sparsity.",
        says="competitive",
        kind="exact",
        chapter=CHAPTER,
        needs="Training operations of three networks, both rules at 90 and at 95 %.",
        decision=competitive_at_32,
        weakness="Table 2 compares ERK at 95 % with uniform at 90 % in two of three networks.",
    ),
    Claim(
        id="n-erk-competitive-as-printed",
        paper="N",
        place="Section 4.2, Table 2",
        statement="At the sparsities of Table 2 ERK saves about as many operations as uniform.",
        says="competitive",
        kind="exact",
        chapter=CHAPTER,
        needs="Training operations of the rows of Table 2.",
        decision=competitive_as_printed,
    ),
    Claim(
        id="n-uniform-cheaper-at-high-resolution",
        paper="N",
        place="Section 4.2; Table 3",
        statement="At high resolution, and because of it, uniform needs fewer operations than ERK "
        "at the same weight sparsity.",
        says="ResNet-50: 16.1 points at 80 %, 6.6 at 90 %",
        kind="exact",
        chapter=CHAPTER,
        needs="Operations of ResNet-18, ResNet-50 and WRN-50-2 from 32 to 224 pixels, 80, 90 and "
        "95 %.",
        decision=uniform_cheaper,
        weakness="All layers of a convolutional network grow with the image alike, so that "
        "resolution by itself changes no share of the work.",
    ),
    *allocation_tables.CLAIMS,
)
