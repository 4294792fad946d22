"""Claims about what is counted in SWAT's Tables 2 and 3."""

from __future__ import annotations

from functools import cache, partial

import pandas as pd
import torch

from swatlib.accounting import PAPER, Convention, count, method_densities
from swatlib.checked import checked
from swatlib.claims.claim import Claim
from swatlib.claims.quantity import Quantity, cells, close, fact
from swatlib.models import build_network
from swatlib.papers import paper_number, paper_wide
from swatlib.papers.natural_zeros import recorded_zeros
from swatlib.papers.swat_tables import DATA, NETWORKS, compare_tables, row_count, shapes

CHAPTER = "4-counting-and-hardware/01-counting-operations"

PRINTED = 0.15
"""Points within which a count is a percentage printed with one digit after the point."""

TRAIN, INFERENCE = "train_flops_reduction", "inference_flops_reduction"


@cache
def _compared() -> pd.DataFrame:
    return compare_tables()


def column_of(table: str, quantity: str, methods: tuple[str, ...]) -> pd.DataFrame:
    """Return a column's cells of these methods, counted and printed."""
    found = _compared()
    return found[
        (found["table"] == table) & (found["quantity"] == quantity) & found["method"].isin(methods)
    ]


def _agree(
    name: str, table: str, quantity: str, methods: tuple[str, ...], within: float
) -> Quantity:
    part = column_of(table, quantity, methods)
    # One part in 10^9: a difference in the last bit of a decimal number decides nothing.
    agrees = part["difference"].abs() <= within * (1 + 1e-9)
    return cells(name, agrees, f"all {len(part)} cells")


def printed_column(table: str, quantity: str, erk: float | None = None) -> tuple[Quantity, ...]:
    """Count a column's cells that agree: uniform rows, and ERK's within its own margin."""
    uniform = ("SWAT-U", "SWAT-U structured")
    found = [_agree("uniform", table, quantity, uniform, PRINTED)]
    if erk is not None:
        found.append(_agree("ERK", table, quantity, ("SWAT-ERK",), erk))
    return tuple(found)


@checked
def compression(table: str, network: str, method: str, level: str) -> dict[str, float]:
    """Return how many times smaller a row's network is, with two readings of "smaller".

    Returns
    -------
    dict of str to float
        ``"weights"`` counts those of convolutions and linear layers only; ``"all parameters"``
        counts biases and batch norm too, which stay whole.
    """
    # SWAT-M's budget is of all weights, as ERK's: it keeps as many, in other layers.
    same = {"SWAT-M": "SWAT-ERK"}.get(method, method)
    total = row_count(table, network, same, level).totals()
    image, classes = DATA[table]
    with torch.device("meta"):
        model = build_network(NETWORKS[network], classes=classes, image=image)
    others = sum(p.numel() for p in model.parameters()) - total["weights"]
    return {
        "weights": float(total["weights"] / total["active_weights"]),
        "all parameters": float((total["weights"] + others) / (total["active_weights"] + others)),
    }


def _t2_compression() -> tuple[Quantity, ...]:
    printed = paper_wide("swat-table-2")
    rows = list(printed[printed["method"].str.startswith("SWAT")].itertuples())
    ours = [compression("swat-table-2", row.network, row.method, row.level) for row in rows]
    off = [abs(o["weights"] / row.model_compression - 1) for o, row in zip(ours, rows, strict=True)]
    # With all parameters, the row that is furthest from the print.
    o, row = max(
        zip(ours, rows, strict=True),
        key=lambda pair: abs(pair[0]["all parameters"] / pair[1].model_compression - 1),
    )
    return (
        cells("weights", [one <= 0.01 for one in off], f"all {len(off)} cells"),
        close(
            f"all parameters, furthest ({row.network}, {row.method} {row.level} %)",
            o["all parameters"],
            float(row.model_compression),
            0.01,
            "x",
            relative=True,
        ),
    )


def _t3_compression() -> tuple[Quantity, ...]:
    printed = paper_wide("swat-table-3").set_index(["network", "method", "level"])
    return tuple(
        close(
            f"SET {level} %, {kind}",
            compression("swat-table-3", "ResNet-50", "SET", level)[kind],
            float(printed.loc[("ResNet-50", "SET", level), "model_compression"]),
            0.02,
            "x",
            relative=True,
        )
        for level in ("80", "90")
        for kind in ("weights", "all parameters")
    )


@checked
def with_relu_zeros(method: str, level: str, convention: Convention = PAPER) -> float:
    """Return ResNet-50's training reduction with ReLU's own zeros in the weight gradient.

    The zeros are those recorded of a fresh network, for methods with dense activations.
    """
    network = shapes("resnet50", *DATA["swat-table-3"])
    found = method_densities(
        method, network, float(level) / 100, natural_zeros=recorded_zeros("resnet50")
    )
    return count(network, found, convention).train_flops_reduction


def _t3_others() -> tuple[Quantity, ...]:
    printed = paper_wide("swat-table-3").set_index(["network", "method", "level"])
    return tuple(
        close(
            f"{label} {level} %",
            with_relu_zeros(name, level),
            float(printed.loc[("ResNet-50", label, level), TRAIN]),
            1.0,
            "% saved",
        )
        for name, label in (("rigl", "RigL"), ("set", "SET"))
        for level in ("80", "90")
    )


def _remaining(table: str = "swat-table-2") -> pd.Series:
    printed = paper_wide(table).drop_duplicates(["network", "method"])
    return 100 - printed.set_index(["network", "method"])[TRAIN]


def _m_saves() -> tuple[Quantity, ...]:
    left = _remaining()
    return tuple(
        close(
            f"WRN-16-8, than {other}",
            100 * (1 - left["WRN-16-8", "SWAT-M"] / left["WRN-16-8", other]),
            paper_number("swat-text", TRAIN, item="section 4.2", method=f"SWAT-M against {other}"),
            0.5,
            "% less",
        )
        for other in ("SNFS", "DST")
    )


def _m_more_on_vgg() -> tuple[Quantity, ...]:
    left = _remaining()
    ratio = float(left["VGG-16", "SWAT-M"] / left["VGG-16", "DST"])
    return (fact("SWAT-M over DST", ratio, "above 1", ratio > 1, unit="x"),)


@checked
def harmonic_ratio(other: str) -> float:
    """Return the harmonic mean of remaining work over SWAT-U's, on Table 2's two networks."""
    left = _remaining()
    ratios = [left[n, other] / left[n, "SWAT-U"] for n in ("VGG-16", "WRN-16-8")]
    return float(2 / sum(1 / ratio for ratio in ratios))


def _u_ratio() -> tuple[Quantity, ...]:
    return tuple(
        close(
            f"than {other}",
            harmonic_ratio(other),
            paper_number(
                "swat-text",
                "remaining_flops_ratio",
                item="section 4.2",
                method=f"SWAT-U against {other}",
            ),
            0.01,
            "x",
        )
        for other in ("SNFS", "DST")
    )


_AT_RUN_TIME = (
    "SWAT-M's rows are a claim of their own: momentum spreads its sparsity, shapes do not."
)

CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="n-t2-train-flops",
        paper="N",
        place="Table 2, training FLOPs column",
        statement="What SWAT-U and SWAT-ERK save of training on CIFAR-10 follows from shapes and "
        "sparsity.",
        says="U 89.7, 90.0, 89.8; ERK 89.5, 91.4, 89.7 %",
        kind="exact",
        chapter=CHAPTER,
        needs="The count of six rows under one convention.",
        decision=partial(printed_column, "swat-table-2", TRAIN, PRINTED),
        limits=f"{_AT_RUN_TIME} VGG-16's uniform cell comes out without the first layer's input "
        "gradient, which all other cells count.",
    ),
    Claim(
        id="n-t2-inference-flops",
        paper="N",
        place="Table 2, inference FLOPs column",
        statement="What SWAT-U and SWAT-ERK save of inference on CIFAR-10 follows from shapes "
        "and sparsity.",
        says="U 89.5, 90.0, 89.8; ERK 89.5, 91.7, 89.6 %",
        kind="exact",
        chapter=CHAPTER,
        needs="The count of six rows.",
        decision=partial(printed_column, "swat-table-2", INFERENCE, PRINTED),
        limits=_AT_RUN_TIME,
    ),
    Claim(
        id="n-t2-compression",
        paper="N",
        place="Table 2, MC column",
        statement="The model is smaller by 1 / (1 - weight sparsity).",
        says="10.0 at 90 %, 20.0 at 95 %",
        kind="exact",
        chapter=CHAPTER,
        needs="The count of nine rows, with weights only and with all parameters.",
        decision=_t2_compression,
        weakness="Batch norm and biases are not in the paper's count; in DenseNet-121 they are "
        "an eighth of what remains.",
    ),
    Claim(
        id="n-t2-m-flops-33-22",
        paper="N",
        place="Section 4.2",
        statement="SWAT-M does 33 % less training work than SNFS and 22 % less than DST.",
        says="33 and 22 % less",
        kind="exact",
        chapter=CHAPTER,
        needs="Arithmetic on Table 2.",
        decision=_m_saves,
        weakness="Table 2 has 33 and 22 % as what SNFS and DST do more than SWAT-M on WRN-16-8, "
        "which is 24.7 and 18.0 % less; on VGG-16 it is 16.3 % less, and 48 % more.",
    ),
    Claim(
        id="n-t2-m-more-than-dst-vgg",
        paper="N",
        place="Section 4.2",
        statement="On VGG-16 SWAT-M does more training work than DST.",
        says="more",
        kind="exact",
        chapter=CHAPTER,
        needs="Arithmetic on Table 2; whether SWAT-M's allocation does so on a network is open.",
        decision=_m_more_on_vgg,
        limits="The paper's own numbers; nothing was trained.",
    ),
    Claim(
        id="n-t2-u-flops-ratio",
        paper="N",
        place="Section 4.2",
        statement="SWAT-U leaves 2.53 and 1.96 times less training work than SNFS and DST.",
        says="2.53x and 1.96x, harmonic means over two networks",
        kind="exact",
        chapter=CHAPTER,
        needs="Arithmetic on Table 2.",
        decision=_u_ratio,
        weakness="SWAT-U is at 90 % there and the others at 95 % and more.",
    ),
    Claim(
        id="n-m-rows-flops",
        paper="N",
        place="Tables 2 and 3, rows of SWAT-M",
        statement="SWAT-M saves what its momentum makes of 90 and 95 % on CIFAR-10 and 80 and 90 "
        "% on ImageNet.",
        says="64.0, 86.3, 84.2 % on CIFAR-10; 45.9, 65.4 % on ImageNet",
        kind="exact",
        chapter=CHAPTER,
        needs="VGG-16, WRN-16-8, DenseNet-121 and ResNet-50 trained with SWAT-M at full size, "
        "and the density of each layer counted over the run.",
    ),
    Claim(
        id="n-t3-train-flops",
        paper="N",
        place="Table 3, training FLOPs column, rows of SWAT",
        statement="What SWAT-U and SWAT-ERK save of training on ImageNet follows from shapes and "
        "sparsity.",
        says="U 76.1, 85.6; ERK 60.0, 79.0; WRN-50-2 78.6, 88.4 %",
        kind="exact",
        chapter=CHAPTER,
        needs="The count of six rows under one convention.",
        decision=partial(printed_column, "swat-table-3", TRAIN, 1.0),
        limits=_AT_RUN_TIME,
    ),
    Claim(
        id="n-t3-inference-flops",
        paper="N",
        place="Table 3, inference FLOPs column, rows of SWAT",
        statement="What SWAT-U and SWAT-ERK save of inference on ImageNet follows from shapes "
        "and sparsity.",
        says="U 77.7, 87.4; ERK 58.9, 77.8; WRN-50-2 79.2, 89.0 %",
        kind="exact",
        chapter=CHAPTER,
        needs="The count of six rows.",
        decision=partial(printed_column, "swat-table-3", INFERENCE, 0.5),
        limits=_AT_RUN_TIME,
        weakness="RigL's authors give 0.24 of the dense work for ERK at 90 %, not 0.222.",
    ),
    Claim(
        id="n-t3-train-flops-others",
        paper="N",
        place="Table 3, training FLOPs column, other methods",
        statement="What RigL and SET save of training follows from their masks and the zeros of "
        "ReLU.",
        says="RigL 67.2, 74.1; SET 58.1, 63.8 %",
        kind="exact",
        chapter=CHAPTER,
        needs="The zeros of ReLU in their trained networks; for DSR, SNFS and DST also the "
        "density of each layer over the run.",
        decision=_t3_others,
        limits="Zeros of a freshly initialised ResNet-50. DSR, SNFS and DST spread their "
        "sparsity at run time and are left out.",
        weakness="RigL's results are quoted from its authors, who count masked weight gradients.",
    ),
    Claim(
        id="n-t3-compression",
        paper="N",
        place="Table 3, MC column; Section 4.2",
        statement="With its downsampling convolutions dense, SET compresses 3.4 times at 80 % "
        "and 5.0 times at 90 %.",
        says="3.4x and 5.0x",
        kind="exact",
        chapter=CHAPTER,
        needs="The count of ResNet-50 with these layers dense.",
        decision=_t3_compression,
        limits="DSR's rows are printed with the same numbers.",
        weakness="3.49 and 5.06 come out; both are the printed numbers if cut after one digit.",
    ),
)
