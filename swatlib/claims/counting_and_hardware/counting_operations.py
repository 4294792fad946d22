"""Claims about operations: what is counted, and what each method saves of it."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from swatlib.accounting import EXACT, PAPER, Convention, count, densities, method_densities
from swatlib.checked import checked
from swatlib.claims.claim import Claim
from swatlib.claims.counting_and_hardware import tables_2_and_3
from swatlib.claims.counting_and_hardware.tables_2_and_3 import (
    INFERENCE,
    TRAIN,
    column_of,
    printed_column,
)
from swatlib.claims.quantity import Quantity, close, fact
from swatlib.core.operands import PRODUCTS
from swatlib.methods import swat
from swatlib.papers import paper_number, paper_wide
from swatlib.papers.swat_tables import DATA, shapes

CHAPTER = "4-counting-and-hardware/01-counting-operations"


@checked
def distribution_and_schedule(sparsity: float = 0.8) -> dict[str, dict[str, float]]:
    """Return the forward work of ResNet-50 that is saved, by distribution and by time course.

    Returns
    -------
    dict of dict of str to float
        Percent saved. ``"distribution"``: uniform and ERK as counted, SWAT-M and DST as the paper
        prints them, the latter at 80.4 %. ``"gradual"``: the uniform distribution, of which a run
        reaches its sparsity on a straight line from dense in 5, 25 or 50 % of the time.
        ``"abrupt"``: the same, dense until then.
    """
    network = shapes("resnet50", *DATA["swat-table-3"])
    uniform, erk = (
        count(network, method_densities(name, network, sparsity), PAPER).inference_flops_reduction
        for name in ("swat-u", "swat-erk")
    )
    printed = paper_wide("swat-table-3").set_index(["network", "method", "level"])[INFERENCE]
    reached = (0.05, 0.25, 0.5)
    return {
        "distribution": {
            "uniform": uniform,
            "ERK": erk,
            "SWAT-M": float(printed["ResNet-50", "SWAT-M", "80"]),
            "DST": float(printed["ResNet-50", "DST", "80.4"]),
        },
        "gradual": {f"in {100 * at:.0f} %": uniform * (1 - at / 2) for at in reached},
        "abrupt": {f"after {100 * at:.0f} %": uniform * (1 - at) for at in reached},
    }


def _distribution_decides() -> tuple[Quantity, ...]:
    found = {
        name: max(saved.values()) - min(saved.values())
        for name, saved in distribution_and_schedule().items()
    }
    return tuple(
        fact(
            f"range over distributions, over that of {name} schedules",
            found["distribution"] / found[name],
            "2 or more",
            found["distribution"] >= 2 * found[name],
            found["distribution"] > found[name],
            "x",
        )
        for name in ("gradual", "abrupt")
    )


@checked
def uniform_saving(
    network: str, data: tuple[int, int], sparsity: float, convention: Convention = PAPER
) -> float:
    """Return the training reduction of SWAT-U, its first layer dense, in percent."""
    traced = shapes(network, *data)
    return count(
        traced, method_densities("swat-u", traced, sparsity), convention
    ).train_flops_reduction


def _abstract_80() -> tuple[Quantity, ...]:
    stated = paper_number("swat-text", TRAIN, item="abstract")
    return tuple(
        close(name, uniform_saving("resnet50", (224, 1000), 0.8, convention), stated, 0.5, "%")
        for name, convention in (("as the tables count", PAPER), ("needed products", EXACT))
    )


def _t4_train() -> tuple[Quantity, ...]:
    stated = paper_number(
        "swat-text", "train_flops_factor", item="section 4.3", network="ResNet-18, DenseNet-121"
    )
    factors = column_of("swat-table-4", TRAIN, ("SWAT-U structured",)).query("level == '70'")
    return (
        *printed_column("swat-table-4", TRAIN),
        *(
            close(f"{row.network} at 70 %", 100 / (100 - row.ours), stated, 0.05, "x")
            for row in factors.itertuples()
        ),
    )


SMALL_OPERATIONS = 30
"""More operations than a step does for one normalised element outside its products: statistics,
normalisation, ReLU, the sum of a shortcut, pooling, and the gradients of all of them."""

OPTIMIZER_OPERATIONS = 6
"""SGD with momentum and weight decay: three multiplications and additions for a parameter."""


@checked
def share_of_products(network: str, data: tuple[int, int], batch: int = 32) -> float:
    """Return the share of a step's operations that convolutions and linear layers do.

    Parameters
    ----------
    network : str
    data : tuple of int
        Image size and classes.
    batch : int
        Images that share one update of the parameters.
    """
    traced = shapes(network, *data)
    total = count(traced, convention=EXACT).totals()
    products = 2 * sum(total[f"{product}_dense"] for product in PRODUCTS)
    normalised = sum(layer.inputs for layer in traced.layers if layer.kind == "norm")
    others = SMALL_OPERATIONS * normalised + OPTIMIZER_OPERATIONS * total["weights"] / batch
    return float(products / (products + others))


def _most_in_conv() -> tuple[Quantity, ...]:
    found = {
        label: 100 * share_of_products(name, data)
        for label, name, data in (
            ("ResNet-18", "resnet18", (224, 1000)),
            ("ResNet-50", "resnet50", (224, 1000)),
            ("DenseNet-121", "densenet121", (224, 1000)),
            ("VGG-16", "vgg16", (32, 10)),
        )
    }
    return tuple(
        fact(name, ours, "most", ours > 95, ours > 50, "%") for name, ours in found.items()
    )


@checked
def iclr_factor(
    network: str, sparsity: float, which: str, first_layer_dense: bool = False
) -> float:
    """Return how many times less work SWAT does on ImageNet.

    Parameters
    ----------
    network : str
    sparsity : float
    which : str
        ``"train_flops_reduction"`` or ``"inference_flops_reduction"``.
    first_layer_dense : bool
        False as the submission has it, which speaks of no exception.
    """
    traced = shapes(network, 224, 1000)
    recipe = swat(sparsity, first_layer_dense=first_layer_dense)
    saved = float(getattr(count(traced, densities(traced, recipe), PAPER), which))
    return 1 / (1 - saved / 100)


ICLR_NETWORKS = {"ResNet-18": "resnet18", "VGG-16": "vgg16", "DenseNet-121": "densenet121"}


def _iclr_factors(which: str, levels: Iterable[str]) -> tuple[Quantity, ...]:
    return tuple(
        close(
            f"{label} at {level} %",
            iclr_factor(name, float(level) / 100, which),
            paper_number("iclr-text", "compute_factor", item="Figure 7", level=level),
            0.03,
            "x",
            relative=True,
        )
        for level in levels
        for label, name in ICLR_NETWORKS.items()
    )


CLAIMS: tuple[Claim, ...] = (
    *tables_2_and_3.CLAIMS,
    Claim(
        id="n-distribution-decides-flops",
        paper="N",
        place="Section 4.2",
        statement="At one sparsity, the distribution over layers changes the work more than the "
        "time course does.",
        says="the distribution is the crucial factor (no number)",
        kind="exact",
        chapter=CHAPTER,
        needs="The allocations of SWAT-M and DST over a run of their own.",
        decision=_distribution_decides,
        limits="SWAT-M's and DST's shares are the printed ones; schedules are straight lines, or "
        "dense until the sparsity is reached.",
    ),
    Claim(
        id="n-abs-flops-80",
        paper="N",
        place="Abstract",
        statement="SWAT saves 80 % of the training work of ResNet-50.",
        says="80 %",
        kind="exact",
        chapter=CHAPTER,
        needs="The count of SWAT-U at 80 %.",
        decision=_abstract_80,
        weakness="Table 3 prints 76.1 % for the same run.",
    ),
    Claim(
        id="n-t4-train-flops",
        paper="N",
        place="Table 4, training FLOPs column; Section 4.3",
        statement="What structured SWAT saves of training on CIFAR-10 follows from shapes and "
        "sparsity.",
        says="ResNet-18 49.8, 59.8, 69.8; DenseNet-121 49.9, 59.9, 69.9 %; 3.3x",
        kind="exact",
        chapter=CHAPTER,
        needs="The count of six rows.",
        decision=_t4_train,
    ),
    Claim(
        id="n-t4-inference-flops",
        paper="N",
        place="Table 4, inference FLOPs column",
        statement="What structured SWAT saves of inference on CIFAR-10 follows from shapes and "
        "sparsity.",
        says="ResNet-18 49.8, 59.8, 69.8; DenseNet-121 49.9, 59.9, 69.9 %",
        kind="exact",
        chapter=CHAPTER,
        needs="The count of six rows.",
        decision=partial(printed_column, "swat-table-4", INFERENCE),
    ),
    Claim(
        id="n-t5-train-flops",
        paper="N",
        place="Table 5, training FLOPs column",
        statement="What structured SWAT saves of training on ImageNet follows from shapes and "
        "sparsity.",
        says="ResNet-50 47.6, 57.1, 66.6; WRN-50-2 49.1, 58.9, 68.7 %",
        kind="exact",
        chapter=CHAPTER,
        needs="The count of six rows.",
        decision=partial(printed_column, "swat-table-5", TRAIN),
    ),
    Claim(
        id="n-t5-inference-flops",
        paper="N",
        place="Table 5, inference FLOPs column",
        statement="What structured SWAT saves of inference on ImageNet follows from shapes and "
        "sparsity.",
        says="ResNet-50 48.6, 58.3, 68.0; WRN-50-2 49.5, 59.4, 69.3 %",
        kind="exact",
        chapter=CHAPTER,
        needs="The count of six rows.",
        decision=partial(printed_column, "swat-table-5", INFERENCE),
    ),
    Claim(
        id="i-most-compute-in-conv",
        paper="I",
        place="Section 3.3",
        statement="Convolutions and linear layers do nearly all operations of training.",
        says="most (no number)",
        kind="exact",
        chapter=CHAPTER,
        needs="The count with batch norm, ReLU, pooling and the optimizer, and the time they take.",
        decision=_most_in_conv,
        limits=f"{SMALL_OPERATIONS} operations for each normalised element, more than a step does; "
        "time is not counted here.",
    ),
    Claim(
        id="i-compute-2-33-5",
        paper="I",
        place="Section 3.3, Figure 7",
        statement="SWAT does 2, 3.3 and 5 times fewer operations of training at 50, 70 and 80 %.",
        says="2x, 3.3x, 5x",
        kind="exact",
        chapter=CHAPTER,
        needs="The count on three networks, every layer sparse.",
        decision=partial(_iclr_factors, TRAIN, ("50", "70", "80")),
        limits="With the first layer dense, as the later paper has it, all three stay below.",
    ),
    Claim(
        id="i-inference-2-5",
        paper="I",
        place="Sections 3.3 and 6",
        statement="Inference needs 2 to 5 times fewer operations after SWAT at 50 to 80 %.",
        says="2x to 5x",
        kind="exact",
        chapter=CHAPTER,
        needs="The count on three networks, every layer sparse.",
        decision=partial(_iclr_factors, INFERENCE, ("50", "80")),
    ),
)
