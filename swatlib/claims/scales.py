"""Where claims are tried, the most telling first."""

from dataclasses import replace

from swatlib.claims.effect import Scale
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
)


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
