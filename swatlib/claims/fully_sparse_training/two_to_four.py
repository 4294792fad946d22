"""Claims about 2:4 patterns and the masks that have them."""

import math
from functools import cache
from itertools import combinations

import torch

from swatlib.accounting import Network, trace
from swatlib.claims.claim import Claim, Trained
from swatlib.claims.effect import Effect, way
from swatlib.claims.fully_sparse_training.lines import (
    CEILING,
    DIGITS,
    LINE,
    ONE_RUN,
    RESNETS,
    gaps,
)
from swatlib.claims.measured import measured
from swatlib.claims.quantity import Quantity, cells, close, fact
from swatlib.kernels.nm import nm_mask
from swatlib.models import build_network
from swatlib.papers import paper_number, paper_table
from swatlib.records import Record
from swatlib.selectors.transposable import row_patterns, transposable_patterns

CHAPTER = "5-fully-sparse-training/01-two-to-four"


def log_changes(record: Record) -> float:
    """Return 100 times the logarithm of the share of a mask that changes in a step, on average.

    A difference of two of them, where it is small, is a difference in percent.
    """
    changed = record.metrics["observed"]["changed"]
    return 100 * math.log(sum(changed) / len(changed))


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
    period = paper_number("fst-text", "period")
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


CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="f-patterns-1296-90",
        paper="F",
        place="Section 5.2",
        statement="A 4x4 block has 1296 masks that are 2:4 along its rows, and 90 that are so both "
        "ways.",
        says="1296 and 90",
        kind="exact",
        chapter=CHAPTER,
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
        chapter=CHAPTER,
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
        chapter=CHAPTER,
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
        chapter=CHAPTER,
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
                Effect("accuracy", LINE[2], way("sr-ste", 0.5, decay=0.0), "level"),
            ),
            (DIGITS,),
        ),
        limits="96 steps on digits: the decay has little time to act." + CEILING,
    ),
    Claim(
        id="f-layout-differs",
        paper="F",
        place="Section 7.1",
        statement="Grouping each filter by itself gives other masks than reshaping the whole "
        "weight, as SR-STE is said to do.",
        says="different (no number)",
        kind="exact",
        chapter=CHAPTER,
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
        chapter=CHAPTER,
        needs="Cin k k of every convolution of ResNet-18 and -50.",
        decision=_padded,
    ),
    Claim(
        id="f-t3-asp",
        paper="F",
        place="Table 3, ASP rows",
        statement="Pruning a trained network and training it again (ASP) ends below 2:4 training "
        "from scratch.",
        says=f"SR-STE minus ASP: {gaps('SR-STE', 'ASP')}; FST minus ASP: {gaps('FSTx3', 'ASP')}",
        kind="training",
        chapter=CHAPTER,
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
        limits="ASP trains for twice the epochs here, as in the paper." + CEILING,
        weakness="Effects of 0.2 to 0.5 points. " + ONE_RUN,
    ),
    Claim(
        id="f-48-better",
        paper="F",
        place="Section 7.2",
        statement="4:8 sparsity reaches a higher accuracy than 2:4.",
        says="higher (no number)",
        kind="training",
        chapter=CHAPTER,
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
        chapter=CHAPTER,
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
        chapter=CHAPTER,
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
        chapter=CHAPTER,
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
        chapter=CHAPTER,
        needs="Time of two 2:4 masks and of a transposable one, as published in one of 40 steps.",
        decision=_separate_cheaper,
        limits="One thread of a CPU; no GPU was asked.",
    ),
)
