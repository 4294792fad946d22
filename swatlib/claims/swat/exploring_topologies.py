"""Claims about topologies that move during training, and what holding them costs."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from swatlib.claims.claim import Claim, Trained
from swatlib.claims.effect import Effect, Way, way
from swatlib.claims.measured import measured
from swatlib.claims.quantity import Quantity, fact
from swatlib.claims.scales import (
    FULL,
    HUNDRED,
    SMALL_CIFAR,
    SMALL_DIGITS,
    spelled,
)

CHAPTER = "3-swat/06-exploring-topologies"


def _observed(one: Way, epochs: Mapping[int, int]) -> Way:
    """Return a way as the experiments of topologies have it: watched, frozen at their epochs."""
    if one["method"] == "dense":
        return one
    options = dict(one["options"])
    if "freeze_epoch" in options:
        options["freeze_epoch"] = epochs[options["freeze_epoch"]]
    return {**one, "options": options, "observe": "topology"}


TOPOLOGY_DIGITS = spelled(SMALL_DIGITS, SMALL_DIGITS.name, partial(_observed, epochs={0: 0, 2: 1}))

TOPOLOGY_CIFAR = spelled(SMALL_CIFAR, SMALL_CIFAR.name, partial(_observed, epochs={0: 0, 2: 1}))


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


CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="n-topology-moves",
        paper="N",
        place="Sections 3.3 and 4.5",
        statement="Under SWAT, weights of every layer become active and cease to be active, until "
        "the last rate of learning.",
        says="the topology can change from iteration to iteration (no number)",
        kind="measurement",
        chapter=CHAPTER,
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
        chapter=CHAPTER,
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
        chapter=CHAPTER,
        needs="SWAT at 90 % with masked gradients minus SWAT.",
        decision=Trained(
            (
                Effect(
                    "90 %",
                    way("swat", 0.9, masked_gradients=True),
                    way("swat", 0.9),
                    "below",
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
        chapter=CHAPTER,
        needs="SWAT at 90 % frozen from the start, and after an eighth of training, minus SWAT.",
        decision=Trained(
            tuple(
                Effect(
                    name,
                    way("swat", 0.9, freeze_epoch=epoch),
                    way("swat", 0.9),
                    "below",
                )
                for name, epoch in (("frozen from the start", 0), ("after an eighth", 2))
            ),
            (FULL, HUNDRED, TOPOLOGY_CIFAR, TOPOLOGY_DIGITS),
        ),
        limits="CIFAR-10 for CIFAR-100; after a sixth of training on CIFAR-10 at 16x16.",
        weakness="The text does not say at which sparsity.",
    ),
)
