"""Sparse training of a small vision transformer: one dense recipe for all methods.

The dense recipe was tuned on dense runs of one seed on digits alone, and then frozen. Every method
acts on the layers of the blocks, attention's and the feed-forward networks'; patches and head stay
dense. Two methods leave attention dense as they are published; digits and photographs have them so,
too.
"""

from dataclasses import replace
from itertools import product
from typing import Any

from swatlib.experiments.grid import MORE_SEEDS, SEEDS
from swatlib.experiments.photographs import PHOTOGRAPHS
from swatlib.training import Run

TRANSFORMER_DIGITS = Run(
    data="digits",
    network="vision_transformer",
    width=32,
    depth=2,
    epochs=20,
    batch_size=64,
    lr=0.01,
    weight_decay=0.05,
    schedule="one-cycle",
    optimizer="adamw",
)
TRANSFORMER_PATCHES = replace(TRANSFORMER_DIGITS, data="patches", epochs=6)
TRANSFORMER_PHOTOGRAPHS = replace(
    PHOTOGRAPHS,
    network="vision_transformer",
    width=192,
    depth=6,
    epochs=64,
    lr=1e-3,
    weight_decay=0.05,
    nesterov=None,
    optimizer="adamw",
)
"""The augmentation and precision of the convolutional networks; rate and length not tuned."""

SQUARED = "vision_transformer_squared_relu"
BLOCKS, FEED_FORWARD, DOWN = "blocks", "feed_forward", "feed_forward.down"
"""Attention and feed-forward layers; the latter; the second layer of each feed-forward network."""

ON_BLOCKS = (
    ("swat", 0.8),
    ("swat", 0.9),
    ("saw", 0.9),
    ("sr-ste", 0.5),
    ("hu-2to4", 0.5),
    ("s-ste", 0.5),
    ("fst-weights", 0.5),
)
AS_PUBLISHED = ("hu-2to4", "s-ste")
"""Methods that their papers apply to feed-forward layers alone."""


def _on(base: Run, only: str, method: str, sparsity: float, **fields: Any) -> Run:
    return replace(base, method=method, sparsity=sparsity, options={"only": only}, **fields)


def _every_way(base: Run, seeds: tuple[int, ...] = SEEDS) -> list[Run]:
    ways = [base, *[_on(base, BLOCKS, method, sparsity) for method, sparsity in ON_BLOCKS]]
    ways += [
        replace(base, network=SQUARED),
        _on(base, DOWN, "activations-2to4", 0.5, network=SQUARED),
    ]
    return [replace(way, seed=seed) for seed, way in product(seeds, ways)]


def _as_published(base: Run, seeds: tuple[int, ...] = SEEDS) -> list[Run]:
    ways = [_on(base, FEED_FORWARD, method, 0.5) for method in AS_PUBLISHED]
    return [replace(way, seed=seed) for seed, way in product(seeds, ways)]


def transformer_digits() -> list[Run]:
    """Weights, gradients' operands and activations made sparse, on digits; five seeds.

    Two methods also as they are published.
    """
    base = TRANSFORMER_DIGITS
    return _every_way(base, MORE_SEEDS) + _as_published(base, MORE_SEEDS)


def transformer_patches() -> list[Run]:
    """The same on photograph patches, all methods on all layers of the blocks; three seeds."""
    return _every_way(TRANSFORMER_PATCHES)


def transformer_photographs() -> list[Run]:
    """The same on full-size CIFAR-10 photographs, and two methods as they are published."""
    return _every_way(TRANSFORMER_PHOTOGRAPHS) + _as_published(TRANSFORMER_PHOTOGRAPHS)
