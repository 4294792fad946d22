"""Claims about operations: what is counted, and which method is sparse where."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cache, partial

import pandas as pd
import torch

from swatlib.accounting import EXACT, PAPER, Convention, count, densities, method_densities
from swatlib.checked import checked
from swatlib.claims.claim import Claim
from swatlib.claims.quantity import MissingRecords, Quantity, cells, close, fact
from swatlib.core.operands import PRODUCTS
from swatlib.core.recipe import Recipe
from swatlib.methods import METHODS, method, swat
from swatlib.methods import recipe as recipe_of
from swatlib.models import build_network
from swatlib.papers import paper_table, paper_wide
from swatlib.papers.natural_zeros import recorded_zeros
from swatlib.papers.swat_tables import DATA, NETWORKS, compare_tables, row_count, shapes
from swatlib.selectors import NM, FixedColumns, TopChannels, Transposable, UnfoldedNM

COUNTING = "4-counting-and-hardware/01-counting-operations"
TABLE_1 = "4-counting-and-hardware/02-table-1"

PRINTED = 0.15
"""Points within which a count is a percentage printed with one digit after the point."""

TRAIN, INFERENCE = "train_flops_reduction", "inference_flops_reduction"


@cache
def _compared() -> pd.DataFrame:
    return compare_tables()


def _column(table: str, quantity: str, methods: tuple[str, ...]) -> pd.DataFrame:
    found = _compared()
    return found[
        (found["table"] == table) & (found["quantity"] == quantity) & found["method"].isin(methods)
    ]


def _agree(
    name: str, table: str, quantity: str, methods: tuple[str, ...], within: float
) -> Quantity:
    part = _column(table, quantity, methods)
    # One part in 10^9: a difference in the last bit of a decimal number decides nothing.
    agrees = part["difference"].abs() <= within * (1 + 1e-9)
    return cells(name, agrees, f"all {len(part)} cells")


def _printed_column(table: str, quantity: str, erk: float | None = None) -> tuple[Quantity, ...]:
    """Count a column's cells that agree: uniform rows, and ERK's within its own margin."""
    uniform = ("SWAT-U", "SWAT-U structured")
    found = [_agree("uniform", table, quantity, uniform, PRINTED)]
    if erk is not None:
        found.append(_agree("ERK", table, quantity, ("SWAT-ERK",), erk))
    return tuple(found)


@checked
def text_number(place: str, quantity: str, paper: str = "swat-text", **where: str) -> float:
    """Return a number that a paper's text states.

    Parameters
    ----------
    place : str
        Section, figure or table as :func:`swatlib.papers.paper_table` has it.
    quantity : str
    paper : str
        Table of the text's numbers.
    **where : str
        Further columns that tell it from others: ``method``, ``level``, ``network``.

    Raises
    ------
    ValueError
        If there is none, or more than one.
    """
    frame = paper_table(paper)
    wanted = {"item": place, "quantity": quantity, **where}
    for column, value in wanted.items():
        frame = frame[frame[column] == value]
    if len(frame) != 1:
        raise ValueError(f"{paper} has {len(frame)} numbers of {wanted}")
    return float(frame["number"].iloc[0])


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
            text_number("section 4.2", TRAIN, method=f"SWAT-M against {other}"),
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
            text_number("section 4.2", "remaining_flops_ratio", method=f"SWAT-U against {other}"),
            0.01,
            "x",
        )
        for other in ("SNFS", "DST")
    )


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
    stated = text_number("abstract", TRAIN)
    return tuple(
        close(name, uniform_saving("resnet50", (224, 1000), 0.8, convention), stated, 0.5, "%")
        for name, convention in (("as the tables count", PAPER), ("needed products", EXACT))
    )


def _t4_train() -> tuple[Quantity, ...]:
    stated = text_number("section 4.3", "train_flops_factor", network="ResNet-18, DenseNet-121")
    factors = _column("swat-table-4", TRAIN, ("SWAT-U structured",)).query("level == '70'")
    return (
        *_printed_column("swat-table-4", TRAIN),
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
            text_number("Figure 7", "compute_factor", "iclr-text", level=level),
            0.03,
            "x",
            relative=True,
        )
        for level in levels
        for label, name in ICLR_NETWORKS.items()
    )


TITLES = {
    "forward": "sparse forward pass",
    "input_grad": "sparse input gradient",
    "weight_grad": "sparse weight gradient",
}
"""The columns of Table 1, by product."""


@checked
def sparse_products(recipe: Recipe) -> dict[str, bool]:
    """Say for each product whether an operand carries zeros that the method makes."""
    return {product: any(s is not None for s in recipe.of(product)) for product in PRODUCTS}


def implemented() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the methods of Table 1 that are in the table of methods, and those that are not."""
    names = tuple(dict.fromkeys(paper_table("swat-table-1")["method"]))
    have = tuple(name for name in names if name.lower() in METHODS)
    return have, tuple(name for name in names if name not in have)


@checked
def table_1(names: Iterable[str]) -> pd.DataFrame:
    """Derive rows of Table 1 from the methods themselves.

    Parameters
    ----------
    names : iterable of str
        As the table prints them, each the name of a method too.

    Returns
    -------
    DataFrame
        ``method``, ``product``, ``ours`` and ``paper`` (whether it is sparse), and ``printed``.
    """
    printed = paper_table("swat-table-1").set_index(["method", "quantity"])["value"]
    rows = []
    for name in names:
        derived = sparse_products(method(name.lower(), 0.8).recipe)
        for product, ours in derived.items():
            word = str(printed[name, TITLES[product]])
            rows.append((name, product, ours, word.startswith("Yes"), word))
    return pd.DataFrame(rows, columns=["method", "product", "ours", "paper", "printed"])


def _table_1(wanted: Callable[[], tuple[str, ...]]) -> tuple[Quantity, ...]:
    found = table_1(wanted())
    return (cells("", found["ours"] == found["paper"], f"all {len(found)} cells"),)


def _table_1_others() -> tuple[Quantity, ...]:
    have, lacking = implemented()
    if lacking:
        raise MissingRecords(f"{', '.join(lacking)} as methods of the library")
    return _table_1(lambda: have)


def _dw_stays() -> tuple[Quantity, ...]:
    traced = shapes("resnet50", 224, 1000)
    # As the paper counts: the gradient of every weight, not only of those that are updated.
    whole = replace(EXACT, updates=False)
    found = []
    for name in ("set", "rigl", "sr-ste"):
        sparsity = 0.5 if name == "sr-ste" else 0.8
        total = count(traced, method_densities(name, traced, sparsity), whole).totals()
        ratio = float(total["weight_grad"] / total["weight_grad_dense"])
        found.append(close(f"{name} at {100 * sparsity:.0f} %", ratio, 1.0, 0.0, "of dense"))
    return tuple(found)


LINEAR_SELECTION = 5.43
"""Comparisons an element that selection in linear time needs at most (Blum et al. 1973); one more
compares it with the threshold."""

DISTORTION = 0.5
"""The tolerance of DSG's random projection (Liu et al. 2019, section 3, its own choice)."""


@checked
def selection_work(network: str, batch: int = 1) -> dict[str, float]:
    """Return what SWAT and DSG spend on finding what to keep, over the dense forward product.

    SWAT selects among all weights, once a step, and all activations. DSG multiplies projections of
    activations and weights of length ``4 ln(filters) / (e^2 / 2 - e^3 / 3)``; projecting itself and
    the search among the results are left out, so that its number is a lower bound.

    Parameters
    ----------
    network : str
        On ImageNet.
    batch : int
        Images in a step.

    Returns
    -------
    dict of str to float
        Operations over dense multiply-accumulates, by method.
    """
    traced = shapes(network, 224, 1000)
    dense = sum(layer.forward_macs for layer in traced.weighted)
    selected = sum(layer.weights / batch + layer.inputs for layer in traced.weighted)
    projected = 0.0
    bound = DISTORTION**2 / 2 - DISTORTION**3 / 3
    for layer in traced.weighted[1:]:
        filters, length = layer.weight[0], math.prod(layer.weight[1:])
        shorter = min(length, math.floor(4 * math.log(filters) / bound))
        projected += layer.forward_macs * shorter / length
    return {"SWAT": (LINEAR_SELECTION + 1) * selected / dense, "DSG": projected / dense}


def _cheaper_than_dsg() -> tuple[Quantity, ...]:
    found = []
    for label, name in (("ResNet-18", "resnet18"), ("VGG-16", "vgg16")):
        work = selection_work(name)
        ratio = work["SWAT"] / work["DSG"]
        found.append(fact(f"{label}, SWAT over DSG", ratio, "less", ratio < 1, unit="x"))
    return tuple(found)


@checked
def structured_products(recipe: Recipe) -> int:
    """Return how many of the three products have an operand that is sparse in a pattern.

    A pattern is whole channels, or two of every four neighbours.
    """
    patterns = (TopChannels, NM, UnfoldedNM, Transposable, FixedColumns)
    return sum(
        any(isinstance(selector, patterns) for selector in recipe.of(product))
        for product in PRODUCTS
    )


def _first_fully_sparse() -> tuple[Quantity, ...]:
    fst = recipe_of("fst", 0.5)
    earlier = swat(0.5, structured="filter")
    every = sum(sparse_products(earlier).values())
    patterned = structured_products(earlier)
    return (
        fact(
            "FST's products with a pattern",
            structured_products(fst),
            "3",
            structured_products(fst) == len(PRODUCTS),
            unit="of 3",
        ),
        fact(
            "structured SWAT's sparse products",
            every,
            "fewer than 3 before FST",
            every < len(PRODUCTS),
            patterned < len(PRODUCTS),
            f"of 3, {patterned} with a pattern",
        ),
    )


def _exact(
    name: str,
    place: str,
    statement: str,
    says: str,
    decision: Callable[[], tuple[Quantity, ...]] | None,
    needs: str,
    chapter: str = COUNTING,
    limits: str = "",
    weakness: str = "",
) -> Claim:
    return Claim(
        id=name,
        paper=name[0].upper(),
        place=place,
        statement=statement,
        says=says,
        kind="exact",
        chapter=chapter,
        needs=needs,
        decision=decision,
        limits=limits,
        weakness=weakness,
    )


_AT_RUN_TIME = (
    "SWAT-M's rows are a claim of their own: momentum spreads its sparsity, shapes do not."
)

CLAIMS: tuple[Claim, ...] = (
    _exact(
        "n-t2-train-flops",
        "Table 2, training FLOPs column",
        "What SWAT-U and SWAT-ERK save of training on CIFAR-10 follows from shapes and sparsity.",
        "U 89.7, 90.0, 89.8; ERK 89.5, 91.4, 89.7 %",
        partial(_printed_column, "swat-table-2", TRAIN, PRINTED),
        "The count of six rows under one convention.",
        limits=f"{_AT_RUN_TIME} VGG-16's uniform cell comes out without the first layer's input "
        "gradient, which all other cells count.",
    ),
    _exact(
        "n-t2-inference-flops",
        "Table 2, inference FLOPs column",
        "What SWAT-U and SWAT-ERK save of inference on CIFAR-10 follows from shapes and sparsity.",
        "U 89.5, 90.0, 89.8; ERK 89.5, 91.7, 89.6 %",
        partial(_printed_column, "swat-table-2", INFERENCE, PRINTED),
        "The count of six rows.",
        limits=_AT_RUN_TIME,
    ),
    _exact(
        "n-t2-compression",
        "Table 2, MC column",
        "The model is smaller by 1 / (1 - weight sparsity).",
        "10.0 at 90 %, 20.0 at 95 %",
        _t2_compression,
        "The count of nine rows, with weights only and with all parameters.",
        weakness="Batch norm and biases are not in the paper's count; in DenseNet-121 they are an "
        "eighth of what remains.",
    ),
    _exact(
        "n-t2-m-flops-33-22",
        "Section 4.2",
        "SWAT-M does 33 % less training work than SNFS and 22 % less than DST.",
        "33 and 22 % less",
        _m_saves,
        "Arithmetic on Table 2.",
        weakness="Table 2 has 33 and 22 % as what SNFS and DST do more than SWAT-M on WRN-16-8, "
        "which is 24.7 and 18.0 % less; on VGG-16 it is 16.3 % less, and 48 % more.",
    ),
    _exact(
        "n-t2-m-more-than-dst-vgg",
        "Section 4.2",
        "On VGG-16 SWAT-M does more training work than DST.",
        "more",
        _m_more_on_vgg,
        "Arithmetic on Table 2; whether SWAT-M's allocation does so on a network is open.",
        limits="The paper's own numbers; nothing was trained.",
    ),
    _exact(
        "n-t2-u-flops-ratio",
        "Section 4.2",
        "SWAT-U leaves 2.53 and 1.96 times less training work than SNFS and DST.",
        "2.53x and 1.96x, harmonic means over two networks",
        _u_ratio,
        "Arithmetic on Table 2.",
        weakness="SWAT-U is at 90 % there and the others at 95 % and more.",
    ),
    _exact(
        "n-m-rows-flops",
        "Tables 2 and 3, rows of SWAT-M",
        "SWAT-M saves what its momentum makes of 90 and 95 % on CIFAR-10 and 80 and 90 % on "
        "ImageNet.",
        "64.0, 86.3, 84.2 % on CIFAR-10; 45.9, 65.4 % on ImageNet",
        None,
        "VGG-16, WRN-16-8, DenseNet-121 and ResNet-50 trained with SWAT-M at full size, and the "
        "density of each layer counted over the run.",
    ),
    _exact(
        "n-t3-train-flops",
        "Table 3, training FLOPs column, rows of SWAT",
        "What SWAT-U and SWAT-ERK save of training on ImageNet follows from shapes and sparsity.",
        "U 76.1, 85.6; ERK 60.0, 79.0; WRN-50-2 78.6, 88.4 %",
        partial(_printed_column, "swat-table-3", TRAIN, 1.0),
        "The count of six rows under one convention.",
        limits=_AT_RUN_TIME,
    ),
    _exact(
        "n-t3-inference-flops",
        "Table 3, inference FLOPs column, rows of SWAT",
        "What SWAT-U and SWAT-ERK save of inference on ImageNet follows from shapes and sparsity.",
        "U 77.7, 87.4; ERK 58.9, 77.8; WRN-50-2 79.2, 89.0 %",
        partial(_printed_column, "swat-table-3", INFERENCE, 0.5),
        "The count of six rows.",
        limits=_AT_RUN_TIME,
        weakness="RigL's authors give 0.24 of the dense work for ERK at 90 %, not 0.222.",
    ),
    _exact(
        "n-t3-train-flops-others",
        "Table 3, training FLOPs column, other methods",
        "What RigL and SET save of training follows from their masks and the zeros of ReLU.",
        "RigL 67.2, 74.1; SET 58.1, 63.8 %",
        _t3_others,
        "The zeros of ReLU in their trained networks; for DSR, SNFS and DST also the density of "
        "each layer over the run.",
        limits="Zeros of a freshly initialised ResNet-50. DSR, SNFS and DST spread their sparsity "
        "at run time and are left out.",
        weakness="RigL's results are quoted from its authors, who count masked weight gradients.",
    ),
    _exact(
        "n-t3-compression",
        "Table 3, MC column; Section 4.2",
        "With its downsampling convolutions dense, SET compresses 3.4 times at 80 % and 5.0 times "
        "at 90 %.",
        "3.4x and 5.0x",
        _t3_compression,
        "The count of ResNet-50 with these layers dense.",
        limits="DSR's rows are printed with the same numbers.",
        weakness="3.49 and 5.06 come out; both are the printed numbers if cut after one digit.",
    ),
    _exact(
        "n-distribution-decides-flops",
        "Section 4.2",
        "At one sparsity, the distribution over layers changes the work more than the time course "
        "does.",
        "the distribution is the crucial factor (no number)",
        _distribution_decides,
        "The allocations of SWAT-M and DST over a run of their own.",
        limits="SWAT-M's and DST's shares are the printed ones; schedules are straight lines, or "
        "dense until the sparsity is reached.",
    ),
    _exact(
        "n-abs-flops-80",
        "Abstract",
        "SWAT saves 80 % of the training work of ResNet-50.",
        "80 %",
        _abstract_80,
        "The count of SWAT-U at 80 %.",
        weakness="Table 3 prints 76.1 % for the same run.",
    ),
    _exact(
        "n-t4-train-flops",
        "Table 4, training FLOPs column; Section 4.3",
        "What structured SWAT saves of training on CIFAR-10 follows from shapes and sparsity.",
        "ResNet-18 49.8, 59.8, 69.8; DenseNet-121 49.9, 59.9, 69.9 %; 3.3x",
        _t4_train,
        "The count of six rows.",
    ),
    _exact(
        "n-t4-inference-flops",
        "Table 4, inference FLOPs column",
        "What structured SWAT saves of inference on CIFAR-10 follows from shapes and sparsity.",
        "ResNet-18 49.8, 59.8, 69.8; DenseNet-121 49.9, 59.9, 69.9 %",
        partial(_printed_column, "swat-table-4", INFERENCE),
        "The count of six rows.",
    ),
    _exact(
        "n-t5-train-flops",
        "Table 5, training FLOPs column",
        "What structured SWAT saves of training on ImageNet follows from shapes and sparsity.",
        "ResNet-50 47.6, 57.1, 66.6; WRN-50-2 49.1, 58.9, 68.7 %",
        partial(_printed_column, "swat-table-5", TRAIN),
        "The count of six rows.",
    ),
    _exact(
        "n-t5-inference-flops",
        "Table 5, inference FLOPs column",
        "What structured SWAT saves of inference on ImageNet follows from shapes and sparsity.",
        "ResNet-50 48.6, 58.3, 68.0; WRN-50-2 49.5, 59.4, 69.3 %",
        partial(_printed_column, "swat-table-5", INFERENCE),
        "The count of six rows.",
    ),
    _exact(
        "i-most-compute-in-conv",
        "Section 3.3",
        "Convolutions and linear layers do nearly all operations of training.",
        "most (no number)",
        _most_in_conv,
        "The count with batch norm, ReLU, pooling and the optimizer, and the time they take.",
        limits=f"{SMALL_OPERATIONS} operations for each normalised element, more than a step does; "
        "time is not counted here.",
    ),
    _exact(
        "i-compute-2-33-5",
        "Section 3.3, Figure 7",
        "SWAT does 2, 3.3 and 5 times fewer operations of training at 50, 70 and 80 %.",
        "2x, 3.3x, 5x",
        partial(_iclr_factors, TRAIN, ("50", "70", "80")),
        "The count on three networks, every layer sparse.",
        limits="With the first layer dense, as the later paper has it, all three stay below.",
    ),
    _exact(
        "i-inference-2-5",
        "Sections 3.3 and 6",
        "Inference needs 2 to 5 times fewer operations after SWAT at 50 to 80 %.",
        "2x to 5x",
        partial(_iclr_factors, INFERENCE, ("50", "80")),
        "The count on three networks, every layer sparse.",
    ),
    _exact(
        "n-t1-products",
        "Table 1, products of the methods that the library has",
        "meProp, SET, DSR, SNFS, RigL and SWAT make exactly those products sparse that Table 1 "
        "says.",
        "meProp no, yes, yes; SWAT yes, yes, yes; the others yes, yes, no",
        partial(_table_1, lambda: implemented()[0]),
        "The methods of the table that the library has.",
        TABLE_1,
        limits="Six of the table's eight methods; the others are a claim of their own.",
    ),
    _exact(
        "n-t1-products-others",
        "Table 1, products of the two other methods",
        "Network pruning and DSG make exactly those products sparse that Table 1 says.",
        "DSG yes, yes, yes; network pruning yes, yes, no",
        _table_1_others,
        "The methods themselves in the library, so that a row is read off and not typed.",
        TABLE_1,
        weakness="RigL's authors count its weight gradient as sparse on all steps that do not "
        "update the mask.",
    ),
    _exact(
        "n-weight-pruning-leaves-dw",
        "Section 2",
        "With the weights alone sparse, the weight gradient costs as much as dense.",
        "not reduced",
        _dw_stays,
        "The count of methods that mask weights only.",
        TABLE_1,
        limits="All positions of the gradient are counted. If only those of active weights are, "
        "it shrinks with the weights.",
    ),
    _exact(
        "i-topk-cheaper-than-dsg",
        "Section 1",
        "SWAT's Top-K costs fewer operations than DSG's search in a random projection.",
        "less expensive (no number)",
        _cheaper_than_dsg,
        "The count of both on two networks, one image in a step.",
        TABLE_1,
        limits="DSG's projection has the length that its authors' bound gives for a tolerance of "
        "0.5; what it spends on projecting and on its own search is left out.",
    ),
    _exact(
        "f-first-fully-sparse",
        "Abstract; Section 1",
        "FST is the first method with structured sparsity in all three products.",
        "the first, to the authors' knowledge",
        _first_fully_sparse,
        "All methods of earlier date, with their patterns: literature, not a count.",
        TABLE_1,
        limits="Only the library's methods are compared.",
        weakness="SWAT's Table 1 (2020) has it sparse in all three products, weights in channels; "
        "FST's authors do not cite it. PruneTrain (2019), which they cite, removes whole "
        "channels during training.",
    ),
)
