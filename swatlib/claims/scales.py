"""Where claims are tried, the most telling first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from swatlib.claims.effect import AnyRun, Scale, Way
from swatlib.experiments.grid import CIFAR, DIGITS, FAMILIES, PATCHES
from swatlib.experiments.photographs import PHOTOGRAPHS
from swatlib.training import DENSE, Run

FULL = Scale(
    "CIFAR-10 at 32x32", (replace(PHOTOGRAPHS, **DENSE),), ("photographs", "photographs-more")
)
"""All 50,000 training images: the runs that can give grade A."""

HUNDRED = Scale(
    "100 classes of Tiny ImageNet at 32x32",
    (replace(PHOTOGRAPHS, **DENSE, data="tiny-imagenet-100", pixels=32),),
    ("photographs-100",),
    margin=1.5,
)
"""More classes, on which a difference between seeds is larger and the margin is wider."""

BOTH = replace(
    FULL,
    name="100 classes of Tiny ImageNet and CIFAR-10, both at 32x32",
    experiments=(*FULL.experiments, *HUNDRED.experiments),
    margin=HUNDRED.margin,
)
"""For a difference between the two: its ways say which data they are on."""

ON_HUNDRED = {"data": "tiny-imagenet-100", "pixels": 32}
"""What a way at :data:`BOTH` says to be on a hundred classes."""


def _small(name: str, base: Run, data: str, topics: tuple[str, ...]) -> Scale:
    base = replace(base, network="small_resnet")
    return Scale(name, (base,), tuple(f"{topic}-{data}" for topic in topics))


_TOPICS = (
    "accuracy",
    "topk-variants",
    "distribution",
    "structured",
    "topology",
    "period",
    "fst-ablation",
    "saliency",
    "two-to-four",
    "depth-width",
    "forward",
    "backward",
    "backward-classifier",
    "resprop",
    "overfitting",
    "sensitivity",
)

SMALL_CIFAR = _small("CIFAR-10 at 16x16, 5,000 images", CIFAR, "cifar", _TOPICS)
SMALL_PATCHES = _small("photograph patches", PATCHES, "patches", _TOPICS)
SMALL_DIGITS = _small("digits", DIGITS, "digits", _TOPICS)
SMALL = (SMALL_CIFAR, SMALL_PATCHES, SMALL_DIGITS)
"""One small residual network on each kind of data."""


def of_families(scale: Scale, networks: tuple[str, ...] = FAMILIES) -> Scale:
    """Return a scale with a base run for each family; families are averaged within a seed."""
    (base,) = scale.bases
    assert isinstance(base, Run)
    return replace(scale, bases=tuple(replace(base, network=n) for n in networks))


FAMILIES_PATCHES, FAMILIES_DIGITS = of_families(SMALL_PATCHES), of_families(SMALL_DIGITS)


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


def spelled(
    scale: Scale,
    name: str,
    written: Callable[[Way], Way],
    also: tuple[str, ...] = (),
    **base: object,
) -> Spelled:
    """Return a scale under a name, with these fields of its runs, whose records are so written.

    Records are looked for in the experiments named in ``also`` as well.
    """
    bases: tuple[AnyRun, ...] = tuple(replace(run, **base) for run in scale.bases)  # type: ignore[arg-type]
    experiments = (*scale.experiments, *also)
    return Spelled(name, bases, experiments, scale.seeds, scale.more, written=written)
