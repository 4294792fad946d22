"""A claim that no chapter treats: it would take another kind of selector."""

from swatlib.claims.claim import Claim

CHAPTER = "6-the-field/01-scorecard"

CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="f-quantised-gradients-need-more",
        paper="F",
        place="Section 4, of DoReFa-Net",
        statement="At equal bits, quantising output gradients costs more accuracy than quantising "
        "weights or activations.",
        says="more (no number)",
        kind="training",
        chapter=CHAPTER,
        needs="A quantising selector; one operand at 2, 4 and 6 bits minus dense, five seeds.",
    ),
)
