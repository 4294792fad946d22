"""Claims about FST's accuracy, line by line."""

from dataclasses import replace
from statistics import fmean

from swatlib.claims.claim import Claim, Trained
from swatlib.claims.effect import Effect, Scale, way
from swatlib.claims.fully_sparse_training.lines import (
    CEILING,
    DIGITS,
    IMAGENET,
    LINE,
    ONE_RUN,
    STRATEGIES,
    WX,
    gap,
    gaps,
)
from swatlib.claims.measured import measured
from swatlib.claims.quantity import Quantity, cells, fact
from swatlib.claims.scales import FULL, HUNDRED, SMALL_CIFAR
from swatlib.papers import paper_number

CHAPTER = "5-fully-sparse-training/05-ablation"

CIFAR_32 = Scale(
    "CIFAR-10 at 32x32, 2,500 images",
    (replace(SMALL_CIFAR.bases[0], pixels=32, images=2_500),),
    ("fst-resolution-cifar",),
)


# Digits decide only what was not run on photographs: with the dense network at its ceiling, equal
# accuracies there say little.
_LINES = (FULL, SMALL_CIFAR, CIFAR_32)

_HUNDRED_TOO = (FULL, HUNDRED, SMALL_CIFAR)


def _fixed_keeps_less() -> tuple[Quantity, ...]:
    columns = measured("operand-sizes")["columns"]
    pairs = list(zip(columns["fixed"], columns["magnitude"], strict=True))
    lost = 100 * (fmean(columns["fixed"]) - fmean(columns["magnitude"]))
    return (
        cells("layers", [fixed < chosen for fixed, chosen in pairs], "less energy"),
        fact("energy kept, fixed minus magnitude", lost, "less", lost < 0, unit="points"),
    )


def _across(line: str) -> str:
    """Return how a line of Table 5 differs from WX of Table 1, in words."""
    first, second = (
        paper_number("fst-table-5", "accuracy", level=line),
        paper_number("fst-table-1", "accuracy", method="WX"),
    )
    return f"{first - second:+.1f} points ({first} against {second})"


CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="f-t5-forward-free",
        paper="F",
        place="Table 5, line 2; Table 3, SR-STE rows",
        statement="2:4 weights in the forward pass (SR-STE) cost nothing.",
        says=gaps("SR-STE", "Baseline"),
        kind="training",
        chapter=CHAPTER,
        needs="Line 2 minus line 1, five seeds at full size.",
        decision=Trained((Effect("line 2 minus line 1", LINE[2], LINE[1], "level"),), _HUNDRED_TOO),
        limits=IMAGENET,
        weakness=ONE_RUN,
    ),
    Claim(
        id="f-t5-both-weights-free",
        paper="F",
        place="Section 7.4; Table 5, line 3",
        statement="2:4 weights in the forward and in the backward pass cost nothing.",
        says=gap("fst-table-5", "3", "1"),
        kind="training",
        chapter=CHAPTER,
        needs="Line 3 minus line 1, five seeds at full size.",
        decision=Trained((Effect("line 3 minus line 1", LINE[3], LINE[1], "not below"),), _LINES),
        limits=IMAGENET,
        weakness=ONE_RUN,
    ),
    Claim(
        id="f-t5-both-weights-gain",
        paper="F",
        place="Section 7.4; Table 5, line 3",
        statement="2:4 weights in both passes improve accuracy, because sparsity regularises.",
        says=gap("fst-table-5", "3", "1"),
        kind="training",
        chapter=CHAPTER,
        needs="Line 3 minus line 1; about 99 seeds for 0.1 points. For the cause, the accuracy on "
        "training images, which no record has.",
        decision=Trained((Effect("line 3 minus line 1", LINE[3], LINE[1], "above", 0.1),), _LINES),
        limits=IMAGENET,
        weakness="A tenth of a point between two single runs.",
    ),
    Claim(
        id="f-t5-fixed-costs",
        paper="F",
        place="Section 7.4; Table 5, line 4",
        statement="Dropping fixed columns of X, without restoration, costs accuracy.",
        says=gap("fst-table-5", "4", "3"),
        kind="training",
        chapter=CHAPTER,
        needs="Line 4 minus line 3, five seeds at full size.",
        decision=Trained((Effect("line 4 minus line 3", LINE[4], LINE[3], "below"),), _LINES),
        limits=IMAGENET,
        weakness=ONE_RUN,
    ),
    Claim(
        id="f-t5-restoration-helps",
        paper="F",
        place="Section 7.4; Table 5, line 5",
        statement="Information restoration wins most of the loss back.",
        says=f"{gap('fst-table-5', '5', '4')}; {gap('fst-table-5', '5', '1')} to dense",
        kind="training",
        chapter=CHAPTER,
        needs="Line 5 minus lines 4 and 1, five seeds at full size; a doubled gradient without "
        "neighbours as a control.",
        decision=Trained(
            (
                Effect("line 5 minus line 4", LINE[5], LINE[4], "above"),
                Effect("line 5 minus line 1", LINE[5], LINE[1], "level"),
            ),
            _LINES,
        ),
        limits=IMAGENET,
        weakness=ONE_RUN,
    ),
    Claim(
        id="f-t3-fst-loss",
        paper="F",
        place="Table 3; Section 7.2; Abstract; Section 1",
        statement="FST with all three products at 2:4 loses almost nothing.",
        says=gaps("FSTx3", "Baseline"),
        kind="training",
        chapter=CHAPTER,
        needs="FST minus dense, five seeds at full size and three on 100 classes.",
        decision=Trained((Effect("FST minus dense", LINE[5], LINE[1], "level"),), _HUNDRED_TOO),
        limits=IMAGENET + " 100 classes of Tiny ImageNet are the largest data here.",
        weakness="Section 8 says without performance drop, Table 3 has 0.2 and 0.3 points. "
        + ONE_RUN,
    ),
    Claim(
        id="f-t3-two-products-best",
        paper="F",
        place="Table 3",
        statement="FST without pruned activations is the best sparse row, and level with dense.",
        says=f"minus dense {gaps('FSTx2', 'Baseline')}; minus TSM {gaps('FSTx2', 'TSM')}; "
        f"minus ASP {gaps('FSTx2', 'ASP')}",
        kind="training",
        chapter=CHAPTER,
        needs="Five methods with one recipe at full size, about 8 seeds for 0.45 points.",
        decision=Trained(
            (
                Effect("line 3 minus dense", LINE[3], LINE[1], "level"),
                Effect("minus SR-STE", LINE[3], LINE[2], "above", 0.1),
                Effect("minus TSM", LINE[3], way("tsm", 0.5, exact=False), "above", 0.45),
                Effect("minus ASP", LINE[3], way("asp", 0.5, pretrain_epochs=8), "above", 0.45),
            ),
            (DIGITS,),
        ),
        limits=IMAGENET + CEILING,
        weakness="0.1 points over SR-STE would take about 99 seeds. TSM's row is 4:8. " + ONE_RUN,
    ),
    Claim(
        id="f-tsm-weaker",
        paper="F",
        place="Section 5.2; Table 3",
        statement="One transposable mask, as published greedy and every 40 steps, reaches less "
        "than two separate masks.",
        says=gaps("FSTx2", "TSM"),
        kind="training",
        chapter=CHAPTER,
        needs="Line 3 minus TSM at full size, about 8 seeds for 0.45 points.",
        decision=Trained(
            (Effect("line 3 minus TSM", LINE[3], way("tsm", 0.5, exact=False), "above", 0.45),),
            (DIGITS,),
        ),
        limits="Of 96 steps on digits TSM chooses its mask in three." + CEILING,
        weakness="The paper's TSM is 4:8. " + ONE_RUN,
    ),
    Claim(
        id="f-tsm-weaker-every-step",
        paper="F",
        place="Section 5.2",
        statement="One transposable mask, chosen exactly in every step, reaches less than two "
        "separate masks.",
        says="less: fewer patterns weaken the capacity (no number)",
        kind="training",
        chapter=CHAPTER,
        needs="Line 3 without decay minus TSM with period 1, at full size, about 8 seeds.",
        decision=Trained(
            (
                Effect(
                    "line 3 without decay minus TSM",
                    way("fst-weights", 0.5, decay=0.0),
                    way("tsm", 0.5, period=1),
                    "above",
                    0.45,
                ),
            ),
            (DIGITS,),
        ),
        limits="The pattern alone: the waiting and the greedy choice are taken away." + CEILING,
    ),
    Claim(
        id="f-tsm-slow-greedy",
        paper="F",
        place="Section 5.2",
        statement="That TSM waits 40 steps and chooses greedily costs it accuracy.",
        says="suboptimal (no number)",
        kind="training",
        chapter=CHAPTER,
        needs="TSM exact and greedy, with periods 1, 10 and 40, five seeds at full size.",
        decision=Trained(
            (
                Effect(
                    "greedy every 40 steps minus exact in every step",
                    way("tsm", 0.5, exact=False),
                    way("tsm", 0.5, period=1),
                    "below",
                ),
                Effect(
                    "every 40 steps minus every step",
                    way("tsm", 0.5),
                    way("tsm", 0.5, period=1),
                    "below",
                ),
                Effect(
                    "greedy minus exact",
                    way("tsm", 0.5, exact=False),
                    way("tsm", 0.5),
                    "below",
                ),
            ),
            (DIGITS,),
        ),
        limits="Of 96 steps on digits 40 is nearly half." + CEILING,
    ),
    Claim(
        id="f-fixed-drops-more",
        paper="F",
        place="Section 7.4; Table 5, line 4, against Table 1, WX",
        statement="Fixed columns of X train worse than 2:4 by magnitude, all else equal.",
        says=f"{_across('4')}",
        kind="training",
        chapter=CHAPTER,
        needs="Line 4 minus WX at full size, about 7 seeds for 0.5 points.",
        decision=Trained((Effect("line 4 minus WX", LINE[4], WX, "below", 0.5),), STRATEGIES),
        limits=IMAGENET,
        weakness="Two tables, whose other products are not stated to be equal. " + ONE_RUN,
    ),
    Claim(
        id="f-fixed-keeps-less",
        paper="F",
        place="Section 7.4",
        statement="Fixed columns keep less of X than 2:4 by magnitude.",
        says="more critical elements are cast away (no number)",
        kind="measurement",
        chapter=CHAPTER,
        needs="Energy of the unfolded X that both keep, layer by layer.",
        decision=_fixed_keeps_less,
        limits="In every group the two largest hold the most energy: only the size is news.",
        trained="small residual network of width 16, 8 epochs on digits, three seeds",
    ),
    Claim(
        id="f-restored-beats-sorted",
        paper="F",
        place="Table 5, line 5, against Table 1, WX; Section 7.5",
        statement="Fixed columns with restoration train better than 2:4 of X by magnitude.",
        says=f"{_across('5')}",
        kind="training",
        chapter=CHAPTER,
        needs="Line 5 minus WX, five seeds at full size.",
        decision=Trained((Effect("line 5 minus WX", LINE[5], WX, "above"),), STRATEGIES),
        limits=IMAGENET,
        weakness="Two tables, whose other products are not stated to be equal. " + ONE_RUN,
    ),
    Claim(
        id="f-coloraug-hurts",
        paper="F",
        place="Section 7.2",
        statement="Colour augmentation lowers accuracy slightly.",
        says="slightly (no number)",
        kind="training",
        chapter=CHAPTER,
        needs="Dense and FST with and without colour jitter, about 14 seeds for 0.3 points; no run "
        "has colour jitter yet.",
    ),
)
