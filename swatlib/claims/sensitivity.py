"""Claims of Part II: what the forward and the backward pass can do without."""

from swatlib.claims.claim import Claim, Trained
from swatlib.claims.effect import DENSELY, Effect, way
from swatlib.claims.scales import FULL, HUNDRED, SMALL, SMALL_DIGITS, SMALL_PATCHES, of_families

FORWARD = "2-what-can-be-dropped/01-forward"
BACKWARD = "2-what-can-be-dropped/02-backward"

_FAMILIES = (of_families(SMALL_PATCHES), of_families(SMALL_DIGITS))

CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="n-fwd-weights-beat-activations",
        paper="N",
        place="Section 3.2, Figure 1; I Section 2.2, Figure 2a",
        statement="In the forward pass alone, Top-K on weights costs less accuracy than Top-K on "
        "activations at the same sparsity.",
        says="weights above activations (curves, no number)",
        kind="training",
        chapter=FORWARD,
        needs="Forward-only Top-K of W and of X at 90 %, as published and with the forward mask in "
        "the input gradient too.",
        decision=Trained(
            (
                Effect(
                    "as published, 90 %",
                    way("forward-weight", 0.9),
                    way("forward-activation", 0.9),
                    "above",
                    1.0,
                ),
                Effect(
                    "matched, 90 %",
                    way("forward-weight", 0.9, matched=True),
                    way("forward-activation", 0.9, matched=True),
                    "above",
                    1.0,
                ),
            ),
            (FULL, HUNDRED, *_FAMILIES),
        ),
    ),
    Claim(
        id="n-bwd-wa-robust",
        paper="N",
        place="Abstract (ii), Section 3.2, Figure 2; I Section 2.2, Figure 2b",
        statement="With a dense forward pass, Top-K of weights and activations in the backward "
        "pass leaves accuracy unchanged.",
        says="no or a small loss (curves, no number)",
        kind="training",
        chapter=BACKWARD,
        needs="SAW minus dense at 80 and 90 %.",
        decision=Trained(
            (
                Effect("80 %", way("saw", 0.8), DENSELY, "level", 1.0),
                Effect("90 %", way("saw", 0.9), DENSELY, "level", 1.0),
            ),
            (FULL, *SMALL),
        ),
    ),
)
