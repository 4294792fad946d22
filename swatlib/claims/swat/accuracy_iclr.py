"""Claims of the ICLR submission about accuracy at each sparsity, size and moment of training."""

from __future__ import annotations

import math
from functools import partial

import numpy as np

from swatlib.claims.claim import Claim, Trained
from swatlib.claims.effect import DENSELY, Effect, Way, accuracy, against_dense, way
from swatlib.claims.scales import (
    BOTH,
    FAMILIES_DIGITS,
    FULL,
    HUNDRED,
    ON_HUNDRED,
    SMALL_DIGITS,
    SMALL_PATCHES,
    spelled,
)
from swatlib.claims.swat.printed import stated
from swatlib.records import Record

CHAPTER = "3-swat/07-accuracy-against-sparsity"

SHAPES = spelled(SMALL_DIGITS, SMALL_DIGITS.name, dict, depth=8, width=32)


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
        losses = stated(item, quantity, "70")
        for (network, method), loss in losses.items():
            if method == "SWAT" and (network, "SAW") in losses:
                pairs.append(loss - losses[network, "SAW"])
    return float(np.mean(pairs))


def _losses(item: str, quantity: str, method: str) -> str:
    losses = stated(item, quantity, "70")
    return ", ".join(
        f"{network} {-loss:+.2f}" for (network, who), loss in losses.items() if who == method
    )


_BOUNDS = stated("Figure 4", "accuracy_loss_at_most")

_IMAGENET_50 = tuple(
    stated("Figure 5", f"accuracy_loss_imagenet_{end}")["", "SWAT, SAW"] for end in ("low", "high")
)


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


def _swat_and_saw(sparsity: float, expected: str) -> tuple[Effect, ...]:
    return (
        *against_dense("swat", (sparsity,), expected, label="SWAT "),
        *against_dense("saw", (sparsity,), expected, label="SAW "),
    )


def _as_resnet(item: str, quantity: str) -> tuple[Effect, ...]:
    """Return SAW and SWAT at 70 % minus dense, with what the submission says of ResNet-18."""
    losses = stated(item, quantity, "70")
    return tuple(
        Effect(
            f"{method.upper()} 70 %",
            way(method, 0.7),
            DENSELY,
            -losses["ResNet-18", method.upper()],
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
        less=Effect("", {**sparse, **small}, {**DENSELY, **small}, "level"),
    )


def _sizes(method: str) -> tuple[Effect, ...]:
    return (
        _size("20 against 8 layers", method, {"depth": 20}, {}),
        _size("48 against 16 channels", method, {"width": 48}, {"width": 16}),
    )


CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="i-50-beneficial",
        paper="I",
        place="Section 3.2, Figure 4",
        statement="At 50 % SWAT and SAW end above dense training.",
        says="above dense (curves, no number)",
        kind="training",
        chapter=CHAPTER,
        needs="SWAT and SAW at 50 % minus dense, five seeds.",
        decision=Trained(_swat_and_saw(0.5, "above"), (FULL, HUNDRED, FAMILIES_DIGITS)),
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
        chapter=CHAPTER,
        needs="SWAT at 50 % minus dense on ten classes, less the same on a hundred.",
        decision=Trained(
            (
                Effect(
                    "10 less 100 classes",
                    way("swat", 0.5),
                    DENSELY,
                    "above",
                    less=Effect(
                        "",
                        {**way("swat", 0.5), **ON_HUNDRED},
                        {**DENSELY, **ON_HUNDRED},
                        "level",
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
        chapter=CHAPTER,
        needs="SWAT and SAW at 60 % minus dense.",
        decision=Trained(_swat_and_saw(0.6, "level"), (FULL, SMALL_DIGITS)),
        weakness="Slight are up to "
        f"{max(stated('Figure 4', 'accuracy_loss_cifar100').values()):.2f} points at 70 %.",
    ),
    Claim(
        id="i-70-cifar10",
        paper="I",
        place="Section 3.2, Figure 4a",
        statement="On CIFAR-10 at 70 % SWAT and SAW change accuracy by at most 0.6 points.",
        says=f"SWAT {_losses('Figure 4', 'accuracy_loss_cifar10', 'SWAT')}; "
        f"SAW {_losses('Figure 4', 'accuracy_loss_cifar10', 'SAW')}",
        kind="training",
        chapter=CHAPTER,
        needs="SWAT and SAW at 70 % minus dense on a plain, a residual and a densely connected "
        "network, full-size photographs, five seeds.",
        decision=Trained(
            tuple(
                Effect(
                    f"{method.upper()}, {name}",
                    _of(way(method, 0.7), network),
                    _of(DENSELY, network),
                    "level",
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
        chapter=CHAPTER,
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
        chapter=CHAPTER,
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
        chapter=CHAPTER,
        needs="SWAT and SAW at 90 % minus the same at 70 %.",
        decision=Trained(
            tuple(
                Effect(
                    f"{method.upper()}, 90 % minus 70 %",
                    way(method, 0.9),
                    way(method, 0.7),
                    "below",
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
        chapter=CHAPTER,
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
        chapter=CHAPTER,
        needs="SWAT and SAW at 50 % minus dense on a hundred classes in three families, three "
        "seeds.",
        decision=Trained(_swat_and_saw(0.5, "level"), (HUNDRED,)),
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
        chapter=CHAPTER,
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
        chapter=CHAPTER,
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
        chapter=CHAPTER,
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
            for (network, method), loss in stated("Figure 6a", "accuracy_loss_cifar100").items()
            if method == "SWAT, SAW"
        )
        + " points",
        kind="training",
        chapter=CHAPTER,
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
        chapter=CHAPTER,
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
        chapter=CHAPTER,
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
        chapter=CHAPTER,
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
        chapter=CHAPTER,
        needs="Accuracy on the training images, in evaluation mode and without augmentation, "
        "of dense training, SWAT at 30, 50 and 70 % and 2:4 weights; five seeds.",
    ),
)
