"""Claims about ERK and momentum in SWAT's Tables 2 and 3."""

from __future__ import annotations

from itertools import pairwise

from swatlib.claims.claim import Claim, Trained
from swatlib.claims.effect import Effect, Way, against_dense, way
from swatlib.claims.quantity import Quantity, close
from swatlib.claims.scales import (
    FULL,
    HUNDRED,
    SMALL,
)
from swatlib.claims.swat.printed import (
    IMAGENET_LIMITS,
    printed_change,
    printed_changes,
)
from swatlib.papers import paper_wide
from swatlib.papers.swat_tables import row_count

CHAPTER = "3-swat/03-how-much-where"


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


def _rule(sparsity: float, allocation: str) -> Way:
    return way("swat", sparsity, **({} if allocation == "uniform" else {"allocation": allocation}))


_CIFAR_ONLY = "Section 4.1 says that ERK and momentum are reported on CIFAR-10 only."

_CIFAR_LIMITS = "A small residual network stands for VGG-16, WRN-16-8 and DenseNet-121."

CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="n-t2-erk-accuracy",
        paper="N",
        place="Table 2, SWAT-ERK",
        statement="SWAT-ERK at 90 and 95 % loses less than one point to dense training.",
        says=printed_changes("swat-table-2", "SWAT-ERK"),
        kind="training",
        chapter=CHAPTER,
        needs="SWAT-ERK at 90 and 95 % minus dense, three families.",
        decision=Trained(
            against_dense("swat", (0.9, 0.95), "not below", allocation="erk"),
            (FULL, *SMALL),
        ),
        limits=_CIFAR_LIMITS,
    ),
    Claim(
        id="n-t2-m-accuracy",
        paper="N",
        place="Table 2, SWAT-M",
        statement="SWAT-M at 90 and 95 % is as accurate as dense training.",
        says=printed_changes("swat-table-2", "SWAT-M"),
        kind="training",
        chapter=CHAPTER,
        needs="SWAT-M at 90 and 95 % minus dense, three families.",
        decision=Trained(
            against_dense("swat", (0.9, 0.95), "level", allocation="momentum"),
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
        chapter=CHAPTER,
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
        chapter=CHAPTER,
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
        says=printed_changes("swat-table-3", "SWAT-ERK"),
        kind="training",
        chapter=CHAPTER,
        needs="SWAT-ERK at 90 % minus dense on 100 classes.",
        decision=Trained(
            against_dense(
                "swat",
                (0.9,),
                printed_change("swat-table-3", "ResNet-50", "SWAT-ERK", "90"),
                allocation="erk",
            ),
            (HUNDRED,),
        ),
        limits=IMAGENET_LIMITS,
        weakness=_CIFAR_ONLY,
    ),
    Claim(
        id="n-t3-erk-accuracy-80",
        paper="N",
        place="Table 3, SWAT-ERK at 80 %",
        statement="On a hard task SWAT-ERK at 80 % loses less than a point to dense training.",
        says=printed_changes("swat-table-3", "SWAT-ERK"),
        kind="training",
        chapter=CHAPTER,
        needs="SWAT-ERK at 80 % minus dense on 100 classes, at least three seeds, margin 1.5 "
        "points.",
        decision=Trained(
            against_dense(
                "swat",
                (0.8,),
                printed_change("swat-table-3", "ResNet-50", "SWAT-ERK", "80"),
                allocation="erk",
            ),
            (HUNDRED,),
        ),
        limits=IMAGENET_LIMITS,
        weakness=_CIFAR_ONLY,
    ),
    Claim(
        id="n-t3-m-accuracy",
        paper="N",
        place="Table 3, SWAT-M",
        statement="On a hard task SWAT-M loses about as much at 90 % as at 80 %.",
        says=printed_changes("swat-table-3", "SWAT-M"),
        kind="training",
        chapter=CHAPTER,
        needs="SWAT-M at 80 and 90 % minus dense on 100 classes, at least three seeds, margin 1.5 "
        "points.",
        decision=Trained(
            (
                *against_dense(
                    "swat",
                    (0.8,),
                    printed_change("swat-table-3", "ResNet-50", "SWAT-M", "80"),
                    allocation="momentum",
                ),
                *against_dense(
                    "swat",
                    (0.9,),
                    printed_change("swat-table-3", "ResNet-50", "SWAT-M", "90"),
                    allocation="momentum",
                ),
            ),
            (HUNDRED,),
        ),
        limits=IMAGENET_LIMITS,
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
        chapter=CHAPTER,
        needs="SWAT-U, SWAT-ERK and SWAT-M at 80 and 90 % on 100 classes, at least three seeds, "
        "margin 1.5 points.",
        decision=Trained(
            tuple(
                Effect(f"{100 * s:.0f} %: {high} - {low}", _rule(s, high), _rule(s, low), "above")
                for s, order in (
                    (0.8, ("erk", "uniform", "momentum")),
                    (0.9, ("momentum", "erk", "uniform")),
                )
                for high, low in pairwise(order)
            ),
            (HUNDRED,),
        ),
        limits=IMAGENET_LIMITS,
        weakness="Three of the four differences of neighbours in the paper are below one point.",
    ),
    Claim(
        id="n-t3-erk-above-uniform",
        paper="N",
        place="Table 3, SWAT-ERK and SWAT-U at 90 %",
        statement="On a hard task ERK is more accurate than uniform at 90 %.",
        says="73.8 against 72.1 %",
        kind="training",
        chapter=CHAPTER,
        needs="SWAT-ERK minus SWAT-U at 90 % on 100 classes.",
        decision=Trained(
            (Effect("90 %", way("swat", 0.9, allocation="erk"), way("swat", 0.9), "above"),),
            (HUNDRED,),
        ),
        limits=IMAGENET_LIMITS,
        weakness=_CIFAR_ONLY,
    ),
)
