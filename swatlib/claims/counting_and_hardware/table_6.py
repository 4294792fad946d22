"""Claims about the speed-ups of SWAT's Table 6."""

from __future__ import annotations

from swatlib.claims.claim import Claim
from swatlib.claims.counting_and_hardware.simulated import (
    MACHINES,
    MODEL,
    SHARE,
    printed_speedup,
    speedup,
    training_speedups,
)
from swatlib.claims.quantity import Quantity, close
from swatlib.papers import paper_number

CHAPTER = "4-counting-and-hardware/04-table-6"


def _cells(column: str, products: tuple[str, ...], *baselines: str) -> tuple[Quantity, ...]:
    """Compare a column of Table 6; a baseline is named where there are several."""
    return tuple(
        close(
            f"{column}, {machine}, {sparsity:.0%}"
            + (f" against {baseline}" if len(baselines) > 1 else ""),
            speedup(machine, sparsity, products, baseline),
            printed_speedup(column, sparsity),
            SHARE,
            "x",
            relative=True,
        )
        for machine in MACHINES
        for sparsity in (0.8, 0.9)
        for baseline in baselines
    )


_OWN = ("nothing skipped", "at 0 %")


def _forward() -> tuple[Quantity, ...]:
    return _cells("forward", ("forward",), *_OWN)


def _backward() -> tuple[Quantity, ...]:
    return _cells("backward", ("input_grad",), *_OWN)


def _backward_both() -> tuple[Quantity, ...]:
    return _cells("backward", ("input_grad", "weight_grad"), "nothing skipped")


def _common() -> tuple[Quantity, ...]:
    return (
        *_cells("forward", ("forward",), "common"),
        *_cells("backward", ("input_grad",), "common"),
    )


def _training_33() -> tuple[Quantity, ...]:
    return training_speedups(0.8, paper_number("swat-text", "training_speedup", item="abstract"))


CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="n-t6-forward",
        paper="N",
        place="Section 4.4, Table 6",
        statement="The forward pass of ResNet-50 is 3.3 and 5.6 times faster at 80 and 90 %.",
        says="3.3x, 5.6x",
        kind="simulation",
        chapter=CHAPTER,
        needs="The authors' machine, and masks of a trained ResNet-50.",
        decision=_forward,
        limits=f"{MODEL} Each machine against its own dense cycles.",
        weakness="Bit-Tactical's published window looks two rows ahead and cannot exceed 3x.",
    ),
    Claim(
        id="n-t6-backward",
        paper="N",
        place="Section 4.4, Table 6",
        statement="The backward pass of ResNet-50, its input gradient, is 3.4 and 6.3 times "
        "faster at 80 and 90 %.",
        says="3.4x, 6.3x",
        kind="simulation",
        chapter=CHAPTER,
        needs="The authors' machine, and masks of a trained ResNet-50.",
        decision=_backward,
        limits=f"{MODEL} Each machine against its own dense cycles.",
        weakness="The paper does not say which of the two backward products it simulated.",
    ),
    Claim(
        id="n-t6-backward-both",
        paper="N",
        place="Section 4.4, Table 6",
        statement="Both backward products together are 3.4 and 6.3 times faster at 80 and 90 %.",
        says="3.4x, 6.3x",
        kind="simulation",
        chapter=CHAPTER,
        needs="The authors' machine, and masks of a trained ResNet-50.",
        decision=_backward_both,
        limits=MODEL,
        weakness="The other reading of the backward column: the paper does not say which "
        "products it has.",
    ),
    Claim(
        id="n-t6-common-dense",
        paper="N",
        place="Section 4.4, Table 6",
        statement="The speed-ups of Table 6 hold against one dense machine with as many "
        "multipliers.",
        says="forward 3.3x, 5.6x; backward 3.4x, 6.3x",
        kind="simulation",
        chapter=CHAPTER,
        needs="The authors' machine and its dense cycles.",
        decision=_common,
        limits=f"{MODEL} The dense machine skips nothing and keeps its 16 lanes full.",
        weakness="The row of 0 % is printed as 1x; the paper does not say in which cycles.",
    ),
    Claim(
        id="n-t6-training-33",
        paper="N",
        place="Abstract; Section 4.4",
        statement="At 80 % a training step is 3.3 times faster.",
        says="3.3x",
        kind="simulation",
        chapter=CHAPTER,
        needs="The authors' machine, and masks of a trained ResNet-50.",
        decision=_training_33,
        limits=f"{MODEL} Memory never limits; batch norm and ReLU take no time.",
        weakness="The two cells of Table 6 give 3.35.",
    ),
)
