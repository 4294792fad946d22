"""What the instruments of Parts V and VI show.

The bias of an estimate, errors by depth, Table 5, methods within a budget of work, and what
attention leaves of a saving.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np
import torch
from scipy import integrate, stats
from torch import nn

from instrument_table import Table
from swatlib import accounting, swat
from swatlib.accounting import EXACT, PAPER, Convention
from swatlib.analysis.similarity import conditional_entropy, entropy
from swatlib.claims.intervals import half_width
from swatlib.claims.judge import RECORDS
from swatlib.claims.measured import measured
from swatlib.claims.show import contrasts
from swatlib.experiments.field import COMPARED, compared, name_of
from swatlib.models.transformer import HEAD, WIDER, Block
from swatlib.papers import paper_number
from swatlib.plotting.chapter import records
from swatlib.records import Record, iterate_records
from swatlib.training import Run

PAIRS = (100, 300, 1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000)
LEVELS = (2, 4, 16, 64, 256)


def similarity(left: torch.Tensor, here: torch.Tensor) -> float:
    """Return the mutual information of observed frequencies, in bits."""
    return entropy(here) - conditional_entropy(here, left)


def bias() -> Table:
    """What is found of a similarity of 0 bits, by pairs and levels."""
    generator = torch.Generator().manual_seed(0)
    shown = (16, 64, 256)
    draws = {b: torch.randint(b, (2, max(PAIRS)), generator=generator) for b in shown}
    rows = []
    for pairs in PAIRS[2::2]:
        found = [similarity(*draws[b][:, :pairs]) for b in shown]
        formula = [(b - 1) ** 2 / (2 * pairs * np.log(2)) for b in shown]
        cells = [f"{one:.3f} / {two:.3f}" for one, two in zip(found, formula, strict=True)]
        rows.append([f"{pairs:,}", *cells])
    return Table(
        "Bits out of nothing",
        ["pairs", *(f"{b} levels: found / by the formula (bits)" for b in shown)],
        rows,
        {"pairs": list(PAIRS), "levels": list(LEVELS)},
    )


@cache
def two_largest(entries: int) -> float:
    """Return the expected sum of the two largest of so many squared Gaussian entries."""
    if entries <= 2:
        return float(entries)
    square = stats.chi2(1)

    # The integral of the chance that at least one entry exceeds t, and of that for two.
    return sum(
        float(integrate.quad(lambda t, n=n: stats.binom.sf(n, entries, square.sf(t)), 0, np.inf)[0])
        for n in (0, 1)
    )


def kept_of_four(zeros: float) -> float:
    """Return the share of squared length that 2:4 keeps of Gaussian entries, some of them zero."""
    chances = stats.binom(4, 1 - zeros).pmf(range(5))
    return float(sum(p * two_largest(k) for k, p in enumerate(chances))) / (4 * (1 - zeros))


def error_depth() -> Table:
    """The model's cosine with the dense gradient, and that of trained networks, by depth."""
    rows = []
    by_depth = {int(depth): cosines for depth, cosines in measured("gradient-error").items()}
    for depth, cosines in sorted(by_depth.items()):
        above = depth - 1
        model = [kept_of_four(zeros) ** (above / 2) for zeros in (0.0, 0.5, 0.8)]
        trained = [float(np.mean(cosines[name])) for name in ("W", "G")]
        rows.append([f"{above}", *(f"{one:.2f}" for one in (*model, *trained))])
    return Table(
        "How an error grows on its way down",
        [
            "layers above",
            "model: W pruned",
            "model: G pruned, half zeros",
            "model: G pruned, four fifths zeros",
            "trained networks: W pruned",
            "trained networks: G pruned",
        ],
        rows,
        {"largest": [two_largest(k) for k in range(5)]},
    )


LINES = ("dense", "sr-ste", "fst-weights", "fst-unrestored", "fst")
PARTS = (
    "2:4 weights forward",
    "2:4 weights backward",
    "fixed columns of X",
    "restoration",
)
ABLATIONS = {
    "digits": "fst-ablation-digits",
    "photographs, 16 pixels": "fst-ablation-patches",
    "CIFAR-10, 16 pixels": "fst-ablation-cifar",
}


@cache
def line_differences(data: str) -> list[list[dict[str, float]]]:
    """Return each line minus each other line: mean and 95 % interval over seeds, in points."""
    runs = records(ABLATIONS[data])
    zero = {"mean": 0.0, "low": 0.0, "high": 0.0}
    found = []
    for line in LINES:
        others = {other: (line, other) for other in LINES if other != line}
        frame = contrasts(runs, others).set_index("difference")[list(zero)]
        rows = frame.to_dict("index")
        found.append([zero if other == line else rows[other] for other in LINES])
    return found


def table_5() -> Table:
    """Each line minus line 1, ours and the paper's."""
    paper = [paper_number("fst-table-5", "accuracy", level=str(i + 1)) for i in range(len(LINES))]
    values: dict[str, Any] = {"parts": list(PARTS), "paper": paper}
    values |= {"ours": {}, "accuracy": {}, "seeds": {}}
    for data, name in ABLATIONS.items():
        runs = records(name).groupby("method")
        values["ours"][data] = line_differences(data)
        values["accuracy"][data] = [float(runs["test_accuracy"].mean()[line]) for line in LINES]
        values["seeds"][data] = int(runs["seed"].nunique().min())
    rows = []
    for i in range(1, len(LINES)):
        cells = [line_differences(data)[i][0] for data in ABLATIONS]
        ours = [f"{one['mean']:+.2f} ({one['low']:+.2f} to {one['high']:+.2f})" for one in cells]
        rows.append([f"{i + 1}: with {PARTS[i - 1]}", *ours, f"{paper[i] - paper[0]:+.1f}"])
    return Table(
        "Table 5, part by part",
        ["line, minus line 1 (points)", *ABLATIONS, "the paper, ImageNet"],
        rows,
        values,
    )


METHOD_POINTS = "field-patches"
COUNTS = {"active weights of dW (RigL)": EXACT, "dW whole unless X is sparse (SWAT)": PAPER}


@cache
def methods_and_work() -> list[dict[str, Any]]:
    """Return each method at each sparsity on the photograph patches: its accuracy and its work.

    Accuracies are means over all seeds, ``half`` the reach of the 95 % interval. The work is that
    of one seed; that of other seeds differs by a few tenths of a percent.
    """
    runs = list(iterate_records(RECORDS / METHOD_POINTS))
    kinds: dict[tuple[str, float], list[Record]] = {}
    for record in runs:
        run = Run.of(record.specification)
        if run.method != "dst":  # it takes no sparsity
            kinds.setdefault((name_of(run), run.sparsity), []).append(record)
    found = []
    for (name, sparsity), records_ in kinds.items():
        first = min(records_, key=lambda one: Run.of(one.specification).seed)
        accuracies = [record.metrics["test_accuracy"] for record in records_]
        error = float(np.std(accuracies, ddof=1)) / len(accuracies) ** 0.5
        work = {}
        for label, convention in COUNTS.items():
            row = compared([first], convention).iloc[0]
            work[label] = [round(float(row[kind]), 4) for kind in ("training", "inference")]
        found.append(
            {
                "method": name,
                "sparsity": round(100 * sparsity),
                "accuracy": float(np.mean(accuracies)),
                "half": half_width(error, len(accuracies) - 1),
                "work": work,
            }
        )
    order = ["dense", *COMPARED]
    return sorted(found, key=lambda one: (order.index(one["method"]), one["sparsity"]))


def work_budget() -> Table:
    """What each method costs and reaches."""
    points = methods_and_work()
    rows = [
        [
            f"{one['method']}, {one['sparsity']} %",
            *(f"{work[0]:.1f}" for work in one["work"].values()),
            f"{next(iter(one['work'].values()))[1]:.1f}",
            f"{one['accuracy']:.1f} ± {one['half']:.1f}",
        ]
        for one in points
    ]
    return Table(
        "What a budget of work buys",
        [
            "method and sparsity",
            *(f"training (%), {label}" for label in COUNTS),
            "inference (%)",
            "accuracy (%, 95 % interval)",
        ],
        rows,
        {"points": points, "counts": list(COUNTS), "methods": list(COMPARED)},
    )


PRODUCTS = ("forward", "input_grad", "weight_grad")


def left_of_block(
    tokens: int, width: int, sparsity: float, attention: bool = True, feed_forward: bool = True
) -> float:
    """Return the share of a transformer block's multiplications that SWAT leaves of a step.

    Parameters
    ----------
    tokens, width : int
        Tokens of an image or a text, and channels of each.
    sparsity : float
    attention, feed_forward : bool
        Which layers are sparse: queries, keys, values and output, or up and down.
    """
    with torch.device("meta"):
        block = nn.Sequential(Block(width, max(1, width // HEAD)))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "multiplied outside")  # it is what is asked for here
        traced = accounting.trace(block, (1, tokens, width))
    recipe = swat(sparsity, first_layer_dense=False)
    sparse = (attention, attention, feed_forward, feed_forward)
    kept = [1 - sparsity if one else 1.0 for one in sparse]
    densities = accounting.densities(traced, recipe, kept)
    total = accounting.count(traced, densities, Convention(first_input_grad=True)).totals()
    return float(
        sum(total[one] for one in PRODUCTS) / sum(total[f"{one}_dense"] for one in PRODUCTS)
    )


TOKENS = (16, 64, 196, 1_024, 4_096, 16_384)
CHANNELS = (64, 192, 384, 768, 1_536)


def attention() -> Table:
    """What SWAT at 90 % leaves of a block, by tokens and width."""
    rows = []
    for tokens in TOKENS:
        left = [left_of_block(tokens, width, 0.9) for width in CHANNELS]
        rows.append([f"{tokens:,}", *(f"{100 * share:.1f}" for share in left)])
    return Table(
        "What attention leaves of a saving",
        ["tokens", *(f"width {width}: left at 90 % (%)" for width in CHANNELS)],
        rows,
        {"tokens": list(TOKENS), "widths": list(CHANNELS), "wider": WIDER},
    )


TABLES: Mapping[str, Callable[[], Table]] = {
    "bias": bias,
    "error-depth": error_depth,
    "table-5": table_5,
    "work-budget": work_budget,
    "attention": attention,
}
