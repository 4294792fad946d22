"""Claims about what the forward pass can do without.

The papers' experiment mixes what it asks with something else: after a sparse forward pass the
backward pass takes the whole operands. It is therefore two claims here, the experiment as published
and the one without that.
"""

from dataclasses import replace

from swatlib.claims.claim import Claim, Trained
from swatlib.claims.effect import Effect, Way, against_dense, way
from swatlib.claims.scales import (
    FAMILIES_DIGITS,
    FAMILIES_PATCHES,
    FULL,
    SMALL_CIFAR,
    SMALL_DIGITS,
    SMALL_PATCHES,
)

CHAPTER = "2-what-can-be-dropped/01-forward"

_MATCHED_SMALL = tuple(
    replace(scale, experiments=(*scale.experiments, "forward-learning-rate", "matched-patches"))
    for scale in (SMALL_PATCHES, SMALL_DIGITS)
)
"""The residual network alone: the other families were not run with a matched backward pass."""

_CIFAR_FOR = "CIFAR-10 and 100 classes of Tiny ImageNet stand for CIFAR-100"

_CURVES = "Curves only: the text states no accuracy."


def _w(sparsity: float, **options: object) -> Way:
    return way("forward-weight", sparsity, **options)


def _x(sparsity: float, **options: object) -> Way:
    return way("forward-activation", sparsity, **options)


CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="n-fwd-weights-beat-activations",
        paper="N",
        place="Section 3.2, Figure 1; I Section 2.2, Figure 2a",
        statement="In the forward pass alone, with a dense backward pass, Top-K on weights costs "
        "less accuracy than Top-K on activations at the same sparsity.",
        says="weights above activations (curves, no number)",
        kind="training",
        chapter=CHAPTER,
        needs="Forward-only Top-K of W minus forward-only Top-K of X at 50, 70, 80, 90 and 95 %, "
        "with a dense backward pass, on CIFAR-10 (five seeds) and a hundred classes.",
        decision=Trained(
            (Effect("90 %", _w(0.9), _x(0.9), "above"),),
            (FULL, SMALL_CIFAR, FAMILIES_PATCHES, FAMILIES_DIGITS),
        ),
        limits=f"90 % alone; {_CIFAR_FOR}",
        weakness=_CURVES + " No divergence is reported.",
    ),
    Claim(
        id="n-fwd-weights-beat-activations-matched",
        paper="N",
        place="Section 3.2, Figure 1; I Section 2.2, Figure 2a",
        statement="Where the backward pass uses what the forward pass used, Top-K on weights costs "
        "less accuracy than Top-K on activations at the same sparsity.",
        says="weights above activations (curves, no number)",
        kind="training",
        chapter=CHAPTER,
        needs="The same with the forward mask in the backward pass too.",
        decision=Trained(
            (Effect("90 %", _w(0.9, matched=True), _x(0.9, matched=True), "above"),),
            (FULL,),
        ),
        limits=f"90 % alone; {_CIFAR_FOR}",
        weakness="The papers did not run it; it is their experiment with the cause of its "
        "divergence removed.",
    ),
    Claim(
        id="n-fwd-weights-robust",
        paper="N",
        place="Abstract (i); Sections 3.2 and 3.3, Figure 1",
        statement="Training with Top-K weights in the forward pass and a dense backward pass ends "
        "as accurate as dense training.",
        says="robust (curves, no number)",
        kind="training",
        chapter=CHAPTER,
        needs="Forward-only Top-K of W minus dense at 50, 70 and 80 % on CIFAR-10, five seeds.",
        decision=Trained(
            against_dense("forward-weight", (0.5, 0.7, 0.8), "level"),
            (FULL, FAMILIES_DIGITS),
        ),
        weakness=_CURVES,
    ),
    Claim(
        id="n-fwd-weights-robust-matched",
        paper="N",
        place="Abstract (i); Sections 3.2 and 3.3, Figure 1",
        statement="With the forward mask in the input gradient too, Top-K weights at 90 % in the "
        "forward pass end as accurate as dense training.",
        says="robust (curves, no number)",
        kind="training",
        chapter=CHAPTER,
        needs="Forward-only Top-K of W with a matched backward pass minus dense at 50, 70, 80 and "
        "90 % on CIFAR-10, five seeds.",
        decision=Trained(
            against_dense("forward-weight", (0.9,), "level", matched=True),
            (FULL, *_MATCHED_SMALL),
        ),
        limits="90 % alone, the sparsity of the paper's main results",
        weakness=_CURVES + " So 90 % is our reading of how far it reaches.",
    ),
    Claim(
        id="n-fwd-act-high-sparsity-hurts",
        paper="N",
        place="Section 3.2, Figure 1",
        statement="Top-K activations in the forward pass, with a dense backward pass, are free at "
        "50 % and cost accuracy at 90 %.",
        says="hurts after a certain point (not stated which)",
        kind="training",
        chapter=CHAPTER,
        needs="Forward-only Top-K of X minus dense at 30, 50, 70, 80, 90 and 95 % on CIFAR-10, "
        "five seeds.",
        decision=Trained(
            (
                *against_dense("forward-activation", (0.5,), "level"),
                *against_dense("forward-activation", (0.9,), "below"),
            ),
            (FULL, FAMILIES_DIGITS),
        ),
        limits="small networks on digits for both points",
        weakness=_CURVES,
    ),
    Claim(
        id="n-fwd-act-high-sparsity-hurts-matched",
        paper="N",
        place="Section 3.2, Figure 1",
        statement="Top-K activations at 90 % in the forward pass cost accuracy also where the "
        "weight gradient uses the same activations.",
        says="hurts after a certain point (not stated which)",
        kind="training",
        chapter=CHAPTER,
        needs="The same with the forward mask in the weight gradient too.",
        decision=Trained(
            against_dense("forward-activation", (0.9,), "below", matched=True), (FULL,)
        ),
        limits="90 % alone",
        weakness="The papers did not run it.",
    ),
)
