"""Claims about which entries SWAT keeps, how many in each layer, and in what structure."""

from __future__ import annotations

from functools import cache
from itertools import pairwise, product
from typing import Any

import pandas as pd
from scipy.stats import spearmanr

from swatlib.claims.claim import Claim, Trained
from swatlib.claims.effect import DENSELY, Effect, Way, way
from swatlib.claims.measured import measured
from swatlib.claims.quantity import Quantity, cells, close, fact
from swatlib.claims.scales import (
    FULL,
    HUNDRED,
    SMALL,
    SMALL_DIGITS,
    SMALL_PATCHES,
    of_families,
)
from swatlib.papers import paper_wide
from swatlib.papers.allocations import layers, lead_of_uniform
from swatlib.papers.swat_tables import CIFAR, IMAGENET, NETWORKS, row_count

ENTRIES = "3-swat/02-which-entries"
WHERE = "3-swat/03-how-much-where"
STRUCTURED = "3-swat/04-structured"

CIFAR_NETWORKS = ("VGG-16", "WRN-16-8", "DenseNet-121")
IMAGENET_NETWORKS = ("ResNet-18", "ResNet-50", "WRN-50-2")
SPARSITIES = (0.8, 0.9, 0.95)
DENSE_EPOCHS = 90
"""Epochs of a dense ImageNet run, SWAT section 4.1."""


@cache
def _row(table: str, network: str, method: str, level: str) -> dict[str, Any]:
    """Return a row of a table as the paper prints it."""
    wide = paper_wide(table).set_index(["network", "method", "level"])
    return dict(wide.loc[(network, method, level)])


def _changes(table: str, method: str) -> str:
    """Return the accuracy changes that a table prints for a method, in words."""
    wide = paper_wide(table)
    rows = wide[wide["method"] == method]
    return ", ".join(
        f"{row.network} {row.accuracy_change:+.2f} ({row.level} %)" for row in rows.itertuples()
    )


def _change(table: str, network: str, method: str, level: str) -> float:
    return float(_row(table, network, method, level)["accuracy_change"])


# Which entries


def constraint_mechanism() -> tuple[Quantity, ...]:
    """Count in how many layers a constraint keeps small entries and drops large ones."""
    frame = pd.DataFrame(measured("constrained-choices")["layers"])
    where = ["operand", "sparsity", "layer"]
    mean = frame.groupby([*where, "variant"])[["small", "dropped"]].mean().unstack()
    small, dropped = mean["small"], mean["dropped"]
    # A slice of one entry has nothing to choose: HW keeps the whole of a 1x1 kernel.
    choice = frame[frame["variant"] == "HW"].groupby(where)["choice"].all()
    return (
        cells("small entries kept: HW above CHW", small["HW"] > small["CHW"], "all layers"),
        cells("small entries kept: CHW above none", small["CHW"] > 0, "all layers"),
        cells("large entries dropped by CHW", dropped["CHW"] > 0, "all layers"),
        cells("large entries dropped by HW", dropped["HW"][choice] > 0, "all layers"),
    )


# How much where


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


def _activation_sparsity(table: str, method: str = "SWAT-ERK") -> list[Quantity]:
    wide = paper_wide(table)
    rows = wide[wide["method"] == method]
    return [
        close(
            f"{row.network}, ERK at {row.level} %",
            row_count(table, row.network, method, row.level).activation_sparsity,
            float(row.activation_sparsity),
            2.0,
            unit="%",
        )
        for row in rows.itertuples()
    ]


def activation_sparsity_cifar() -> tuple[Quantity, ...]:
    """Compute ERK's mean activation sparsity for Table 2."""
    return tuple(_activation_sparsity("swat-table-2"))


def activation_sparsity_imagenet() -> tuple[Quantity, ...]:
    """Compute ERK's mean activation sparsity for Table 3."""
    return tuple(_activation_sparsity("swat-table-3"))


# Structured


def structured_compression() -> tuple[Quantity, ...]:
    """Count the weights that Table 4's rows keep."""
    wide = paper_wide("swat-table-4")
    return tuple(
        close(
            f"{row.network}, {row.level} %",
            row_count("swat-table-4", row.network, row.method, row.level).model_compression,
            float(row.model_compression),
            0.02,
            unit="times",
            relative=True,
        )
        for row in wide.itertuples()
    )


def structured_training_work() -> tuple[Quantity, ...]:
    """Count ResNet-50's training operations at 70 %, and what Table 5 itself says."""
    text = paper_wide("swat-text").set_index(["network", "level"])
    stated = float(text.loc[("ResNet-50", "70"), "train_flops_factor"])
    counted = row_count("swat-table-5", "ResNet-50", "SWAT-U structured", "70")
    printed = _row("swat-table-5", "ResNet-50", "SWAT-U structured", "70")["train_flops_reduction"]
    return (
        close("counted", _factor(counted.train_flops_reduction), stated, 0.02, unit="times"),
        close("by the paper's Table 5", _factor(printed), stated, 0.02, unit="times"),
    )


def _factor(reduction: float) -> float:
    return 100 / (100 - reduction)


def larger_drops() -> tuple[Quantity, ...]:
    """Count the pruners of Table 5 that lose less than structured SWAT at 70 %."""
    own = _change("swat-table-5", "ResNet-50", "SWAT-U structured", "70")
    pruners = _pruners()
    less = sum(pruners["accuracy_change"] > own)
    return (fact("pruners that lose less", float(less), "some", less > 0, unit="of 4"),)


def _pruners() -> pd.DataFrame:
    wide = paper_wide("swat-table-5")
    return wide[(wide["network"] == "ResNet-50") & ~wide["method"].str.startswith("SWAT")]


def offline_pruning_work() -> tuple[Quantity, ...]:
    """Count the training work of pruning a trained network and of structured SWAT, dense is 1.

    Fine-tuning counts with the operations that the pruned network has left.
    """
    tuned = _pruners().dropna(subset=["fine_tune_epochs"])
    offline = {
        row.method: 1
        + row.fine_tune_epochs / DENSE_EPOCHS * (1 - row.inference_flops_reduction / 100)
        for row in tuned.itertuples()
    }
    own = {
        level: 1
        / _factor(
            row_count("swat-table-5", "ResNet-50", "SWAT-U structured", level).train_flops_reduction
        )
        for level in ("50", "60", "70")
    }
    return (
        *(
            fact(f"{name}, of a dense run", work, "more training", work > 1)
            for name, work in offline.items()
        ),
        *(
            fact(f"SWAT at {level} %", work, "less training", work < 1)
            for level, work in own.items()
        ),
    )


def _u(sparsity: float, **options: Any) -> Way:
    return way("swat", sparsity, **options)


def _rule(sparsity: float, allocation: str) -> Way:
    return _u(sparsity, **({} if allocation == "uniform" else {"allocation": allocation}))


def _both(allocation: str | None) -> tuple[Way, Way]:
    """Return an allocation at 90 and at 95 %."""
    options = {} if allocation is None else {"allocation": allocation}
    return _u(0.9, **options), _u(0.95, **options)


_STRUCTURED_GAIN = round(float(paper_wide("swat-table-4")["accuracy_change"].mean()), 2)
_TWO_FAMILIES = of_families(SMALL_DIGITS, ("small_resnet", "small_densenet"))

_IMAGENET_LIMITS = (
    "100 classes of Tiny ImageNet at 32x32 stand for ImageNet, a small residual network for "
    "ResNet-50."
)
_CIFAR_ONLY = "Section 4.1 says that ERK and momentum are reported on CIFAR-10 only."
_CIFAR_LIMITS = "A small residual network stands for VGG-16, WRN-16-8 and DenseNet-121."

CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="i-random-low-only",
        paper="I",
        place="Section 2.2, Figure 3",
        statement="Random entries in the backward pass train as well as all of them at low "
        "sparsity and not at high sparsity.",
        says="works only for low sparsity (curves, no number)",
        kind="training",
        chapter=ENTRIES,
        needs="SAW with random entries minus dense at 25 and 90 %, five seeds on full-size "
        "CIFAR-10.",
        decision=Trained(
            (
                Effect("25 %", way("saw", 0.25, random=True), DENSELY, "level", 1.0),
                Effect("90 %", way("saw", 0.9, random=True), DENSELY, "below", 1.0),
            ),
            (FULL, SMALL_DIGITS),
        ),
        limits="The paper trains ResNet-18 on CIFAR-100. Low sparsity is read at 25 %.",
    ),
    Claim(
        id="i-topk-beats-random-high",
        paper="I",
        place="Section 2.2, Figure 3",
        statement="At high sparsity every Top-K variant is well above random entries.",
        says="a considerable margin (curves, no number)",
        kind="training",
        chapter=ENTRIES,
        needs="SAW over NCHW, CHW and HW minus random at 90 %.",
        decision=Trained(
            tuple(
                Effect(
                    f"{variant} - random, 90 %",
                    way("saw", 0.9, **options),
                    way("saw", 0.9, random=True),
                    "above",
                    1.0,
                )
                for variant, options in (
                    ("NCHW", {}),
                    ("CHW", {"over": "CHW"}),
                    ("HW", {"over": "HW"}),
                )
            ),
            (FULL, *SMALL),
        ),
        limits="The paper trains ResNet-18 on CIFAR-100.",
    ),
    Claim(
        id="i-constrained-worse",
        paper="I",
        place="Section 2.2, Figure 3",
        statement="The more constrained Top-K is, the lower the accuracy: NCHW above CHW above HW "
        "at the same nominal sparsity.",
        says="NCHW above CHW above HW (curves, no number)",
        kind="training",
        chapter=ENTRIES,
        needs="SAW over NCHW, CHW and HW at 90 and 95 % on full-size CIFAR-10; 95 % is not "
        "declared there.",
        decision=Trained(
            tuple(
                effect
                for s in (0.9, 0.95)
                for effect in (
                    Effect(
                        f"NCHW - CHW, {100 * s:.0f} %",
                        way("saw", s),
                        way("saw", s, over="CHW"),
                        "above",
                        1.0,
                    ),
                    Effect(
                        f"CHW - HW, {100 * s:.0f} %",
                        way("saw", s, over="CHW"),
                        way("saw", s, over="HW"),
                        "above",
                        1.0,
                    ),
                )
            ),
            (FULL, *SMALL),
        ),
        limits="The paper trains ResNet-18 on CIFAR-100. It does not say how it rounds: here every "
        "slice keeps at least one entry.",
        weakness="At one nominal sparsity HW does more work than the others, by rounding.",
    ),
    Claim(
        id="i-constrained-worse-equal-work",
        paper="I",
        place="Section 2.2, Figure 3, at equal numbers of operations",
        statement="The more constrained Top-K is, the lower the accuracy, where all variants "
        "leave about a tenth of the backward work.",
        says="NCHW above CHW above HW (curves, no number)",
        kind="training",
        chapter=ENTRIES,
        needs="SAW over NCHW and CHW at 90 %, over HW at 95 %, on full-size CIFAR-10.",
        decision=Trained(
            (
                Effect(
                    "NCHW - CHW, both at 90 %",
                    way("saw", 0.9),
                    way("saw", 0.9, over="CHW"),
                    "above",
                    1.0,
                ),
                Effect(
                    "CHW at 90 % - HW at 95 %",
                    way("saw", 0.9, over="CHW"),
                    way("saw", 0.95, over="HW"),
                    "above",
                    1.0,
                ),
            ),
            (FULL, SMALL_PATCHES, SMALL_DIGITS),
        ),
        limits="HW at a nominal 95 % leaves 11.5 % of the backward work on the small images and "
        "9.4 % at full size, the others 10 %.",
    ),
    Claim(
        id="i-constrained-worse-classifier-dense",
        paper="I",
        place="Section 2.2, Figure 3, with the classifier dense",
        statement="Top-K over the whole tensor is above Top-K per channel where the classifier is "
        "dense in both.",
        says="NCHW above HW (curves, no number)",
        kind="training",
        chapter=ENTRIES,
        needs="SAW over NCHW with a dense classifier minus SAW over HW at 90 %, on full-size "
        "CIFAR-10; and the same with CHW.",
        decision=Trained(
            (
                Effect(
                    "NCHW - HW, 90 %",
                    way("saw", 0.9, classifier_dense=True),
                    way("saw", 0.9, over="HW"),
                    "above",
                    1.0,
                ),
            ),
            (FULL, SMALL_PATCHES, SMALL_DIGITS),
        ),
        limits="Per channel a classifier is dense by rounding; over the whole tensor it is left "
        "dense.",
    ),
    Claim(
        id="i-constraint-mechanism",
        paper="I",
        place="Section 2.2",
        statement="A constrained Top-K keeps small entries and drops large ones, per channel more "
        "than per sample.",
        says="quite small ones kept, essential ones dropped (no number)",
        kind="measurement",
        chapter=ENTRIES,
        needs="Shares of small entries kept and of large ones dropped in trained networks, 70 and "
        "90 %.",
        decision=constraint_mechanism,
        limits="Small and large are meant against the threshold over the whole tensor.",
        trained="three residual networks trained densely on photograph patches",
    ),
    Claim(
        id="n-first-layer-dense",
        paper="N",
        place="Section 3.3.2, SWAT-U",
        statement="SWAT-U is more accurate with a dense first layer than with a sparse one.",
        says="improves accuracy (no number)",
        kind="training",
        chapter=WHERE,
        needs="SWAT-U with the first layer dense minus sparse at 90 and 95 %, five seeds on "
        "full-size CIFAR-10.",
        decision=Trained(
            tuple(
                Effect(f"{100 * s:.0f} %", _u(s), _u(s, first_layer_dense=False), "above", 1.0)
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
        chapter=WHERE,
        needs="SWAT-ERK and SWAT-M minus SWAT-U at 90 and 95 %, averaged.",
        decision=Trained(
            tuple(
                Effect(f"{name} - uniform, 90 and 95 %", _both(rule), _both(None), "above", 1.0)
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
        chapter=WHERE,
        needs="SWAT-ERK and SWAT-M at 95 % minus SWAT-U at 90 %.",
        decision=Trained(
            tuple(
                Effect(
                    f"{name} at 95 % - uniform at 90 %",
                    _u(0.95, allocation=rule),
                    _u(0.9),
                    "above",
                    1.0,
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
        chapter=WHERE,
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
        chapter=WHERE,
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
        chapter=WHERE,
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
        chapter=WHERE,
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
        chapter=WHERE,
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
        chapter=WHERE,
        needs="Operations of ResNet-18, ResNet-50 and WRN-50-2 from 32 to 224 pixels, 80, 90 and "
        "95 %.",
        decision=uniform_cheaper,
        weakness="All layers of a convolutional network grow with the image alike, so that "
        "resolution by itself changes no share of the work.",
    ),
    Claim(
        id="n-t2-erk-accuracy",
        paper="N",
        place="Table 2, SWAT-ERK",
        statement="SWAT-ERK at 90 and 95 % loses less than one point to dense training.",
        says=_changes("swat-table-2", "SWAT-ERK"),
        kind="training",
        chapter=WHERE,
        needs="SWAT-ERK at 90 and 95 % minus dense, three families.",
        decision=Trained(
            tuple(
                Effect(f"{100 * s:.0f} %", _u(s, allocation="erk"), DENSELY, "not below", 1.0)
                for s in (0.9, 0.95)
            ),
            (FULL, *SMALL),
        ),
        limits=_CIFAR_LIMITS,
    ),
    Claim(
        id="n-t2-m-accuracy",
        paper="N",
        place="Table 2, SWAT-M",
        statement="SWAT-M at 90 and 95 % is as accurate as dense training.",
        says=_changes("swat-table-2", "SWAT-M"),
        kind="training",
        chapter=WHERE,
        needs="SWAT-M at 90 and 95 % minus dense, three families.",
        decision=Trained(
            tuple(
                Effect(f"{100 * s:.0f} %", _u(s, allocation="momentum"), DENSELY, "level", 1.0)
                for s in (0.9, 0.95)
            ),
            (FULL, *SMALL),
        ),
        limits=_CIFAR_LIMITS,
    ),
    Claim(
        id="n-t2-act-sparsity-differs",
        paper="N",
        place="Table 2, column Act; Section 4.2",
        statement="With one sparsity for a layer's weights and activations, ERK's mean activation "
        "sparsity is below its weight sparsity.",
        says="ERK 82 and 84 % at 95 %, 88 % at 90 %",
        kind="exact",
        chapter=WHERE,
        needs="ERK's activation sparsity on three networks; SWAT-M's at run time.",
        decision=activation_sparsity_cifar,
        limits="SWAT-M's cells depend on its training and are not computed. Natural zeros of ReLU, "
        "measured once in fresh networks, count as the paper's cells need it.",
    ),
    Claim(
        id="n-t3-act-sparsity",
        paper="N",
        place="Table 3, column Act",
        statement="On ResNet-50 ERK's mean activation sparsity is far below its weight sparsity.",
        says="ERK 52 % at 80 %, 64 % at 90 %",
        kind="exact",
        chapter=WHERE,
        needs="ERK's activation sparsity on ResNet-50 at 224x224; SWAT-M's at run time.",
        decision=activation_sparsity_imagenet,
        limits="SWAT-M's cells depend on its training and are not computed. Natural zeros of ReLU, "
        "measured once in a fresh network, count: without them the cells do not come out.",
    ),
    Claim(
        id="n-t3-erk-accuracy",
        paper="N",
        place="Table 3, SWAT-ERK at 90 %",
        statement="On a hard task SWAT-ERK at 90 % loses three points to dense training.",
        says=_changes("swat-table-3", "SWAT-ERK"),
        kind="training",
        chapter=WHERE,
        needs="SWAT-ERK at 90 % minus dense on 100 classes.",
        decision=Trained(
            (
                Effect(
                    "90 %",
                    _u(0.9, allocation="erk"),
                    DENSELY,
                    _change("swat-table-3", "ResNet-50", "SWAT-ERK", "90"),
                    1.5,
                ),
            ),
            (HUNDRED,),
        ),
        limits=_IMAGENET_LIMITS,
        weakness=_CIFAR_ONLY,
    ),
    Claim(
        id="n-t3-erk-accuracy-80",
        paper="N",
        place="Table 3, SWAT-ERK at 80 %",
        statement="On a hard task SWAT-ERK at 80 % loses less than a point to dense training.",
        says=_changes("swat-table-3", "SWAT-ERK"),
        kind="training",
        chapter=WHERE,
        needs="SWAT-ERK at 80 % minus dense on 100 classes, at least three seeds, margin 1.5 "
        "points.",
        decision=Trained(
            (
                Effect(
                    "80 %",
                    _u(0.8, allocation="erk"),
                    DENSELY,
                    _change("swat-table-3", "ResNet-50", "SWAT-ERK", "80"),
                    1.5,
                ),
            ),
            (HUNDRED,),
        ),
        limits=_IMAGENET_LIMITS,
        weakness=_CIFAR_ONLY,
    ),
    Claim(
        id="n-t3-m-accuracy",
        paper="N",
        place="Table 3, SWAT-M",
        statement="On a hard task SWAT-M loses about as much at 90 % as at 80 %.",
        says=_changes("swat-table-3", "SWAT-M"),
        kind="training",
        chapter=WHERE,
        needs="SWAT-M at 80 and 90 % minus dense on 100 classes, at least three seeds, margin 1.5 "
        "points.",
        decision=Trained(
            (
                Effect(
                    "80 %",
                    _u(0.8, allocation="momentum"),
                    DENSELY,
                    _change("swat-table-3", "ResNet-50", "SWAT-M", "80"),
                    1.5,
                ),
                Effect(
                    "90 %",
                    _u(0.9, allocation="momentum"),
                    DENSELY,
                    _change("swat-table-3", "ResNet-50", "SWAT-M", "90"),
                    1.5,
                ),
            ),
            (HUNDRED,),
        ),
        limits=_IMAGENET_LIMITS,
        weakness=_CIFAR_ONLY,
    ),
    Claim(
        id="n-t3-variant-order",
        paper="N",
        place="Table 3",
        statement="On a hard task the order is ERK, uniform, momentum at 80 % and momentum, ERK, "
        "uniform at 90 %.",
        says="76.0, 75.2, 74.6 % at 80 %; 74.0, 73.8, 72.1 % at 90 %",
        kind="training",
        chapter=WHERE,
        needs="SWAT-U, SWAT-ERK and SWAT-M at 80 and 90 % on 100 classes, at least three seeds, "
        "margin 1.5 points.",
        decision=Trained(
            tuple(
                Effect(
                    f"{100 * s:.0f} %: {high} - {low}", _rule(s, high), _rule(s, low), "above", 1.5
                )
                for s, order in (
                    (0.8, ("erk", "uniform", "momentum")),
                    (0.9, ("momentum", "erk", "uniform")),
                )
                for high, low in pairwise(order)
            ),
            (HUNDRED,),
        ),
        limits=_IMAGENET_LIMITS,
        weakness="Three of the four differences of neighbours in the paper are below one point.",
    ),
    Claim(
        id="n-t3-erk-above-uniform",
        paper="N",
        place="Table 3, SWAT-ERK and SWAT-U at 90 %",
        statement="On a hard task ERK is more accurate than uniform at 90 %.",
        says="73.8 against 72.1 %",
        kind="training",
        chapter=WHERE,
        needs="SWAT-ERK minus SWAT-U at 90 % on 100 classes.",
        decision=Trained(
            (Effect("90 %", _u(0.9, allocation="erk"), _u(0.9), "above", 1.5),), (HUNDRED,)
        ),
        limits=_IMAGENET_LIMITS,
        weakness=_CIFAR_ONLY,
    ),
    Claim(
        id="n-t1-structured-only-swat",
        paper="N",
        place="Table 1; Section 5",
        statement="SWAT trains unstructured and structured networks alike.",
        says="both; the first algorithm to do so",
        kind="training",
        chapter=STRUCTURED,
        needs="Structured and unstructured SWAT-U at 70 % minus dense. That it was the first is a "
        "question of literature.",
        decision=Trained(
            (
                Effect("unstructured, 70 %", _u(0.7), DENSELY, "level", 1.0),
                Effect("structured, 70 %", _u(0.7, structured="filter"), DENSELY, "level", 1.0),
            ),
            (FULL, SMALL_PATCHES, _TWO_FAMILIES),
        ),
        limits="The activations of structured SWAT are unstructured. Whether SWAT was the first is "
        "not judged.",
    ),
    Claim(
        id="n-t4-structured-improves",
        paper="N",
        place="Section 4.3, Table 4",
        statement="SWAT-U with channels pruned per filter at 50 to 70 % is more accurate than "
        "dense training.",
        says=_changes("swat-table-4", "SWAT-U structured"),
        kind="training",
        chapter=STRUCTURED,
        needs="Structured SWAT-U at 50 and 70 % minus dense, about 20 seeds.",
        decision=Trained(
            tuple(
                Effect(
                    f"{100 * s:.0f} %",
                    _u(s, structured="filter"),
                    DENSELY,
                    "above",
                    _STRUCTURED_GAIN,
                )
                for s in (0.5, 0.7)
            ),
            (FULL, SMALL_PATCHES, _TWO_FAMILIES),
        ),
        limits="Small networks stand for ResNet-18 and DenseNet-121.",
        weakness="The paper's gains on ResNet-18 are smaller than the spread of its own runs or "
        "little larger, and the dense runs have none stated.",
    ),
    Claim(
        id="n-t4-compression",
        paper="N",
        place="Table 4, columns MC and CP",
        statement="Pruning 50, 60 and 70 % of the channels makes the model 2.0, 2.5 and 3.3 times "
        "smaller.",
        says="2.0, 2.5 and 3.3 times",
        kind="exact",
        chapter=STRUCTURED,
        needs="Weights of six rows, dense over kept.",
        decision=structured_compression,
        limits="What is counted are weights. Per filter hardly any input channel falls away as a "
        "whole.",
    ),
    Claim(
        id="n-t5-flops-319",
        paper="N",
        place="Section 4.3, Table 5",
        statement="On ResNet-50 at 70 % structured SWAT trains with 3.19 times fewer operations.",
        says="3.19 times",
        kind="exact",
        chapter=STRUCTURED,
        needs="Training operations of ResNet-50 at 224x224.",
        decision=structured_training_work,
        weakness="The paper's own Table 5 gives 66.6 % for ResNet-50; 3.19 times is the 68.7 % of "
        "WRN-50-2.",
    ),
    Claim(
        id="n-t5-loss-12",
        paper="N",
        place="Section 4.3, Table 5",
        statement="On a hard task structured SWAT at 70 % loses about one point.",
        says="1.2 points in the text; " + _changes("swat-table-5", "SWAT-U structured"),
        kind="training",
        chapter=STRUCTURED,
        needs="Structured SWAT-U at 50, 60 and 70 % minus dense on 100 classes, at least three "
        "seeds, margin 1.5 points.",
        decision=Trained(
            (
                Effect(
                    "70 %",
                    _u(0.7, structured="filter"),
                    DENSELY,
                    _change("swat-table-5", "ResNet-50", "SWAT-U structured", "70"),
                    1.5,
                ),
            ),
            (HUNDRED,),
        ),
        limits=_IMAGENET_LIMITS,
        weakness="1.2 points in the text are 1.13 in the table.",
    ),
    Claim(
        id="n-t5-wrn-accuracy",
        paper="N",
        place="Table 5, WRN-50-2",
        statement="On a hard task a network twice as wide loses less than 1.5 points under "
        "structured SWAT.",
        says="-0.42, -0.95, -1.31 points at 50, 60, 70 %",
        kind="training",
        chapter=STRUCTURED,
        needs="Structured SWAT-U at 50, 60 and 70 % minus dense on 100 classes at twice the width, "
        "at least three seeds, margin 1.5 points.",
        limits=_IMAGENET_LIMITS,
    ),
    Claim(
        id="n-t5-beats-offline-pruning",
        paper="N",
        place="Section 4.3, Table 5",
        statement="Structured SWAT is more accurate than networks pruned after training, at "
        "similar work in inference.",
        says="76.51, 76.35, 75.67 % against 74.95, 75.50, 75.11, 74.61 %",
        kind="training",
        chapter=STRUCTURED,
        needs="Structured SWAT-U at 50 and 70 % minus soft filter pruning and minus pruning by "
        "norm with fine-tuning, one dense recipe, equal epochs; five seeds on CIFAR-10, three on "
        "100 classes.",
        weakness="The baselines differ: 76.80 % for SWAT with label smoothing, 75.34 to 76.15 % "
        "for the pruners.",
    ),
    Claim(
        id="n-t5-larger-drops",
        paper="N",
        place="Section 4.3, Table 5",
        statement="Against its own dense run structured SWAT loses more than some pruners.",
        says="in some cases",
        kind="exact",
        chapter=STRUCTURED,
        needs="The accuracy changes of Table 5.",
        decision=larger_drops,
    ),
    Claim(
        id="n-offline-pruning-costs-more",
        paper="N",
        place="Section 4.3; Section 1",
        statement="Training, pruning and fine-tuning take more training work than a dense run, and "
        "SWAT takes less.",
        says="increased training time",
        kind="exact",
        chapter=STRUCTURED,
        needs="Epochs and operations of Table 5.",
        decision=offline_pruning_work,
        limits=f"A dense run is taken as {DENSE_EPOCHS} epochs for all. Two of four pruners state "
        "their fine-tuning epochs.",
    ),
)
