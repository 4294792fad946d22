"""Claims about which entries are kept: Top-K under constraints, and random entries."""

from __future__ import annotations

import pandas as pd

from swatlib.claims.claim import Claim, Trained
from swatlib.claims.effect import Effect, against_dense, way
from swatlib.claims.measured import measured
from swatlib.claims.quantity import Quantity, cells
from swatlib.claims.scales import (
    FULL,
    SMALL,
    SMALL_DIGITS,
    SMALL_PATCHES,
)

CHAPTER = "3-swat/02-which-entries"


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


CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="i-random-low-only",
        paper="I",
        place="Section 2.2, Figure 3",
        statement="Random entries in the backward pass train as well as all of them at low "
        "sparsity and not at high sparsity.",
        says="works only for low sparsity (curves, no number)",
        kind="training",
        chapter=CHAPTER,
        needs="SAW with random entries minus dense at 25 and 90 %, five seeds on full-size "
        "CIFAR-10.",
        decision=Trained(
            (
                *against_dense("saw", (0.25,), "level", random=True),
                *against_dense("saw", (0.9,), "below", random=True),
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
        chapter=CHAPTER,
        needs="SAW over NCHW, CHW and HW minus random at 90 %.",
        decision=Trained(
            tuple(
                Effect(
                    f"{variant} - random, 90 %",
                    way("saw", 0.9, **options),
                    way("saw", 0.9, random=True),
                    "above",
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
        chapter=CHAPTER,
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
                    ),
                    Effect(
                        f"CHW - HW, {100 * s:.0f} %",
                        way("saw", s, over="CHW"),
                        way("saw", s, over="HW"),
                        "above",
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
        chapter=CHAPTER,
        needs="SAW over NCHW and CHW at 90 %, over HW at 95 %, on full-size CIFAR-10.",
        decision=Trained(
            (
                Effect(
                    "NCHW - CHW, both at 90 %",
                    way("saw", 0.9),
                    way("saw", 0.9, over="CHW"),
                    "above",
                ),
                Effect(
                    "CHW at 90 % - HW at 95 %",
                    way("saw", 0.9, over="CHW"),
                    way("saw", 0.95, over="HW"),
                    "above",
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
        chapter=CHAPTER,
        needs="SAW over NCHW with a dense classifier minus SAW over HW at 90 %, on full-size "
        "CIFAR-10; and the same with CHW.",
        decision=Trained(
            (
                Effect(
                    "NCHW - HW, 90 %",
                    way("saw", 0.9, classifier_dense=True),
                    way("saw", 0.9, over="HW"),
                    "above",
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
        chapter=CHAPTER,
        needs="Shares of small entries kept and of large ones dropped in trained networks, 70 and "
        "90 %.",
        decision=constraint_mechanism,
        limits="Small and large are meant against the threshold over the whole tensor.",
        trained="three residual networks trained densely on photograph patches",
    ),
)
