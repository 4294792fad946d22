"""Claims about the time FST takes and saves."""

from __future__ import annotations

import pandas as pd

from swatlib.accounting import EXACT, count, method_densities
from swatlib.claims.claim import Claim
from swatlib.claims.fully_sparse_training.step_shares import (
    LARGE,
    MASKED,
    MASKS,
    OVERHEADS,
    SMALL,
    WHOLE,
    at_batch,
    counted_speedups,
    paper_limit,
    paper_seconds,
    paper_text,
    timed,
    unfolded_over_weights,
)
from swatlib.claims.measured import measured
from swatlib.claims.quantity import Quantity, cells, close, fact
from swatlib.papers.swat_tables import IMAGENET, shapes

CHAPTER = "5-fully-sparse-training/06-what-it-costs"


def _small() -> pd.DataFrame:
    found = timed()
    return found[[name for name in found if name.startswith(SMALL)]]


def _large() -> tuple[pd.Series, int]:
    found = timed()
    name = next(name for name in found if name.startswith(LARGE))
    return found[name], int(name.split("batch ")[1].split(",")[0])


def _backward_share() -> tuple[Quantity, ...]:
    paper = paper_text("backward_time_share")
    found = measured("step-shares")
    return tuple(
        close(name, 100 * shares["backward"], paper, 5.0, "%") for name, shares in found.items()
    )


def _product_share() -> tuple[Quantity, ...]:
    found = measured("step-shares")
    name, most = max(((n, 100 * s["products"]) for n, s in found.items()), key=lambda one: one[1])
    return (fact(f"largest share, {name}", most, "up to 90 %", most > 80, most > 50, "%"),)


def _entries() -> tuple[Quantity, ...]:
    paper = paper_text("x_over_w_elements")
    return (close("", unfolded_over_weights(), paper, 0.05, "times", relative=True),)


def _weights_cheap() -> tuple[Quantity, ...]:
    small = _small()
    found = []
    for name in MASKS:
        most = 100 * float(small.loc[name].max())
        found.append(fact(f"{name} at a batch of 64", most, "about 1 %", most < 3, unit="%"))
    return tuple(found)


def _sorting_dear() -> tuple[Quantity, ...]:
    found = measured("fst-sorting")
    two = paper_seconds(2)
    return tuple(
        fact(
            f"{ours}, sorted, over a step",
            found[f"{ours}, sorted"],
            f"{two[theirs] / two['Dense']:.2f}",
            found[f"{ours}, sorted"] > 1,
            found[f"{ours}, sorted"] > 0.5 / 3,
            "times",
        )
        for ours, theirs in (("S(G)", "S(dL/dY)"), ("S(X^T)", "S(X^T)"))
    )


def _twice_as_fast() -> tuple[Quantity, ...]:
    says = "nearly 2, at least 1.9"
    limit = paper_limit()
    live = float(1 / _small().loc[WHOLE].max())
    return (
        fact("limit by the paper's own shares", limit, says, limit >= 1.9, limit > 1, "times"),
        fact("CPU, batch 64", live, says, live >= 1.9, live > 1, "times"),
    )


def _counts() -> tuple[Quantity, ...]:
    rows = counted_speedups()
    off = (rows["ours"] - rows["paper"]).abs().round(3)
    found = [cells("cells of Table 3 within 0.05", off <= 0.05, "every cell")]
    for network in ("resnet18", "resnet50"):
        traced = shapes(network, *IMAGENET)
        saved = count(traced, method_densities("fst", traced, 0.5), EXACT).train_flops_reduction
        found.append(close(f"{network}, layer by layer", 1 / (1 - saved / 100), 2.0, 0.05, "times"))
    return tuple(found)


def _transposable() -> tuple[Quantity, ...]:
    found = measured("transposable-search")
    return tuple(
        fact(f"{kind} search", found[kind], "longer", found[kind] > 2, found[kind] > 1, "times")
        for kind in ("exact", "greedy")
    )


def _two_percent() -> tuple[Quantity, ...]:
    small = _small().loc[list(OVERHEADS)].sum()
    large, batch = _large()
    fixed = sum(at_batch(float(large[name]), batch) for name in MASKS) + float(large["shift"])
    most = 100 * float(small.max())
    return (
        fact("32 px, batch 64", most, "about 2 %", most < 4, unit="%"),
        fact("224 px, carried to batch 256", 100 * fixed, "about 2 %", fixed < 0.04, unit="%"),
    )


def _worth_it() -> tuple[Quantity, ...]:
    gain = 100 * (1 - float(_small().loc[WHOLE].max()))
    large, batch = _large()
    masks = at_batch(float(large[MASKED]) - 1, batch)
    carried = 100 * (float(large[MASKED] - large[WHOLE]) - masks)
    return (
        fact("32 px, batch 64", gain, "above 0", gain >= 5, gain > 0, "% of a step"),
        fact(
            "224 px, carried to batch 256", carried, "above 0", carried >= 5, carried > 0,
            "% of a step",
        ),
    )  # fmt: skip


def _shift_cheap() -> tuple[Quantity, ...]:
    most = 100 * float(timed().loc["shift"].max())
    sorting = measured("fst-sorting")
    ratio = sorting["shift"] / sorting["S(X^T), sorted"]
    return (
        fact("of a step", most, "0.43 %", most < 2, unit="%"),
        fact("over sorting X", ratio, "1/600", ratio < 0.1, ratio < 1, "times"),
    )


def _fewer_channels() -> tuple[Quantity, ...]:
    speedups = counted_speedups()
    paper = float(speedups[speedups["method"] == "ASFP"]["paper"].iloc[0])
    found = measured("fewer-channels")
    return (close("three products", found["step"], paper, 0.05, "times", relative=True),)


_CLOCK = "One thread of a busy CPU for an A100; shares of things timed in turns."

_RECORD = (
    "One thread of a CPU for an A100; ResNet-18 with 64 images of 32 x 32 pixels or 4 of 224 x 224 "
    "for 256."
)

CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="f-24-doubles-gemm",
        paper="F",
        place="Abstract; Sections 1 and 4, of NVIDIA",
        statement="A matrix product with one 2:4 operand runs twice as fast on sparse tensor "
        "cores.",
        says="2x",
        kind="measurement",
        chapter=CHAPTER,
        needs="A GPU with sparse tensor cores: dense and 2:4 products at the shapes of "
        "ResNet-18's three products, batch 256, in half precision, with and without compressing "
        "the operand.",
    ),
    Claim(
        id="f-backward-70-of-time",
        paper="F",
        place="Abstract; Section 3, of Johnson and of Goli and Aamodt",
        statement="The backward pass takes about 70 % of a training step.",
        says="70 %",
        kind="measurement",
        chapter=CHAPTER,
        needs="Time of the backward pass over that of both passes, ResNet-18, ResNet-50 and "
        "VGG-16.",
        decision=_backward_share,
        limits=_CLOCK + " 32 images of 32 x 32 pixels.",
        weakness="Taken from other papers. Two of three products are two thirds of the work.",
    ),
    Claim(
        id="f-gemm-90-of-time",
        paper="F",
        place="Section 3, of Sun et al.",
        statement="Matrix products take up to 90 % of the training time.",
        says="up to 90 %",
        kind="measurement",
        chapter=CHAPTER,
        needs="Time in convolutions and linear layers over the time of a step, on three networks.",
        decision=_product_share,
        limits=_CLOCK + " 32 images of 32 x 32 pixels; at least 80 % on one network counts.",
        weakness="Taken from another paper.",
    ),
    Claim(
        id="f-x-12000-times-w",
        paper="F",
        place="Section 4",
        statement="In the second layer of ResNet-18 the unfolded input of 256 images has about "
        "12,000 times as many entries as the weight.",
        says="about 12,000",
        kind="exact",
        chapter=CHAPTER,
        needs="The count of both.",
        decision=_entries,
    ),
    Claim(
        id="f-sort-w-cheap",
        paper="F",
        place="Table 2; Section 5.1; Table 6",
        statement="Choosing 2:4 of W, and again of W transposed, takes about 1 % of a step each.",
        says="0.95 % (Table 2), 0.92 % (Table 6)",
        kind="measurement",
        chapter=CHAPTER,
        needs="Time of choosing and masking over the time of a step, below 3 %.",
        decision=_weights_cheap,
        limits=_RECORD,
        weakness="The paper's step takes 0.179 s in Table 2 and 0.184 s in Table 6.",
    ),
    Claim(
        id="f-sort-g-x-dear",
        paper="F",
        place="Table 2; Sections 1, 4, 5.3 and 7.5",
        statement="Choosing 2:4 of G or of the unfolded X by sorting takes longer than a dense "
        "step.",
        says="1.62 and 2.68 steps",
        kind="measurement",
        chapter=CHAPTER,
        needs="Time of sorting every four entries over the time of a step.",
        decision=_sorting_dear,
        limits=_CLOCK + " ResNet-18, 8 images of 32 x 32 pixels.",
        weakness="One implementation by sorting. Comparing the entries of each four is many "
        "times faster.",
    ),
    Claim(
        id="f-fst-2x",
        paper="F",
        place="Abstract; Sections 1, 7.2 and 8; Table 3",
        statement="A training step under FST runs nearly twice as fast.",
        says="nearly 2x",
        kind="measurement",
        chapter=CHAPTER,
        needs="Whole steps on a GPU with sparse tensor cores and 2:4 kernels, ResNet-18 and "
        "ResNet-50, batch 256.",
        decision=_twice_as_fast,
        limits="No GPU with sparse tensor cores: the CPU's step gains by the third product "
        "alone. The limit follows from the paper's own shares.",
        weakness="The paper times no step. Products at 90 % of it and an overhead of 2 % leave "
        "1.75.",
    ),
    Claim(
        id="f-t3-speedups-are-counts",
        paper="F",
        place="Table 3, speed-up column",
        statement="The speed-ups of 1.1, 1.2, 1.5 and 2 are ratios of counted products.",
        says="1.1x, 1.2x, 1.5x, 2x",
        kind="exact",
        chapter=CHAPTER,
        needs="Arithmetic on the table's pruning ratios, and the count of FST's products.",
        decision=_counts,
        weakness="The column is called an actual speed-up. PruneTrain, ClickTrain and "
        "SparseTrain give no ratio.",
    ),
    Claim(
        id="f-tsm-time",
        paper="F",
        place="Section 5.2",
        statement="Finding a transposable mask takes far longer than pruning W and its transpose "
        "separately.",
        says="longer, O(n^3)",
        kind="measurement",
        chapter=CHAPTER,
        needs="Time of the search over that of two separate masks, all convolutions of ResNet-18.",
        decision=_transposable,
        limits="Searches of this library, over all 90 patterns and greedily, for the min-cost flow "
        "of the paper's source. " + _CLOCK,
        weakness="The paper does not measure it. Blocks of 4 x 4 are searched one by one, so the "
        "time grows with the number of weights and not with its cube.",
    ),
    Claim(
        id="f-t6-total-2",
        paper="F",
        place="Section 7.5, Table 6",
        statement="All overheads together take about 2 % of a step.",
        says="2.3 %",
        kind="measurement",
        chapter=CHAPTER,
        needs="Time of both masks and of the shift over that of a step, below 4 %.",
        decision=_two_percent,
        limits=_RECORD,
        weakness="Applying the masks and compressing to 2:4 are not in the table.",
    ),
    Claim(
        id="f-overhead-below-saving",
        paper="F",
        place="Section 7.5",
        statement="The overheads are smaller than the time saved, so that FST is faster overall.",
        says="faster overall",
        kind="measurement",
        chapter=CHAPTER,
        needs="Time saved less the overheads, over the time of a step, at least 5 %.",
        decision=_worth_it,
        limits="The time saved is that of the third product alone, which needs no sparse hardware. "
        + _RECORD,
        weakness="With 4 images of 224 x 224 pixels, and not carried to 256, masks cost more "
        "than is saved.",
    ),
    Claim(
        id="f-shift-cheap",
        paper="F",
        place="Table 6; Sections 1, 5.3 and 7.5",
        statement="Shifting and adding the gradient takes well under 1 % of a step, far less "
        "than sorting X.",
        says="0.43 % of a step; 1/600 of sorting X",
        kind="measurement",
        chapter=CHAPTER,
        needs="Time of the pair sum over that of a step, and over sorting the unfolded X.",
        decision=_shift_cheap,
        limits=_RECORD,
    ),
    Claim(
        id="f-channel-direct-speedup",
        paper="F",
        place="Section 7.2; Table 3, ASFP",
        statement="Removing 30 % of the channels makes a step 1.1 times as fast on ordinary "
        "hardware.",
        says="1.1x",
        kind="measurement",
        chapter=CHAPTER,
        needs="Time of three dense products over that of three of which the forward one has 30 % "
        "fewer filters.",
        decision=_fewer_channels,
        limits=_CLOCK + " The convolutions of ResNet-18, 16 images of 32 x 32 pixels.",
    ),
)
