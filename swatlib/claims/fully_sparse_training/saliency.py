"""Claims about what gradients forgive: which operand bears 2:4 sparsity."""

from itertools import pairwise
from statistics import fmean

from swatlib.claims.claim import Claim, Trained
from swatlib.claims.effect import DENSELY, Effect, accuracy, way
from swatlib.claims.fully_sparse_training.lines import (
    CEILING,
    DIGITS,
    GG,
    GX,
    IMAGENET,
    LINE,
    ONE_RUN,
    STRATEGIES,
    WG,
    WX,
    gap,
)
from swatlib.claims.measured import measured
from swatlib.claims.quantity import Quantity, cells, fact
from swatlib.papers import paper_number
from swatlib.records import Record

CHAPTER = "5-fully-sparse-training/02-saliency"


def collapsed(record: Record) -> float:
    """Return 100 for a run within 5 points of chance, or diverged, else 0."""
    assert record.data is not None
    return 100.0 * (accuracy(record) <= 100 / record.data["classes"] + 5)


def _error_grows() -> tuple[Quantity, ...]:
    found = {
        depth: {name: fmean(seeds) for name, seeds in by.items()}
        for depth, by in sorted(measured("gradient-error").items(), key=lambda one: int(one[0]))
    }
    falls = [a["G"] > b["G"] for a, b in pairwise(found.values())]
    return (
        cells("S(G): the cosine falls with depth", falls, "it accumulates"),
        *(
            fact(
                f"{depth} layers: cosine at the first one, S(G) minus S(W^T)",
                by["G"] - by["W"],
                "below, by 0.05 or more",
                by["G"] - by["W"] <= -0.05,
                by["G"] < by["W"],
            )
            for depth, by in found.items()
        ),
    )


def _near_zero() -> tuple[Quantity, ...]:
    return tuple(
        fact(
            f"after epoch {epoch}",
            100 * by["G"],
            "almost all: 90 % or more are below 1 % of the largest",
            by["G"] >= 0.9,
            by["G"] > max(by["W"], by["X"]),
            unit="% of G",
        )
        for epoch, by in measured("operand-sizes")["small"].items()
    )


def _gradients() -> str:
    two_of_four = paper_number("fst-table-1", "accuracy", method="GG")
    others = {
        name: paper_number("fst-table-3", "accuracy", network="ResNet-18", method=name)
        for name in ("meProp", "ReSprop")
    }
    return f"{two_of_four} % against " + " and ".join(f"{v} % ({n})" for n, v in others.items())


CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="f-backward-more-sensitive",
        paper="F",
        place="Section 1, of DoReFa-Net",
        statement="2:4 sparsity costs more in the backward pass than in the forward pass.",
        says="more sensitive (no number)",
        kind="training",
        chapter=CHAPTER,
        needs="Each strategy with a dense forward pass minus SR-STE, five seeds at full size.",
        decision=Trained(
            tuple(
                Effect(
                    f"{name.upper()} behind a dense forward pass minus SR-STE",
                    way(name, 0.5, sparse_forward=False),
                    LINE[2],
                    "below",
                )
                for name in ("wg", "wx", "gg", "gx")
            ),
            (DIGITS,),
        ),
        limits="A strategy prunes two products, SR-STE one." + CEILING,
        weakness="DoReFa-Net found it for quantised training.",
    ),
    Claim(
        id="f-24-stricter-gradients",
        paper="F",
        place="Section 1; Section 4, Table 1; Table 3, meProp",
        statement="Pruning gradients 2:4 costs more than pruning half of them without structure.",
        says=f"{_gradients()}",
        kind="training",
        chapter=CHAPTER,
        needs="GG minus meProp at 50 %, both behind a dense forward pass, five seeds at full size.",
        decision=Trained(
            (
                Effect(
                    "GG minus meProp at 50 %",
                    way("gg", 0.5, sparse_forward=False),
                    way("meprop", 0.5),
                    "below",
                ),
            ),
            (DIGITS,),
        ),
        limits=IMAGENET + CEILING,
        weakness="The paper's GG also prunes the forward pass, and its meProp does not. " + ONE_RUN,
    ),
    Claim(
        id="f-t1-wg",
        paper="F",
        place="Section 4, Table 1",
        statement="Pruning W^T in the input gradient and G in the weight gradient costs accuracy.",
        says=gap("fst-table-1", "WG", "Dense"),
        kind="training",
        chapter=CHAPTER,
        needs="WG minus dense, five seeds at full size.",
        decision=Trained((Effect("WG minus dense", WG, DENSELY, "below"),), STRATEGIES),
        limits=IMAGENET,
        weakness=ONE_RUN,
    ),
    Claim(
        id="f-t1-wx",
        paper="F",
        place="Section 4, Table 1",
        statement="Pruning W^T and X costs less accuracy than pruning W^T and G.",
        says=f"WX minus WG {gap('fst-table-1', 'WX', 'WG')}",
        kind="training",
        chapter=CHAPTER,
        needs="WX minus WG, five seeds at full size.",
        decision=Trained((Effect("WX minus WG", WX, WG, "above"),), STRATEGIES),
        limits=IMAGENET,
        weakness=ONE_RUN,
    ),
    Claim(
        id="f-t1-gradients-collapse",
        paper="F",
        place="Section 4, Table 1; Section 2",
        statement="Pruning the gradient that is propagated (GG, GX) lets training collapse.",
        says="chance level: 0.1 % for GG and GX",
        kind="training",
        chapter=CHAPTER,
        needs="GG and GX, five seeds at full size, in float32 and in half precision.",
        decision=Trained(
            tuple(
                Effect(
                    f"{name} minus dense",
                    one,
                    DENSELY,
                    "above",
                    50.0,
                    metric=collapsed,
                    unit="% of the runs within 5 points of chance",
                )
                for name, one in (("GG", GG), ("GX", GX))
            ),
            STRATEGIES,
        ),
        limits=IMAGENET,
        weakness="The paper states neither the precision nor the axis of its groups. " + ONE_RUN,
    ),
    Claim(
        id="f-gradient-most-sensitive",
        paper="F",
        place="Section 4; Section 1",
        statement="Of the operands of the backward pass, 2:4 sparsity harms the gradient most.",
        says="G more sensitive than W and X",
        kind="training",
        chapter=CHAPTER,
        needs="All four strategies, five seeds at full size.",
        decision=Trained(
            (
                Effect("W for G in dX, WX minus GX", WX, GX, "above"),
                Effect("W for G in dX, WG minus GG", WG, GG, "above"),
                Effect("X for G in dW, WX minus WG", WX, WG, "above"),
                Effect("X for G in dW, GX minus GG", GX, GG, "above"),
            ),
            STRATEGIES,
        ),
        limits=IMAGENET,
        weakness="GG and GX stand in one row of Table 1, so the second effect of X is not shown.",
    ),
    Claim(
        id="f-error-accumulates",
        paper="F",
        place="Section 4, a conjecture",
        statement="The error of pruned gradients accumulates over layers, more than that of pruned "
        "weights.",
        says="it accumulates (no number)",
        kind="measurement",
        chapter=CHAPTER,
        needs="Cosine of the pruned with the exact gradient at the first layer, on networks of "
        "several depths.",
        decision=_error_grows,
        limits="Plain networks of 8, 14 and 20 layers.",
        trained="plain networks of width 16, 2 epochs on digits, three seeds",
    ),
    Claim(
        id="f-gradients-near-zero",
        paper="F",
        place="Section 4, of five works",
        statement="Almost all output gradients are close to zero.",
        says="almost all (no number)",
        kind="measurement",
        chapter=CHAPTER,
        needs="Share of entries below 1 % of their layer's largest, for G, X and W, early and "
        "late.",
        decision=_near_zero,
        limits="Mean over all convolutions but the first.",
        trained="small residual network of width 16, 8 epochs on digits, three seeds",
    ),
)
