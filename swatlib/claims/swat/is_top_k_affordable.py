"""Claims about what Top-K costs, and how still its thresholds are."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import pandas as pd
import torch

from swatlib.accounting import trace
from swatlib.accounting.topk import topk_share
from swatlib.claims.claim import Claim, Trained
from swatlib.claims.effect import Effect, Way, way
from swatlib.claims.judge import RECORDS
from swatlib.claims.measured import measured
from swatlib.claims.quantity import MissingRecords, Quantity, fact
from swatlib.claims.scales import (
    FULL,
    SMALL_CIFAR,
    SMALL_DIGITS,
    spelled,
)
from swatlib.claims.swat.printed import stated
from swatlib.experiments.swat import threshold_digits
from swatlib.models import build_network
from swatlib.records import read_record, record_path

CHAPTER = "3-swat/05-is-top-k-affordable"

SAME_DECADE = 10
"""A count that is off by this factor has not even the paper's order of magnitude."""


def _with_period(one: Way) -> Way:
    """Write the period of one step out, as "period-digits" has it."""
    if one["method"] == "dense":
        return one
    return {**one, "options": {"period": 1, **one["options"]}}


PERIODS = spelled(
    SMALL_DIGITS, "digits, 1,350 steps of 32 images", _with_period, epochs=30, batch_size=32
)

_OVERHEAD = tuple(
    stated("section 3.3", f"topk_overhead_{end}")["", "SWAT"] for end in ("low", "high")
)


@cache
def _traced(network: str) -> Any:
    with torch.device("meta"):
        return trace(build_network(network, classes=1000, image=224), (1, 3, 224, 224))


def _overhead(name: str, share: float) -> Quantity:
    """Compare a share in percent with the paper's one to two, an order of magnitude at most."""
    low, high = _OVERHEAD
    return fact(
        name,
        share,
        f"{low:g} to {high:g} %",
        holds=low / 2 <= share <= high * 1.5,
        direction=low / SAME_DECADE <= share <= high * SAME_DECADE,
        unit="%",
    )


def topk_by_count() -> tuple[Quantity, ...]:
    """Return the comparisons of Top-K at 80 % per dense multiply-accumulate, at two batch sizes."""
    networks = {"resnet18": "ResNet-18", "vgg16": "VGG-16", "densenet121": "DenseNet-121"}
    return tuple(
        _overhead(f"{label}, batch {batch}", 100 * topk_share(_traced(name), 0.8, batch))
        for name, label in networks.items()
        for batch in (32, 256)
    )


def topk_by_clock() -> tuple[Quantity, ...]:
    """Return the time of choosing in every step over that of a dense step, as it was measured."""
    found = measured("topk-clock")
    networks = {"resnet18": "ResNet-18", "vgg16": "VGG-16"}
    return tuple(
        _overhead(label, 100 * found[name]["choosing"]) for name, label in networks.items()
    )


def thresholds_settle() -> tuple[Quantity, ...]:
    """Return how far the thresholds of four layers move after the first epoch."""
    run = threshold_digits()[0]
    path = record_path(RECORDS / "threshold-digits", run)
    try:
        metrics = read_record(path).metrics
    except (OSError, ValueError) as error:
        raise MissingRecords(
            "thresholds at every step: `swatlib sweep threshold-digits`"
        ) from error
    fresh = pd.DataFrame(metrics["observed"]["fresh"])
    epoch = math.ceil(metrics["train_images"] / run.batch_size)
    after = fresh.iloc[epoch:]
    factor = float((after.max() / after.min()).max())
    moved = float((after.shift(-1000) / after - 1).abs().max().max())
    return (
        fact("largest over smallest after the first epoch", factor, "about 1", factor < 1.5),
        fact(
            "largest change in 1,000 steps after it",
            100 * moved,
            "almost none",
            holds=moved < 0.05,
            unit="%",
        ),
    )


CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="i-topk-overhead-1-2",
        paper="I",
        place="Section 3.3; N Section 3.3.3",
        statement="Counted in operations, exact Top-K by selection and a threshold adds 1 to 2 % "
        "to a training step.",
        says=f"{_OVERHEAD[0]:g} to {_OVERHEAD[1]:g} %",
        kind="exact",
        chapter=CHAPTER,
        needs="Comparisons of quickselect and of the threshold over the multiply-accumulates of "
        "the three dense products, at the sizes of ImageNet, batches of 32 and 256.",
        decision=topk_by_count,
        limits="Quickselect's average number of comparisons for 80 %; a comparison counts as much "
        "as a multiply-accumulate.",
        weakness="The paper gives no derivation, no unit and no batch size.",
    ),
    Claim(
        id="i-topk-overhead-clock",
        paper="I",
        place="Section 3.3",
        statement="Read as time, choosing by exact Top-K in every step adds 1 to 2 % to a training "
        "step.",
        says=f"{_OVERHEAD[0]:g} to {_OVERHEAD[1]:g} % of computation; no time is stated",
        kind="measurement",
        chapter=CHAPTER,
        needs="A step of SWAT with fresh thresholds less one with kept thresholds, over a dense "
        "step, on the paper's processor.",
        decision=topk_by_clock,
        limits="Processor time of one thread, 128 images of 32x32 pixels; medians of three turns "
        "on a busy machine, uncertain by a few percent, so only a ratio far from the limits "
        "decides.",
    ),
    Claim(
        id="n-threshold-constant",
        paper="N",
        place="Section 3.3.3, Figure 4; I Section 3.2, Figure 6b",
        statement="The magnitude of a layer's K-th largest weight hardly moves during training.",
        says="almost constant (curves, no number)",
        kind="measurement",
        chapter=CHAPTER,
        needs="The 90 % threshold of weights and of activations in every layer, each 50 steps of a "
        "full-size run, with weight decay 0.0001 and 0.0005.",
        decision=thresholds_settle,
        limits="Thresholds of weights only, in four layers; digits for CIFAR-100.",
        trained="digits: SWAT 90 %, 1,350 steps, 1 seed",
    ),
    Claim(
        id="n-period-1000-free",
        paper="N",
        place="Section 3.3.3, Figure 5",
        statement="Renewing the thresholds every 1,000 steps costs no accuracy against renewing "
        "them in every step.",
        says="no significant loss up to 1,000 iterations (a curve, no number)",
        kind="training",
        chapter=CHAPTER,
        needs="SWAT at 90 % with periods of 100 and 1,000 steps on full-size photographs, with the "
        "density that it has in between.",
        decision=Trained(
            tuple(
                Effect(
                    f"period {period:,}",
                    way("swat", 0.9, period=period),
                    way("swat", 0.9),
                    "level",
                )
                for period in (100, 1000)
            ),
            (FULL, SMALL_CIFAR, PERIODS),
        ),
        limits="A kept threshold makes the network denser than it says, so that periods compare "
        "networks of different density.",
        weakness="The paper's runs on CIFAR-10 themselves renew thresholds in every iteration.",
    ),
)
