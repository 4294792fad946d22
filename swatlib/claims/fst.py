"""Claims about FST: its patterns, what its gradients forgive, and its accuracy."""

import math
from dataclasses import replace
from functools import cache
from itertools import combinations, pairwise
from statistics import fmean

import torch

from swatlib.accounting import PRODUCTS, Network, count, method_densities, trace
from swatlib.claims.claim import Claim, Trained
from swatlib.claims.effect import DENSELY, Effect, Scale, accuracy, way
from swatlib.claims.measured import measured
from swatlib.claims.quantity import Quantity, cells, close, fact
from swatlib.claims.scales import FULL, HUNDRED, SMALL_CIFAR, SMALL_DIGITS
from swatlib.detection.detector import Detector
from swatlib.experiments.detection import SCENES
from swatlib.kernels.nm import nm_mask
from swatlib.models import build_network
from swatlib.papers import paper_table
from swatlib.records import Record
from swatlib.selectors.transposable import row_patterns, transposable_patterns

TWO_TO_FOUR = "5-fully-sparse-training/01-two-to-four"
SALIENCY = "5-fully-sparse-training/02-saliency"
ABLATION = "5-fully-sparse-training/05-ablation"
DETECTION = "5-fully-sparse-training/07-detection"

LINE = {
    1: DENSELY,
    2: way("sr-ste", 0.5),
    3: way("fst-weights", 0.5),
    4: way("fst-unrestored", 0.5),
    5: way("fst", 0.5),
}
"""The five lines of FST's Table 5."""

WG, WX, GG, GX = (way(name, 0.5) for name in ("wg", "wx", "gg", "gx"))
"""The four strategies of FST's Eq. 4."""


# Where the runs are.


def _with_records(scale: Scale, *experiments: str) -> Scale:
    return replace(scale, experiments=(*scale.experiments, *experiments))


DIGITS = _with_records(
    SMALL_DIGITS,
    "mask-changes-digits",
    "transposable-digits",
    "saliency-forward-dense-digits",
)
CIFAR_32 = Scale(
    "CIFAR-10 at 32x32, 2,500 images",
    (replace(SMALL_CIFAR.bases[0], pixels=32, images=2_500),),
    ("fst-resolution-cifar",),
)
# Digits decide only what was not run on photographs: with the dense network at its ceiling, equal
# accuracies there say little.
_LINES = (FULL, SMALL_CIFAR, CIFAR_32)
_HUNDRED_TOO = (FULL, HUNDRED, SMALL_CIFAR)
_STRATEGIES = (FULL, SMALL_CIFAR)


# What is read from a record.


def average_precision(record: Record) -> float:
    """Return COCO's average precision over ten thresholds, in percent; 0 of a diverged run."""
    return float(record.metrics["AP"])


def average_precision_50(record: Record) -> float:
    """Return the average precision at an IoU of 0.5, VOC's measure; 0 of a diverged run."""
    return float(record.metrics["AP50"])


def collapsed(record: Record) -> float:
    """Return 100 for a run within 5 points of chance, or diverged, else 0."""
    assert record.data is not None
    return 100.0 * (accuracy(record) <= 100 / record.data["classes"] + 5)


def log_changes(record: Record) -> float:
    """Return 100 times the logarithm of the share of a mask that changes in a step, on average.

    A difference of two of them, where it is small, is a difference in percent.
    """
    changed = record.metrics["observed"]["changed"]
    return 100 * math.log(sum(changed) / len(changed))


DETECTOR = Scale(
    "scenes at 32x32", (SCENES,), ("detection",), reached=average_precision, unit="points of AP"
)


# What is counted.


def _patterns() -> tuple[Quantity, ...]:
    text = paper_table("fst-text")
    stated = text[text["quantity"] == "patterns_4x4"].set_index("method")["number"]
    return (
        close("2:4 along the rows", len(row_patterns()), stated["2:4"], 0),
        close("both ways", len(transposable_patterns()), stated["TSM"], 0),
    )


def compliant_columns() -> float:
    """Return the share of columns with at most two entries over all 2:4 masks of a 4x4 block."""
    return float((row_patterns().sum(1) <= 2).float().mean())


def _not_transposable() -> tuple[Quantity, ...]:
    of_trained = measured("trained-masks")["columns"]["most"]
    says = "not usable: fewer than 99 % comply"
    return tuple(
        fact(name, 100 * share, says, share < 0.99, unit="% of the groups comply")
        for name, share in (
            ("all patterns", compliant_columns()),
            ("trained weights, the layer with most", of_trained),
        )
    )


def _topk_suits() -> tuple[Quantity, ...]:
    found = measured("trained-masks")
    says = "well suited: at least 99 % of the groups comply"
    return tuple(
        fact(
            f"SWAT at {sparsity} %",
            100 * found[sparsity]["groups"],
            says,
            found[sparsity]["groups"] >= 0.99,
            unit="% of the groups comply",
        )
        for sparsity in ("50", "80", "90")
    )


def other_masks(shape: tuple[int, ...]) -> float:
    """Return the share of a weight's mask that changes if groups run from filter into filter.

    Parameters
    ----------
    shape : tuple of int
        Of the weight, filters first. Eight filters are looked at: both groupings repeat after four.
    """
    weight = torch.randn(8, *shape[1:], generator=torch.Generator().manual_seed(0))
    through = nm_mask(weight.reshape(1, -1)).reshape(weight.shape)
    return float((nm_mask(weight) != through).float().mean())


@cache
def convolutions(network: str) -> Network:
    """Return a large network at 224 pixels without its linear layers."""
    with torch.device("meta"):
        model = build_network(network, classes=1000, image=224)
    traced = trace(model, (1, 3, 224, 224))
    return Network(tuple(layer for layer in traced.weighted if layer.kind == "conv"))


RESNETS = {"resnet18": "ResNet-18", "resnet50": "ResNet-50"}


def _layout() -> tuple[Quantity, ...]:
    layers = [convolutions(name).weighted for name in RESNETS]
    first = other_masks(layers[0][0].weight)  # the same in all of them
    others = [other_masks(layer.weight) for each in layers for layer in each[1:]]
    return (
        fact("first convolution", 100 * first, "other masks", first > 0, unit="% of the mask"),
        cells("all other convolutions", [share > 0 for share in others], "other masks"),
    )


def _padded() -> tuple[Quantity, ...]:
    found = []
    for name, title in RESNETS.items():
        layers = convolutions(name).weighted
        padded = [layer for layer in layers if math.prod(layer.weight[1:]) % 4]
        holds = padded == [layers[0]]
        found.append(fact(title, len(padded), "the first one only", holds, unit="convolutions"))
    return tuple(found)


def patterns_4_8() -> tuple[int, int]:
    """Return the number of 4:8 patterns of a group of eight, and how many of them are 2:4."""
    patterns = list(combinations(range(8), 4))
    return len(patterns), sum(sum(place < 4 for place in one) == 2 for one in patterns)


def _no_4_8() -> tuple[Quantity, ...]:
    every, stored = patterns_4_8()
    share = 100 * stored / every
    return (fact("4:8 patterns that 2:4 can store", share, "not all", stored < every, unit="%"),)


def _relaxed() -> tuple[Quantity, ...]:
    every, stored = patterns_4_8()
    weight = torch.randn(512, 512, generator=torch.Generator().manual_seed(0)).abs()
    kept = [
        100 * float((weight * nm_mask(weight, n, m)).sum() / weight.sum())
        for n, m in ((4, 8), (2, 4))
    ]
    return (
        fact("patterns of eight entries", every, f"more than {stored} of 2:4", every > stored),
        fact(
            "magnitude kept of a Gaussian weight, 4:8 minus 2:4",
            kept[0] - kept[1],
            "more",
            kept[0] > kept[1],
            unit="points",
        ),
    )


def _needs_greedy() -> tuple[Quantity, ...]:
    found = measured("transposable-search")
    ratio = found["exact"] / found["greedy"]
    says = "the exact choice is the slower one"
    return (fact("time of the exact choice over the greedy one", ratio, says, ratio > 1),)


def _separate_cheaper() -> tuple[Quantity, ...]:
    found = measured("transposable-search")
    text = paper_table("fst-text")
    period = float(text.loc[text["quantity"] == "period", "number"].iloc[0])
    exact = found["exact"]
    published = found["greedy"] / period
    return (
        fact("one exact choice over two separate ones", exact, "above 1", exact > 1),
        fact(
            f"the greedy choice in one of {period:g} steps over two separate ones in each",
            published,
            "above 1",
            published > 1,
        ),
    )


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


def _fixed_keeps_less() -> tuple[Quantity, ...]:
    columns = measured("operand-sizes")["columns"]
    pairs = list(zip(columns["fixed"], columns["magnitude"], strict=True))
    lost = 100 * (fmean(columns["fixed"]) - fmean(columns["magnitude"]))
    return (
        cells("layers", [fixed < chosen for fixed, chosen in pairs], "less energy"),
        fact("energy kept, fixed minus magnitude", lost, "less", lost < 0, unit="points"),
    )


def _detection_drop() -> tuple[Quantity, ...]:
    text = paper_table("fst-text")
    limit = float(text.loc[text["quantity"] == "detection_loss_below", "number"].iloc[0])
    drops = detection_drops()
    return (
        cells("pairs of Table 4", [drop < limit for drop in drops], f"all lose less than {limit}"),
        fact(
            "largest drop",
            max(drops),
            f"less than {limit}",
            max(drops) < limit,
            max(drops) <= limit,
            unit="points",
        ),
    )


def detection_drops() -> list[float]:
    """Return what FST loses in each pair of FST's Table 4, in points."""
    table = paper_table("fst-table-4")
    table = table[table["quantity"] == "mAP"]
    wide = table.pivot(index=["level", "network"], columns="method", values="number")
    return [float(drop) for drop in (wide["Dense"] - wide["FST"]).round(1)]


def speedup(network: Network) -> float:
    """Return dense over remaining multiply-accumulates of a training step under FST."""
    total = count(network, method_densities("fst", network, 0.5)).totals()
    return float(
        sum(total[f"{product}_dense"] for product in PRODUCTS)
        / sum(total[product] for product in PRODUCTS)
    )


def _detector_speedup() -> tuple[Quantity, ...]:
    table = paper_table("fst-table-4")
    chosen = (table["quantity"] == "speedup") & (table["method"] == "FST")
    (stated,) = table.loc[chosen, "number"].unique()
    networks = {
        "the detector of this book": trace(Detector(classes=20), (1, 3, 64, 64)),
        "convolutions of VGG-16": convolutions("vgg16"),
        "convolutions of ResNet-50": convolutions("resnet50"),
    }
    return tuple(
        close(name, speedup(network), float(stated), 0.05) for name, network in networks.items()
    )


# What the paper's sentences say in numbers.


def _table(name: str, first: str, second: str, network: str = "ResNet-18") -> str:
    """Return how two accuracies of a table of FST differ, in words."""
    rows = paper_table(name)
    rows = rows[(rows["quantity"] == "accuracy") & (rows["network"] == network)]
    labels = rows["method"] + rows["level"].where(rows["method"] == "FST", "")
    by = dict(zip(rows["level"] if name == "fst-table-5" else labels, rows["number"], strict=True))
    return f"{by[first] - by[second]:+.1f} points ({by[first]} against {by[second]})"


def _two(first: str, second: str) -> str:
    both = (f"{_table('fst-table-3', first, second, n)} on {n}" for n in RESNETS.values())
    return ", ".join(both)


def _accuracy(table: str, **row: str) -> float:
    rows = paper_table(table)
    for column, value in {"quantity": "accuracy", "network": "ResNet-18", **row}.items():
        rows = rows[rows[column] == value]
    return float(rows["number"].iloc[0])


def _across(line: str) -> str:
    """Return how a line of Table 5 differs from WX of Table 1, in words."""
    first, second = _accuracy("fst-table-5", level=line), _accuracy("fst-table-1", method="WX")
    return f"{first - second:+.1f} points ({first} against {second})"


def _gradients() -> str:
    two_of_four = _accuracy("fst-table-1", method="GG")
    others = {name: _accuracy("fst-table-3", method=name) for name in ("meProp", "ReSprop")}
    return f"{two_of_four} % against " + " and ".join(f"{v} % ({n})" for n, v in others.items())


def _detectors(data: str) -> str:
    rows = paper_table("fst-table-4")
    rows = rows[(rows["quantity"] == "mAP") & (rows["level"] == data)]
    wide = rows.pivot(index="network", columns="method", values="number")
    return ", ".join(
        f"{row['FST'] - row['Dense']:+.1f} points on {name} ({row['FST']} against {row['Dense']})"
        for name, row in wide.iterrows()
    )


_IMAGENET = "A small network on CIFAR-10 stands for ResNet-18 and -50 on ImageNet."
_CEILING = " On digits the dense network is near its ceiling."
_ONE_RUN = "The paper has one run each, without spread."

CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="f-patterns-1296-90",
        paper="F",
        place="Section 5.2",
        statement="A 4x4 block has 1296 masks that are 2:4 along its rows, and 90 that are so both "
        "ways.",
        says="1296 and 90",
        kind="exact",
        chapter=TWO_TO_FOUR,
        needs="All masks of a block, counted.",
        decision=_patterns,
    ),
    Claim(
        id="f-w-mask-not-transposable",
        paper="F",
        place="Section 5.2",
        statement="A mask that is 2:4 along the rows of W cannot speed up the product with W^T.",
        says="not usable (no number)",
        kind="measurement",
        chapter=TWO_TO_FOUR,
        needs="Groups of W^T that comply under the mask of W: over all patterns, and of trained "
        "weights.",
        decision=_not_transposable,
        trained="small residual network, 8 epochs on digits, one seed",
    ),
    Claim(
        id="n-suits-ampere",
        paper="N",
        place="Section 4.4; Section 1",
        statement="Masks of SWAT suit the sparse tensor cores of the Ampere generation, which need "
        "2:4.",
        says="well suited (no number)",
        kind="measurement",
        chapter=TWO_TO_FOUR,
        needs="Groups of four with at most two entries in masks of networks trained with SWAT.",
        decision=_topk_suits,
        limits="Masks of small networks. Where all groups comply the gain is at most 2x, whatever "
        "the sparsity. What a 2:4 selector in SWAT's place costs was not run.",
        weakness="The paper shows nothing for it: its speed-ups are of another accelerator.",
        trained="small residual network, 8 epochs on digits, one seed",
    ),
    Claim(
        id="f-srste-decay",
        paper="F",
        place="Section 5.1, of SR-STE",
        statement="The decay of pruned weights lets the mask change less, at no cost in accuracy.",
        says="fewer changes (no number), at a coefficient of 0.0002",
        kind="training",
        chapter=TWO_TO_FOUR,
        needs="SR-STE with decays of 0, 0.0002 and 0.002, observing the mask, at full size.",
        decision=Trained(
            (
                Effect(
                    "changes of the mask",
                    {**LINE[2], "observe": "topology"},
                    {**way("sr-ste", 0.5, decay=0.0), "observe": "topology"},
                    "below",
                    5.0,
                    metric=log_changes,
                    unit="%",
                ),
                Effect("accuracy", LINE[2], way("sr-ste", 0.5, decay=0.0), "level", 1.0),
            ),
            (DIGITS,),
        ),
        limits="96 steps on digits: the decay has little time to act." + _CEILING,
    ),
    Claim(
        id="f-layout-differs",
        paper="F",
        place="Section 7.1",
        statement="Grouping each filter by itself gives other masks than reshaping the whole "
        "weight, as SR-STE is said to do.",
        says="different (no number)",
        kind="exact",
        chapter=TWO_TO_FOUR,
        needs="Both groupings on every convolution of ResNet-18 and -50.",
        decision=_layout,
        weakness="The two agree wherever Cin k k is a multiple of four, which by the paper's next "
        "sentence holds everywhere but in the first convolution.",
    ),
    Claim(
        id="f-only-first-conv-padded",
        paper="F",
        place="Section 7.1",
        statement="In a ResNet only the first convolution has filters whose length four does not "
        "divide.",
        says="the first convolution only",
        kind="exact",
        chapter=TWO_TO_FOUR,
        needs="Cin k k of every convolution of ResNet-18 and -50.",
        decision=_padded,
    ),
    Claim(
        id="f-t3-asp",
        paper="F",
        place="Table 3, ASP rows",
        statement="Pruning a trained network and training it again (ASP) ends below 2:4 training "
        "from scratch.",
        says=f"SR-STE minus ASP: {_two('SR-STE', 'ASP')}; FST minus ASP: {_two('FSTx3', 'ASP')}",
        kind="training",
        chapter=TWO_TO_FOUR,
        needs="ASP at full size, at twice the epochs and at equal total epochs; about 11 seeds for "
        "a difference of 0.35 points.",
        decision=Trained(
            (
                Effect(
                    "SR-STE minus ASP", LINE[2], way("asp", 0.5, pretrain_epochs=8), "above", 0.35
                ),
                Effect("FST minus ASP", LINE[5], way("asp", 0.5, pretrain_epochs=8), "above", 0.35),
            ),
            (DIGITS,),
        ),
        limits="ASP trains for twice the epochs here, as in the paper." + _CEILING,
        weakness="Effects of 0.2 to 0.5 points. " + _ONE_RUN,
    ),
    Claim(
        id="f-48-better",
        paper="F",
        place="Section 7.2",
        statement="4:8 sparsity reaches a higher accuracy than 2:4.",
        says="higher (no number)",
        kind="training",
        chapter=TWO_TO_FOUR,
        needs="SR-STE with a 4:8 mask minus SR-STE, five seeds at full size; a method with a 4:8 "
        "mask has to be declared.",
    ),
    Claim(
        id="f-48-relaxes",
        paper="F",
        place="Section 7.2",
        statement="4:8 sparsity relaxes the constraint of 2:4.",
        says="relaxed (no number)",
        kind="exact",
        chapter=TWO_TO_FOUR,
        needs="The patterns of both, counted, and the magnitude both keep.",
        decision=_relaxed,
    ),
    Claim(
        id="f-ampere-no-48",
        paper="F",
        place="Section 7.2",
        statement="Sparse tensor cores store 2:4 patterns and not all of 4:8.",
        says="not supported",
        kind="exact",
        chapter=TWO_TO_FOUR,
        needs="4:8 patterns that a store of two values in every four can hold, counted; a GPU that "
        "refuses the others.",
        decision=_no_4_8,
        limits="A count of what the format can hold; no GPU was asked.",
    ),
    Claim(
        id="f-transposable-needs-greedy",
        paper="F",
        place="Section 5.2",
        statement="The best transposable mask takes too long to find, so that it has to be chosen "
        "greedily.",
        says="O(n^3), hence greedy",
        kind="measurement",
        chapter=TWO_TO_FOUR,
        needs="Time of the exact and of the greedy choice on one weight.",
        decision=_needs_greedy,
        limits="One thread of a CPU, blocks of 4x4, for which all 90 patterns can be tried. For "
        "larger blocks the argument may hold.",
    ),
    Claim(
        id="f-separate-cheaper",
        paper="F",
        place="Section 5.2",
        statement="Two separate masks in every step take less time than TSM's mask.",
        says="less time (no number)",
        kind="measurement",
        chapter=TWO_TO_FOUR,
        needs="Time of two 2:4 masks and of a transposable one, as published in one of 40 steps.",
        decision=_separate_cheaper,
        limits="One thread of a CPU; no GPU was asked.",
    ),
    Claim(
        id="f-backward-more-sensitive",
        paper="F",
        place="Section 1, of DoReFa-Net",
        statement="2:4 sparsity costs more in the backward pass than in the forward pass.",
        says="more sensitive (no number)",
        kind="training",
        chapter=SALIENCY,
        needs="Each strategy with a dense forward pass minus SR-STE, five seeds at full size.",
        decision=Trained(
            tuple(
                Effect(
                    f"{name.upper()} behind a dense forward pass minus SR-STE",
                    way(name, 0.5, sparse_forward=False),
                    LINE[2],
                    "below",
                    1.0,
                )
                for name in ("wg", "wx", "gg", "gx")
            ),
            (DIGITS,),
        ),
        limits="A strategy prunes two products, SR-STE one." + _CEILING,
        weakness="DoReFa-Net found it for quantised training.",
    ),
    Claim(
        id="f-24-stricter-gradients",
        paper="F",
        place="Section 1; Section 4, Table 1; Table 3, meProp",
        statement="Pruning gradients 2:4 costs more than pruning half of them without structure.",
        says=f"{_gradients()}",
        kind="training",
        chapter=SALIENCY,
        needs="GG minus meProp at 50 %, both behind a dense forward pass, five seeds at full size.",
        decision=Trained(
            (
                Effect(
                    "GG minus meProp at 50 %",
                    way("gg", 0.5, sparse_forward=False),
                    way("meprop", 0.5),
                    "below",
                    1.0,
                ),
            ),
            (DIGITS,),
        ),
        limits=_IMAGENET + _CEILING,
        weakness="The paper's GG also prunes the forward pass, and its meProp does not. "
        + _ONE_RUN,
    ),
    Claim(
        id="f-t1-wg",
        paper="F",
        place="Section 4, Table 1",
        statement="Pruning W^T in the input gradient and G in the weight gradient costs accuracy.",
        says=_table("fst-table-1", "WG", "Dense"),
        kind="training",
        chapter=SALIENCY,
        needs="WG minus dense, five seeds at full size.",
        decision=Trained((Effect("WG minus dense", WG, DENSELY, "below", 1.0),), _STRATEGIES),
        limits=_IMAGENET,
        weakness=_ONE_RUN,
    ),
    Claim(
        id="f-t1-wx",
        paper="F",
        place="Section 4, Table 1",
        statement="Pruning W^T and X costs less accuracy than pruning W^T and G.",
        says=f"WX minus WG {_table('fst-table-1', 'WX', 'WG')}",
        kind="training",
        chapter=SALIENCY,
        needs="WX minus WG, five seeds at full size.",
        decision=Trained((Effect("WX minus WG", WX, WG, "above", 1.0),), _STRATEGIES),
        limits=_IMAGENET,
        weakness=_ONE_RUN,
    ),
    Claim(
        id="f-t1-gradients-collapse",
        paper="F",
        place="Section 4, Table 1; Section 2",
        statement="Pruning the gradient that is propagated (GG, GX) lets training collapse.",
        says="chance level: 0.1 % for GG and GX",
        kind="training",
        chapter=SALIENCY,
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
            _STRATEGIES,
        ),
        limits=_IMAGENET,
        weakness="The paper states neither the precision nor the axis of its groups. " + _ONE_RUN,
    ),
    Claim(
        id="f-gradient-most-sensitive",
        paper="F",
        place="Section 4; Section 1",
        statement="Of the operands of the backward pass, 2:4 sparsity harms the gradient most.",
        says="G more sensitive than W and X",
        kind="training",
        chapter=SALIENCY,
        needs="All four strategies, five seeds at full size.",
        decision=Trained(
            (
                Effect("W for G in dX, WX minus GX", WX, GX, "above", 1.0),
                Effect("W for G in dX, WG minus GG", WG, GG, "above", 1.0),
                Effect("X for G in dW, WX minus WG", WX, WG, "above", 1.0),
                Effect("X for G in dW, GX minus GG", GX, GG, "above", 1.0),
            ),
            _STRATEGIES,
        ),
        limits=_IMAGENET,
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
        chapter=SALIENCY,
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
        chapter=SALIENCY,
        needs="Share of entries below 1 % of their layer's largest, for G, X and W, early and "
        "late.",
        decision=_near_zero,
        limits="Mean over all convolutions but the first.",
        trained="small residual network of width 16, 8 epochs on digits, three seeds",
    ),
    Claim(
        id="f-t5-forward-free",
        paper="F",
        place="Table 5, line 2; Table 3, SR-STE rows",
        statement="2:4 weights in the forward pass (SR-STE) cost nothing.",
        says=_two("SR-STE", "Baseline"),
        kind="training",
        chapter=ABLATION,
        needs="Line 2 minus line 1, five seeds at full size.",
        decision=Trained(
            (Effect("line 2 minus line 1", LINE[2], LINE[1], "level", 1.0),), _HUNDRED_TOO
        ),
        limits=_IMAGENET,
        weakness=_ONE_RUN,
    ),
    Claim(
        id="f-t5-both-weights-free",
        paper="F",
        place="Section 7.4; Table 5, line 3",
        statement="2:4 weights in the forward and in the backward pass cost nothing.",
        says=_table("fst-table-5", "3", "1"),
        kind="training",
        chapter=ABLATION,
        needs="Line 3 minus line 1, five seeds at full size.",
        decision=Trained(
            (Effect("line 3 minus line 1", LINE[3], LINE[1], "not below", 1.0),), _LINES
        ),
        limits=_IMAGENET,
        weakness=_ONE_RUN,
    ),
    Claim(
        id="f-t5-both-weights-gain",
        paper="F",
        place="Section 7.4; Table 5, line 3",
        statement="2:4 weights in both passes improve accuracy, because sparsity regularises.",
        says=_table("fst-table-5", "3", "1"),
        kind="training",
        chapter=ABLATION,
        needs="Line 3 minus line 1; about 99 seeds for 0.1 points. For the cause, the accuracy on "
        "training images, which no record has.",
        decision=Trained((Effect("line 3 minus line 1", LINE[3], LINE[1], "above", 0.1),), _LINES),
        limits=_IMAGENET,
        weakness="A tenth of a point between two single runs.",
    ),
    Claim(
        id="f-t5-fixed-costs",
        paper="F",
        place="Section 7.4; Table 5, line 4",
        statement="Dropping fixed columns of X, without restoration, costs accuracy.",
        says=_table("fst-table-5", "4", "3"),
        kind="training",
        chapter=ABLATION,
        needs="Line 4 minus line 3, five seeds at full size.",
        decision=Trained((Effect("line 4 minus line 3", LINE[4], LINE[3], "below", 1.0),), _LINES),
        limits=_IMAGENET,
        weakness=_ONE_RUN,
    ),
    Claim(
        id="f-t5-restoration-helps",
        paper="F",
        place="Section 7.4; Table 5, line 5",
        statement="Information restoration wins most of the loss back.",
        says=f"{_table('fst-table-5', '5', '4')}; {_table('fst-table-5', '5', '1')} to dense",
        kind="training",
        chapter=ABLATION,
        needs="Line 5 minus lines 4 and 1, five seeds at full size; a doubled gradient without "
        "neighbours as a control.",
        decision=Trained(
            (
                Effect("line 5 minus line 4", LINE[5], LINE[4], "above", 1.0),
                Effect("line 5 minus line 1", LINE[5], LINE[1], "level", 1.0),
            ),
            _LINES,
        ),
        limits=_IMAGENET,
        weakness=_ONE_RUN,
    ),
    Claim(
        id="f-t3-fst-loss",
        paper="F",
        place="Table 3; Section 7.2; Abstract; Section 1",
        statement="FST with all three products at 2:4 loses almost nothing.",
        says=_two("FSTx3", "Baseline"),
        kind="training",
        chapter=ABLATION,
        needs="FST minus dense, five seeds at full size and three on 100 classes.",
        decision=Trained(
            (Effect("FST minus dense", LINE[5], LINE[1], "level", 1.0),), _HUNDRED_TOO
        ),
        limits=_IMAGENET + " 100 classes of Tiny ImageNet are the largest data here.",
        weakness="Section 8 says without performance drop, Table 3 has 0.2 and 0.3 points. "
        + _ONE_RUN,
    ),
    Claim(
        id="f-t3-two-products-best",
        paper="F",
        place="Table 3",
        statement="FST without pruned activations is the best sparse row, and level with dense.",
        says=f"minus dense {_two('FSTx2', 'Baseline')}; minus TSM {_two('FSTx2', 'TSM')}; "
        f"minus ASP {_two('FSTx2', 'ASP')}",
        kind="training",
        chapter=ABLATION,
        needs="Five methods with one recipe at full size, about 8 seeds for 0.45 points.",
        decision=Trained(
            (
                Effect("line 3 minus dense", LINE[3], LINE[1], "level", 1.0),
                Effect("minus SR-STE", LINE[3], LINE[2], "above", 0.1),
                Effect("minus TSM", LINE[3], way("tsm", 0.5, exact=False), "above", 0.45),
                Effect("minus ASP", LINE[3], way("asp", 0.5, pretrain_epochs=8), "above", 0.45),
            ),
            (DIGITS,),
        ),
        limits=_IMAGENET + _CEILING,
        weakness="0.1 points over SR-STE would take about 99 seeds. TSM's row is 4:8. " + _ONE_RUN,
    ),
    Claim(
        id="f-tsm-weaker",
        paper="F",
        place="Section 5.2; Table 3",
        statement="One transposable mask, as published greedy and every 40 steps, reaches less "
        "than two separate masks.",
        says=_two("FSTx2", "TSM"),
        kind="training",
        chapter=ABLATION,
        needs="Line 3 minus TSM at full size, about 8 seeds for 0.45 points.",
        decision=Trained(
            (Effect("line 3 minus TSM", LINE[3], way("tsm", 0.5, exact=False), "above", 0.45),),
            (DIGITS,),
        ),
        limits="Of 96 steps on digits TSM chooses its mask in three." + _CEILING,
        weakness="The paper's TSM is 4:8. " + _ONE_RUN,
    ),
    Claim(
        id="f-tsm-weaker-every-step",
        paper="F",
        place="Section 5.2",
        statement="One transposable mask, chosen exactly in every step, reaches less than two "
        "separate masks.",
        says="less: fewer patterns weaken the capacity (no number)",
        kind="training",
        chapter=ABLATION,
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
        limits="The pattern alone: the waiting and the greedy choice are taken away." + _CEILING,
    ),
    Claim(
        id="f-tsm-slow-greedy",
        paper="F",
        place="Section 5.2",
        statement="That TSM waits 40 steps and chooses greedily costs it accuracy.",
        says="suboptimal (no number)",
        kind="training",
        chapter=ABLATION,
        needs="TSM exact and greedy, with periods 1, 10 and 40, five seeds at full size.",
        decision=Trained(
            (
                Effect(
                    "greedy every 40 steps minus exact in every step",
                    way("tsm", 0.5, exact=False),
                    way("tsm", 0.5, period=1),
                    "below",
                    1.0,
                ),
                Effect(
                    "every 40 steps minus every step",
                    way("tsm", 0.5),
                    way("tsm", 0.5, period=1),
                    "below",
                    1.0,
                ),
                Effect(
                    "greedy minus exact",
                    way("tsm", 0.5, exact=False),
                    way("tsm", 0.5),
                    "below",
                    1.0,
                ),
            ),
            (DIGITS,),
        ),
        limits="Of 96 steps on digits 40 is nearly half." + _CEILING,
    ),
    Claim(
        id="f-fixed-drops-more",
        paper="F",
        place="Section 7.4; Table 5, line 4, against Table 1, WX",
        statement="Fixed columns of X train worse than 2:4 by magnitude, all else equal.",
        says=f"{_across('4')}",
        kind="training",
        chapter=ABLATION,
        needs="Line 4 minus WX at full size, about 7 seeds for 0.5 points.",
        decision=Trained((Effect("line 4 minus WX", LINE[4], WX, "below", 0.5),), _STRATEGIES),
        limits=_IMAGENET,
        weakness="Two tables, whose other products are not stated to be equal. " + _ONE_RUN,
    ),
    Claim(
        id="f-fixed-keeps-less",
        paper="F",
        place="Section 7.4",
        statement="Fixed columns keep less of X than 2:4 by magnitude.",
        says="more critical elements are cast away (no number)",
        kind="measurement",
        chapter=ABLATION,
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
        chapter=ABLATION,
        needs="Line 5 minus WX, five seeds at full size.",
        decision=Trained((Effect("line 5 minus WX", LINE[5], WX, "above", 1.0),), _STRATEGIES),
        limits=_IMAGENET,
        weakness="Two tables, whose other products are not stated to be equal. " + _ONE_RUN,
    ),
    Claim(
        id="f-coloraug-hurts",
        paper="F",
        place="Section 7.2",
        statement="Colour augmentation lowers accuracy slightly.",
        says="slightly (no number)",
        kind="training",
        chapter=ABLATION,
        needs="Dense and FST with and without colour jitter, about 14 seeds for 0.3 points; no run "
        "has colour jitter yet.",
    ),
    Claim(
        id="f-t4-voc",
        paper="F",
        place="Table 4, VOC rows",
        statement="On PASCAL VOC detectors under FST are level with dense ones or better.",
        says=_detectors("VOC"),
        kind="training",
        chapter=DETECTION,
        needs="A detector that has converged, at least 10 seeds.",
        decision=Trained(
            (
                Effect(
                    "FST minus dense",
                    LINE[5],
                    LINE[1],
                    "not below",
                    1.0,
                    metric=average_precision_50,
                    unit="points of AP50",
                ),
            ),
            (replace(DETECTOR, reached=average_precision_50, unit="points of AP50"),),
        ),
        limits="A one-stage detector, 300 steps on digits painted on photographs.",
        weakness=_ONE_RUN,
    ),
    Claim(
        id="f-t4-coco",
        paper="F",
        place="Table 4, COCO rows",
        statement="On COCO detectors under FST are level with dense ones.",
        says=_detectors("COCO"),
        kind="training",
        chapter=DETECTION,
        needs="A detector that has converged on a subset of COCO, at least 10 seeds.",
        decision=Trained(
            (
                Effect(
                    "FST minus dense",
                    LINE[5],
                    LINE[1],
                    "level",
                    1.0,
                    metric=average_precision,
                    unit="points of AP",
                ),
            ),
            (DETECTOR,),
        ),
        limits="A one-stage detector, 300 steps on digits painted on photographs; on COCO "
        "there is one pair of runs, which over-fits.",
        weakness=_ONE_RUN,
    ),
    Claim(
        id="f-detection-below-02",
        paper="F",
        place="Section 7.3; Table 4",
        statement="In every case of detection FST loses less than 0.2 points.",
        says="less than 0.2 points",
        kind="exact",
        chapter=DETECTION,
        needs="Table 4, subtracted.",
        decision=_detection_drop,
        weakness="The last pair of Table 4 drops by exactly 0.2 points.",
    ),
    Claim(
        id="f-detection-generalises",
        paper="F",
        place="Section 7.3",
        statement="FST loses as little on two-stage detectors as on one-stage ones.",
        says=f"{_detectors('VOC')}; {_detectors('COCO')}",
        kind="training",
        chapter=DETECTION,
        needs="A two-stage detector, which is not built here, beside the one-stage one; FST minus "
        "dense on both, at least 10 seeds.",
        weakness=_ONE_RUN,
    ),
    Claim(
        id="f-t4-speedup",
        paper="F",
        place="Table 4, last column",
        statement="A whole detector trains twice as fast under FST, counted in operations.",
        says="2x in all four rows",
        kind="exact",
        chapter=DETECTION,
        needs="Operations of a step that remain, all layers counted.",
        decision=_detector_speedup,
        limits="A count; no step of a detector is timed, in the paper nor here. The linear layers "
        "of a Faster R-CNN, whose weight gradient stays dense, are not counted.",
    ),
)
