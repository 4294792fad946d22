"""Claims about the algorithm: its gradients, its thresholds, its topologies and its accuracy."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any

import numpy as np
import pandas as pd
import torch

from swatlib.accounting import trace
from swatlib.accounting.topk import topk_share
from swatlib.claims.claim import Claim, Trained
from swatlib.claims.effect import DENSELY, AnyRun, Effect, Scale, Way, accuracy, way
from swatlib.claims.judge import RECORDS
from swatlib.claims.measured import measured
from swatlib.claims.quantity import MissingRecords, Quantity, fact
from swatlib.claims.scales import (
    FULL,
    HUNDRED,
    SMALL,
    SMALL_CIFAR,
    SMALL_DIGITS,
    SMALL_PATCHES,
    of_families,
)
from swatlib.experiments.swat import threshold_digits
from swatlib.models import build_network
from swatlib.papers import paper_table
from swatlib.records import Record, read_record, record_path

TOPK = "3-swat/05-is-top-k-affordable"
TOPOLOGIES = "3-swat/06-exploring-topologies"
ACCURACY = "3-swat/07-accuracy-against-sparsity"

SAME_DECADE = 10
"""A count that is off by this factor has not even the paper's order of magnitude."""


@dataclass(frozen=True)
class Spelled(Scale):
    """A scale whose records write ways down differently from the other scales'.

    Parameters
    ----------
    written : callable
        From a way as the effects have it to the way as the records have it.
    """

    written: Callable[[Way], Way] = dict

    def runs(self, ways: tuple[Way, ...], seed: int) -> Any:
        """Yield the runs of the ways with one seed, each family's."""
        yield from super().runs(tuple(self.written(one) for one in ways), seed)


def _spelled(scale: Scale, name: str, written: Callable[[Way], Way], **base: object) -> Spelled:
    bases: tuple[AnyRun, ...] = tuple(replace(run, **base) for run in scale.bases)  # type: ignore[arg-type]
    return Spelled(name, bases, scale.experiments, scale.seeds, scale.more, written=written)


def _with_period(one: Way) -> Way:
    """Write the period of one step out, as "period-digits" has it."""
    if one["method"] == "dense":
        return one
    return {**one, "options": {"period": 1, **one["options"]}}


def _observed(one: Way, epochs: Mapping[int, int]) -> Way:
    """Return a way as the experiments of topologies have it: watched, frozen at their epochs."""
    if one["method"] == "dense":
        return one
    options = dict(one["options"])
    if "freeze_epoch" in options:
        options["freeze_epoch"] = epochs[options["freeze_epoch"]]
    return {**one, "options": options, "observe": "topology"}


PERIODS = _spelled(
    SMALL_DIGITS, "digits, 1,350 steps of 32 images", _with_period, epochs=30, batch_size=32
)
TOPOLOGY_DIGITS = _spelled(SMALL_DIGITS, SMALL_DIGITS.name, partial(_observed, epochs={0: 0, 2: 1}))
TOPOLOGY_CIFAR = _spelled(SMALL_CIFAR, SMALL_CIFAR.name, partial(_observed, epochs={0: 0, 2: 1}))

FAMILIES_DIGITS = of_families(SMALL_DIGITS)
FAMILIES_PATCHES = of_families(SMALL_PATCHES)
SHAPES = _spelled(SMALL_DIGITS, SMALL_DIGITS.name, dict, depth=8, width=32)
BOTH = replace(
    FULL,
    name=f"{FULL.name} and {HUNDRED.name}",
    experiments=(*FULL.experiments, *HUNDRED.experiments),
)
ON_HUNDRED = {"data": HUNDRED.bases[0].data, "pixels": HUNDRED.bases[0].pixels}


# What the papers state.


@cache
def _stated(item: str, quantity: str, level: str | None = None) -> dict[tuple[str, str], float]:
    """Return the numbers of the submission's text by network and method, at one level if given."""
    rows = paper_table("iclr-text")
    rows = rows[(rows["item"] == item) & (rows["quantity"] == quantity)]
    if level is not None:
        rows = rows[rows["level"] == level]
    return {(row.network, row.method): float(row.number) for row in rows.itertuples()}


@cache
def _table_change(table: str, network: str, level: str) -> float:
    """Return the change of accuracy that a table of the paper has for SWAT-U, in points."""
    rows = paper_table(table)
    rows = rows[
        (rows["network"] == network)
        & (rows["method"] == "SWAT-U")
        & (rows["level"] == level)
        & (rows["quantity"] == "accuracy_change")
    ]
    return float(rows["number"].iloc[0])


def saw_lead() -> float:
    """Return by how many points SAW loses less than SWAT at 70 %, the mean of all stated pairs.

    >>> round(saw_lead(), 2)
    0.28
    """
    pairs = []
    for item, quantity in (
        ("Figure 4", "accuracy_loss_cifar10"),
        ("Figure 4", "accuracy_loss_cifar100"),
        ("Figure 5", "accuracy_loss_imagenet"),
        ("Figure 6a", "accuracy_loss_cifar100"),
    ):
        losses = _stated(item, quantity, "70")
        for (network, method), loss in losses.items():
            if method == "SWAT" and (network, "SAW") in losses:
                pairs.append(loss - losses[network, "SAW"])
    return float(np.mean(pairs))


def _losses(item: str, quantity: str, method: str) -> str:
    losses = _stated(item, quantity, "70")
    return ", ".join(
        f"{network} {-loss:+.2f}" for (network, who), loss in losses.items() if who == method
    )


_BOUNDS = _stated("Figure 4", "accuracy_loss_at_most")
_OVERHEAD = tuple(
    _stated("section 3.3", f"topk_overhead_{end}")["", "SWAT"] for end in ("low", "high")
)
_IMAGENET_50 = tuple(
    _stated("Figure 5", f"accuracy_loss_imagenet_{end}")["", "SWAT, SAW"] for end in ("low", "high")
)


# What Top-K costs, and how still its thresholds are.


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


def topologies_move() -> tuple[Quantity, ...]:
    """Return the smallest share of active weights that a layer replaces in an epoch.

    Only epochs that end within the first two thirds count: after them the papers' schedules have
    their last rate, and ours goes to zero.
    """
    found = measured("topology-moves")
    least = {}
    for name, run in found.items():
        layers = run["layers"].values()
        early = [shares[: 2 * len(shares) // 3] for shares in layers]
        least[name] = 100 * min(map(min, early))
    return tuple(
        fact(name, share, "above 0", holds=share > 0.1, direction=share > 0, unit="%")
        for name, share in least.items()
    )


# How fast a run converges.


def epochs_to(share: float, record: Record) -> float:
    """Return when a run first reaches a share of its own final accuracy, in percent of its epochs.

    Between two epochs it is interpolated; before the first the network guesses. A run that diverged
    never does and counts as 100 %.
    """
    epochs = record.metrics["epochs"]
    if record.metrics.get("diverged") or not epochs:
        return 100.0
    chance = 100 / record.data["classes"] if record.data else 0.0
    reached = np.array([chance, *(epoch["test_accuracy"] for epoch in epochs)])
    level = share * accuracy(record)
    first = int(np.flatnonzero(reached >= level)[0])
    if first == 0:
        return 0.0
    before, after = reached[first - 1], reached[first]
    return float(100 * (first - 1 + (level - before) / (after - before)) / len(epochs))


_FAMILIES = {
    "plain": ("small_vgg", "VGG-16"),
    "densely connected": ("small_densenet", "DenseNet-121"),
    "residual": ("small_resnet", "ResNet-18"),
}


def _of(one: Way, network: str) -> Way:
    return {**one, "network": network}


def _late(sparsity: float, share: float) -> Effect:
    return Effect(
        f"SWAT {100 * sparsity:.0f} %, to {100 * share:.0f} % of its own end",
        way("swat", sparsity),
        DENSELY,
        "level",
        5.0,
        metric=partial(epochs_to, share),
        unit="% of the epochs",
    )


def _against_dense(
    methods: tuple[str, ...], sparsity: float, expected: str | float, margin: float
) -> tuple[Effect, ...]:
    return tuple(
        Effect(
            f"{one.upper()} {100 * sparsity:.0f} %", way(one, sparsity), DENSELY, expected, margin
        )
        for one in methods
    )


def _as_resnet(item: str, quantity: str) -> tuple[Effect, ...]:
    """Return SAW and SWAT at 70 % minus dense, with what the submission says of ResNet-18."""
    losses = _stated(item, quantity, "70")
    return tuple(
        Effect(
            f"{method.upper()} 70 %",
            way(method, 0.7),
            DENSELY,
            -losses["ResNet-18", method.upper()],
            1.5,
        )
        for method in ("saw", "swat")
    )


def _size(name: str, method: str, large: dict[str, int], small: dict[str, int]) -> Effect:
    """Return how the distance to dense training changes with size; a point for each doubling."""
    ((_, most),) = large.items()
    least = small.get(next(iter(large)), 8)
    sparse = way(method, 0.9)
    return Effect(
        name,
        {**sparse, **large},
        {**DENSELY, **large},
        "not below",
        math.log2(most / least),
        less=Effect("", {**sparse, **small}, {**DENSELY, **small}, "level", 1.0),
    )


def _sizes(method: str) -> tuple[Effect, ...]:
    return (
        _size("20 against 8 layers", method, {"depth": 20}, {}),
        _size("48 against 16 channels", method, {"width": 48}, {"width": 16}),
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
        chapter=TOPK,
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
        chapter=TOPK,
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
        chapter=TOPK,
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
        chapter=TOPK,
        needs="SWAT at 90 % with periods of 100 and 1,000 steps on full-size photographs, with the "
        "density that it has in between.",
        decision=Trained(
            tuple(
                Effect(
                    f"period {period:,}",
                    way("swat", 0.9, period=period),
                    way("swat", 0.9),
                    "level",
                    1.0,
                )
                for period in (100, 1000)
            ),
            (FULL, SMALL_CIFAR, PERIODS),
        ),
        limits="A kept threshold makes the network denser than it says, so that periods compare "
        "networks of different density.",
        weakness="The paper's runs on CIFAR-10 themselves renew thresholds in every iteration.",
    ),
    Claim(
        id="n-topology-moves",
        paper="N",
        place="Sections 3.3 and 4.5",
        statement="Under SWAT, weights of every layer become active and cease to be active, until "
        "the last rate of learning.",
        says="the topology can change from iteration to iteration (no number)",
        kind="measurement",
        chapter=TOPOLOGIES,
        needs="Masks of every layer at the end of each epoch of full-size runs, at 80, 90 and "
        "95 %.",
        decision=topologies_move,
        limits="The smallest share of active weights that any layer replaces in an epoch. The last "
        "third of the epochs is left out, where a stepped schedule has its last rate: under the "
        "cosine of these runs the topology comes to rest there, and in layers of about a hundred "
        'active weights an epoch may replace none. This reading of "before" was chosen after the '
        "numbers were seen. Digits and photograph patches for CIFAR-10.",
        trained="digits, 96 steps, 80, 90 and 95 %; photograph patches, 240 steps, 90 %; 1 seed",
    ),
    Claim(
        id="n-fine-grained-connectivity",
        paper="N",
        place="Section 3.3",
        statement="Choosing the mask anew in every iteration is better than holding it for an "
        "epoch.",
        says="captures fine-grained temporal importance (no number)",
        kind="training",
        chapter=TOPOLOGIES,
        needs="SWAT at 90 % with its masks, and not only its thresholds, held for 1, 10, 100, 391 "
        "and 1,000 steps; five seeds on full-size photographs.",
        weakness="Figure 5 shows no loss with thresholds that are 1,000 iterations old.",
    ),
    Claim(
        id="n-mask-gradients-harm",
        paper="N",
        place="Section 4.5, Figure 7",
        statement="Masking the gradients of non-active weights costs accuracy.",
        says="below SWAT (curves, no number)",
        kind="training",
        chapter=TOPOLOGIES,
        needs="SWAT at 90 % with masked gradients minus SWAT.",
        decision=Trained(
            (
                Effect(
                    "90 %",
                    way("swat", 0.9, masked_gradients=True),
                    way("swat", 0.9),
                    "below",
                    1.0,
                ),
            ),
            (FULL, TOPOLOGY_CIFAR, TOPOLOGY_DIGITS),
        ),
        limits="CIFAR-10 for CIFAR-100.",
        weakness="The text does not say at which sparsity.",
    ),
    Claim(
        id="n-freeze-early-harms",
        paper="N",
        place="Section 4.5, Figure 8",
        statement="A topology that is frozen early ends at a lower accuracy than one that is "
        "explored throughout.",
        says="below SWAT (curves, no number)",
        kind="training",
        chapter=TOPOLOGIES,
        needs="SWAT at 90 % frozen from the start, and after an eighth of training, minus SWAT.",
        decision=Trained(
            tuple(
                Effect(
                    name,
                    way("swat", 0.9, freeze_epoch=epoch),
                    way("swat", 0.9),
                    "below",
                    1.0,
                )
                for name, epoch in (("frozen from the start", 0), ("after an eighth", 2))
            ),
            (FULL, HUNDRED, TOPOLOGY_CIFAR, TOPOLOGY_DIGITS),
        ),
        limits="CIFAR-10 for CIFAR-100; after a sixth of training on CIFAR-10 at 16x16.",
        weakness="The text does not say at which sparsity.",
    ),
    Claim(
        id="n-t2-u-accuracy",
        paper="N",
        place="Table 2",
        statement="At 90 % SWAT-U loses nothing on wide and on densely connected networks, and "
        "more than a point on VGG-16.",
        says=", ".join(
            f"{network} {_table_change('swat-table-2', network, '90'):+.2f}"
            for network in ("VGG-16", "WRN-16-8", "DenseNet-121")
        )
        + " points",
        kind="training",
        chapter=ACCURACY,
        needs="SWAT-U at 90 % minus dense on a plain, a residual and a densely connected network, "
        "full-size photographs, five seeds.",
        decision=Trained(
            tuple(
                Effect(
                    name,
                    _of(way("swat", 0.9), network),
                    _of(DENSELY, network),
                    _table_change("swat-table-2", theirs, "90"),
                    1.0,
                )
                for name, network, theirs in (
                    ("plain", "small_vgg", "VGG-16"),
                    ("residual", "small_resnet", "WRN-16-8"),
                    ("densely connected", "small_densenet", "DenseNet-121"),
                )
            ),
            (FULL, *SMALL),
        ),
        limits="Small networks of each family, of a fortieth to a hundredth of the weights.",
        weakness="Changes of 0.03 and 0.02 points are within the spread of the paper's own runs "
        "(0.11 and 0.06); the dense runs have no spread.",
    ),
    Claim(
        id="n-t3-u-accuracy",
        paper="N",
        place="Table 3; Abstract and Section 4.4",
        statement="On ImageNet SWAT-U loses little at 80 % and several points at 90 %.",
        says=", ".join(
            f"{level} %: {_table_change('swat-table-3', 'ResNet-50', level):+.1f}"
            for level in ("80", "90")
        )
        + " points",
        kind="training",
        chapter=ACCURACY,
        needs="SWAT-U at 80 and 90 % minus dense on a hundred classes, three seeds.",
        decision=Trained(
            tuple(
                Effect(
                    f"{level} %",
                    way("swat", float(level) / 100),
                    DENSELY,
                    _table_change("swat-table-3", "ResNet-50", level),
                    1.5,
                )
                for level in ("80", "90")
            ),
            (HUNDRED,),
        ),
        limits="100 classes of Tiny ImageNet at 32x32 for ImageNet.",
        weakness="The abstract calls the loss at 80 % 1.63 points, the table 1.6.",
    ),
    Claim(
        id="n-t3-wrn-accuracy",
        paper="N",
        place="Table 3",
        statement="A network of twice the width loses about as much at 80 % and less at 90 %.",
        says=", ".join(
            f"{level} %: {_table_change('swat-table-3', 'WRN-50-2', level):+.1f} against "
            f"{_table_change('swat-table-3', 'ResNet-50', level):+.1f}"
            for level in ("80", "90")
        )
        + " points",
        kind="training",
        chapter=ACCURACY,
        needs="Dense and SWAT-U at 80 and 90 % on a hundred classes at two widths, three seeds.",
    ),
    Claim(
        id="n-negligible-impact",
        paper="N",
        place="Section 5; I Section 6",
        statement="SWAT as a whole has a negligible effect on the accuracy that training ends at.",
        says="negligible (its own tables range from +0.5 to -4.7 points)",
        kind="training",
        chapter=ACCURACY,
        needs="SWAT-U at 50, 70, 80 and 90 % minus dense.",
        decision=Trained(
            tuple(
                Effect(f"{100 * s:.0f} %", way("swat", s), DENSELY, "level", 1.0)
                for s in (0.5, 0.7, 0.8, 0.9)
            ),
            (FULL, HUNDRED, FAMILIES_DIGITS),
        ),
        weakness="The paper's own Table 3 loses 4.7 points at 90 %.",
    ),
    Claim(
        id="i-50-beneficial",
        paper="I",
        place="Section 3.2, Figure 4",
        statement="At 50 % SWAT and SAW end above dense training.",
        says="above dense (curves, no number)",
        kind="training",
        chapter=ACCURACY,
        needs="SWAT and SAW at 50 % minus dense, five seeds.",
        decision=Trained(
            _against_dense(("swat", "saw"), 0.5, "above", 1.0), (FULL, HUNDRED, FAMILIES_DIGITS)
        ),
        limits="Equal within a point is no benefit shown.",
        weakness="On ImageNet the submission's own runs lose "
        f"{_IMAGENET_50[0]:.2f} to {_IMAGENET_50[1]:.2f} points at 50 %.",
    ),
    Claim(
        id="i-benefit-simpler-data",
        paper="I",
        place="Section 3.2, Figure 4",
        statement="What SWAT gains at 50 % is more with fewer classes.",
        says="more on CIFAR-10 than on CIFAR-100 (curves, no number)",
        kind="training",
        chapter=ACCURACY,
        needs="SWAT at 50 % minus dense on ten classes, less the same on a hundred.",
        decision=Trained(
            (
                Effect(
                    "10 less 100 classes",
                    way("swat", 0.5),
                    DENSELY,
                    "above",
                    1.5,
                    less=Effect(
                        "",
                        {**way("swat", 0.5), **ON_HUNDRED},
                        {**DENSELY, **ON_HUNDRED},
                        "level",
                        1.5,
                    ),
                ),
            ),
            (BOTH,),
        ),
        limits="100 classes of Tiny ImageNet at 32x32 for CIFAR-100: other photographs, too.",
    ),
    Claim(
        id="i-60-no-loss",
        paper="I",
        place="Section 3.2, Figure 4",
        statement="Up to 60 % SWAT and SAW lose almost nothing.",
        says="almost zero loss at 60 %, a slight one at 70 %",
        kind="training",
        chapter=ACCURACY,
        needs="SWAT and SAW at 60 % minus dense.",
        decision=Trained(_against_dense(("swat", "saw"), 0.6, "level", 1.0), (FULL, SMALL_DIGITS)),
        weakness="Slight are up to "
        f"{max(_stated('Figure 4', 'accuracy_loss_cifar100').values()):.2f} points at 70 %.",
    ),
    Claim(
        id="i-70-cifar10",
        paper="I",
        place="Section 3.2, Figure 4a",
        statement="On CIFAR-10 at 70 % SWAT and SAW change accuracy by at most 0.6 points.",
        says=f"SWAT {_losses('Figure 4', 'accuracy_loss_cifar10', 'SWAT')}; "
        f"SAW {_losses('Figure 4', 'accuracy_loss_cifar10', 'SAW')}",
        kind="training",
        chapter=ACCURACY,
        needs="SWAT and SAW at 70 % minus dense on a plain, a residual and a densely connected "
        "network, full-size photographs, five seeds.",
        decision=Trained(
            tuple(
                Effect(
                    f"{method.upper()}, {name}",
                    _of(way(method, 0.7), network),
                    _of(DENSELY, network),
                    "level",
                    1.0,
                )
                for method in ("swat", "saw")
                for name, (network, _) in _FAMILIES.items()
            ),
            (FULL, SMALL_DIGITS),
        ),
        limits="Small networks of each family; digits for CIFAR-10 where the full size is missing.",
    ),
    Claim(
        id="i-70-cifar100",
        paper="I",
        place="Section 3.2, Figure 4b",
        statement="With a hundred classes at 70 % SAW loses less than 0.7 and SWAT up to 1.8 "
        "points.",
        says=f"SAW {_losses('Figure 4', 'accuracy_loss_cifar100', 'SAW')}; "
        f"SWAT {_losses('Figure 4', 'accuracy_loss_cifar100', 'SWAT')}",
        kind="training",
        chapter=ACCURACY,
        needs="SWAT and SAW at 70 % minus dense on a hundred classes in three families, three "
        "seeds.",
        decision=Trained(
            _as_resnet("Figure 4", "accuracy_loss_cifar100"),
            (HUNDRED,),
        ),
        limits="100 classes of Tiny ImageNet at 32x32 for CIFAR-100; one family.",
    ),
    Claim(
        id="i-saw-loses-less",
        paper="I",
        place="Section 3.2, Figures 4, 5b and 6a",
        statement="At 70 % SAW, whose forward pass is dense, loses less than SWAT.",
        says=f"{saw_lead():+.2f} points on average, in 8 of 10 pairs",
        kind="training",
        chapter=ACCURACY,
        needs="SAW minus SWAT at 70 %, about 15 seeds for so small an effect.",
        decision=Trained(
            (Effect("70 %", way("saw", 0.7), way("swat", 0.7), "above", saw_lead()),),
            (FULL, HUNDRED, FAMILIES_DIGITS),
        ),
        limits="Families are averaged within a seed.",
        weakness="The text does not say it; ResNet-18 on CIFAR-100 and WRN-28-10 are reversed.",
    ),
    Claim(
        id="i-80-larger-drop",
        paper="I",
        place="Section 3.2, Figure 4",
        statement="The loss grows from 70 to 80 % and beyond.",
        says="larger at 80 % and above (curves, no number)",
        kind="training",
        chapter=ACCURACY,
        needs="SWAT and SAW at 90 % minus the same at 70 %.",
        decision=Trained(
            tuple(
                Effect(
                    f"{method.upper()}, 90 % minus 70 %",
                    way(method, 0.9),
                    way(method, 0.7),
                    "below",
                    1.0,
                )
                for method in ("swat", "saw")
            ),
            (FULL, HUNDRED, FAMILIES_DIGITS),
        ),
    ),
    Claim(
        id="i-80-bounds",
        paper="I",
        place="Section 3.2, Figure 4",
        statement="At 80 % SAW loses less than 1.8 and SWAT less than 2.5 points.",
        says=f"SAW less than {_BOUNDS['', 'SAW']:g}, SWAT less than {_BOUNDS['', 'SWAT']:g} points",
        kind="training",
        chapter=ACCURACY,
        needs="SWAT and SAW at 80 % minus dense, on ten and on a hundred classes.",
        decision=Trained(
            tuple(
                Effect(
                    f"{method.upper()} 80 %",
                    way(method, 0.8),
                    DENSELY,
                    "not below",
                    _BOUNDS["", method.upper()],
                )
                for method in ("saw", "swat")
            ),
            (FULL, HUNDRED, SMALL_PATCHES, FAMILIES_DIGITS),
        ),
    ),
    Claim(
        id="i-imagenet-50",
        paper="I",
        place="Section 3.2, Figure 5b",
        statement="On ImageNet SWAT and SAW at 50 % lose at most a point.",
        says=f"-{_IMAGENET_50[0]:.2f} to -{_IMAGENET_50[1]:.2f} points",
        kind="training",
        chapter=ACCURACY,
        needs="SWAT and SAW at 50 % minus dense on a hundred classes in three families, three "
        "seeds.",
        decision=Trained(_against_dense(("swat", "saw"), 0.5, "level", 1.5), (HUNDRED,)),
        limits="100 classes of Tiny ImageNet at 32x32 for ImageNet; one family.",
    ),
    Claim(
        id="i-imagenet-70",
        paper="I",
        place="Section 3.2, Figure 5b",
        statement="On ImageNet at 70 % SWAT loses 1.5 to 2.3 and SAW 1.3 to 1.8 points.",
        says=f"SWAT {_losses('Figure 5', 'accuracy_loss_imagenet', 'SWAT')}; "
        f"SAW {_losses('Figure 5', 'accuracy_loss_imagenet', 'SAW')}",
        kind="training",
        chapter=ACCURACY,
        needs="SWAT and SAW at 70 % minus dense on a hundred classes in three families, three "
        "seeds.",
        decision=Trained(
            _as_resnet("Figure 5", "accuracy_loss_imagenet"),
            (HUNDRED,),
        ),
        limits="100 classes of Tiny ImageNet at 32x32 for ImageNet; one family.",
    ),
    Claim(
        id="i-convergence-rate",
        paper="I",
        place="Section 3.2, Figure 5a",
        statement="SWAT reaches a given share of its final accuracy as early as dense training.",
        says="at the same rate at 50 and 70 % (curves, no number)",
        kind="training",
        chapter=ACCURACY,
        needs="Accuracy per epoch of dense training and SWAT at 50 and 70 %, under a constant and "
        "a stepped rate of learning too.",
        decision=Trained(
            tuple(_late(sparsity, share) for sparsity in (0.5, 0.7) for share in (0.9, 0.95)),
            (FULL, HUNDRED, FAMILIES_DIGITS),
        ),
        limits="Test accuracy per epoch lags behind the weights where the topology moves: batch "
        "normalisation's running statistics are those of earlier networks. One schedule.",
    ),
    Claim(
        id="i-depth-70-beneficial",
        paper="I",
        place="Section 3.2, Figure 6a",
        statement="On deeper networks sparsity up to 70 % ends above dense training.",
        says="above dense on ResNet-50 and ResNet-101 (curves, no number)",
        kind="training",
        chapter=ACCURACY,
        needs="SWAT and SAW at 50 and 70 % minus dense with 20 and 32 layers, five seeds.",
        limits="32 layers for 50 and 101.",
    ),
    Claim(
        id="i-depth-80",
        paper="I",
        place="Section 3.2, Figure 6a",
        statement="At 80 % deep networks stay within 0.2 points of dense training.",
        says=", ".join(
            f"{network} {-loss:+.2f}"
            for (network, method), loss in _stated("Figure 6a", "accuracy_loss_cifar100").items()
            if method == "SWAT, SAW"
        )
        + " points",
        kind="training",
        chapter=ACCURACY,
        needs="SWAT and SAW at 80 % minus dense with 20 and 32 layers, five seeds.",
        limits="32 layers for 50 and 101.",
        weakness="The text does not say whether SWAT or SAW.",
    ),
    Claim(
        id="i-width-70",
        paper="I",
        place="Section 3.2, Figure 6a",
        statement="A very wide network loses 0.5 to 0.7 points at 70 %.",
        says=f"SAW {_losses('Figure 6a', 'accuracy_loss_cifar100', 'SAW')}, "
        f"SWAT {_losses('Figure 6a', 'accuracy_loss_cifar100', 'SWAT')} points",
        kind="training",
        chapter=ACCURACY,
        needs="SWAT and SAW at 70 % minus dense on a residual network of four times the width, "
        "five seeds.",
        weakness="Here SWAT loses less than SAW, against the submission's other pairs.",
    ),
    Claim(
        id="i-robust-depth-width",
        paper="I",
        place="Section 3.2, Figure 6a",
        statement="What SWAT loses at a given sparsity does not grow with depth or width.",
        says="robust on a wide range of depths and widths (no number)",
        kind="training",
        chapter=ACCURACY,
        needs="SWAT at 70 and 90 % minus dense at 8, 14, 20 and 32 layers and at one, two and four "
        "times the width, five seeds.",
        decision=Trained(_sizes("swat"), (FULL, SHAPES)),
        limits="At 90 %; 8 and 20 layers, 16 and 48 channels. The margin is a point for each "
        "doubling.",
    ),
    Claim(
        id="i-saw-robust-depth-width",
        paper="I",
        place="Section 3.2, Figure 6a",
        statement="What SAW loses at a given sparsity does not grow with depth or width.",
        says="robust on a wide range of depths and widths (no number)",
        kind="training",
        chapter=ACCURACY,
        needs="SAW at 70 and 90 % minus dense at 8, 14, 20 and 32 layers and at one, two and four "
        "times the width, five seeds.",
        decision=Trained(_sizes("saw"), (FULL, SHAPES)),
        limits="At 90 %; 8 and 20 layers, 16 and 48 channels. The margin is a point for each "
        "doubling.",
    ),
    Claim(
        id="i-sparsity-regularises",
        paper="I",
        place="Section 3.2; F Section 7.4, Table 5",
        statement="Moderate sparsity narrows the gap between training and test accuracy.",
        says="better generalisation (no number)",
        kind="training",
        chapter=ACCURACY,
        needs="Accuracy on the training images, in evaluation mode and without augmentation, "
        "of dense training, SWAT at 30, 50 and 70 % and 2:4 weights; five seeds.",
    ),
)
