"""Claims about structured SWAT, which drops whole channels of a filter."""

from __future__ import annotations

import pandas as pd

from swatlib.claims.claim import Claim, Trained
from swatlib.claims.effect import against_dense
from swatlib.claims.quantity import Quantity, close, fact
from swatlib.claims.scales import (
    FULL,
    HUNDRED,
    SMALL_DIGITS,
    SMALL_PATCHES,
    of_families,
)
from swatlib.claims.swat.printed import (
    IMAGENET_LIMITS,
    printed_change,
    printed_changes,
    printed_row,
)
from swatlib.papers import paper_wide
from swatlib.papers.swat_tables import row_count

CHAPTER = "3-swat/04-structured"

DENSE_EPOCHS = 90
"""Epochs of a dense ImageNet run, SWAT section 4.1."""


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
    printed = printed_row("swat-table-5", "ResNet-50", "SWAT-U structured", "70")[
        "train_flops_reduction"
    ]
    return (
        close("counted", _factor(counted.train_flops_reduction), stated, 0.02, unit="times"),
        close("by the paper's Table 5", _factor(printed), stated, 0.02, unit="times"),
    )


def _factor(reduction: float) -> float:
    return 100 / (100 - reduction)


def larger_drops() -> tuple[Quantity, ...]:
    """Count the pruners of Table 5 that lose less than structured SWAT at 70 %."""
    own = printed_change("swat-table-5", "ResNet-50", "SWAT-U structured", "70")
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


_STRUCTURED_GAIN = round(float(paper_wide("swat-table-4")["accuracy_change"].mean()), 2)

_TWO_FAMILIES = of_families(SMALL_DIGITS, ("small_resnet", "small_densenet"))

CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="n-t1-structured-only-swat",
        paper="N",
        place="Table 1; Section 5",
        statement="SWAT trains unstructured and structured networks alike.",
        says="both; the first algorithm to do so",
        kind="training",
        chapter=CHAPTER,
        needs="Structured and unstructured SWAT-U at 70 % minus dense. That it was the first is a "
        "question of literature.",
        decision=Trained(
            (
                *against_dense("swat", (0.7,), "level", label="unstructured, "),
                *against_dense("swat", (0.7,), "level", label="structured, ", structured="filter"),
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
        says=printed_changes("swat-table-4", "SWAT-U structured"),
        kind="training",
        chapter=CHAPTER,
        needs="Structured SWAT-U at 50 and 70 % minus dense, about 20 seeds.",
        decision=Trained(
            against_dense("swat", (0.5, 0.7), "above", _STRUCTURED_GAIN, structured="filter"),
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
        chapter=CHAPTER,
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
        chapter=CHAPTER,
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
        says="1.2 points in the text; " + printed_changes("swat-table-5", "SWAT-U structured"),
        kind="training",
        chapter=CHAPTER,
        needs="Structured SWAT-U at 50, 60 and 70 % minus dense on 100 classes, at least three "
        "seeds, margin 1.5 points.",
        decision=Trained(
            against_dense(
                "swat",
                (0.7,),
                printed_change("swat-table-5", "ResNet-50", "SWAT-U structured", "70"),
                structured="filter",
            ),
            (HUNDRED,),
        ),
        limits=IMAGENET_LIMITS,
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
        chapter=CHAPTER,
        needs="Structured SWAT-U at 50, 60 and 70 % minus dense on 100 classes at twice the width, "
        "at least three seeds, margin 1.5 points.",
        limits=IMAGENET_LIMITS,
    ),
    Claim(
        id="n-t5-beats-offline-pruning",
        paper="N",
        place="Section 4.3, Table 5",
        statement="Structured SWAT is more accurate than networks pruned after training, at "
        "similar work in inference.",
        says="76.51, 76.35, 75.67 % against 74.95, 75.50, 75.11, 74.61 %",
        kind="training",
        chapter=CHAPTER,
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
        chapter=CHAPTER,
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
        chapter=CHAPTER,
        needs="Epochs and operations of Table 5.",
        decision=offline_pruning_work,
        limits=f"A dense run is taken as {DENSE_EPOCHS} epochs for all. Two of four pruners state "
        "their fine-tuning epochs.",
    ),
)
