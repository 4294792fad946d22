"""Small settings that break one family of methods each: the experiments of the chapter on failures.

Each stands beside a control in which the suspected cause is taken away, and beside a method of
another family that the setting leaves alone.
"""

from dataclasses import replace
from itertools import product

from swatlib.experiments.grid import DIGITS, PATCHES, SEEDS
from swatlib.training import DENSE, Run

WIDTHS = (4, 8, 32)
NOISE = 0.5
LONG = 24
"""Epochs of a long run on patches, four times as many as a short one has."""


def _with_seeds(ways: list[Run]) -> list[Run]:
    return [replace(way, seed=seed) for seed, way in product(SEEDS, ways)]


def failures_starved() -> list[Run]:
    """Nothing left in the classifier: SWAT at 98 % on digits, and with a dense classifier."""
    starved = replace(DIGITS, method="swat", sparsity=0.98)
    saved = ({"classifier_dense": True}, {"classifier_dense": True, "allocation": "erk"})
    return _with_seeds([replace(starved, options=options) for options in saved])


def failures_few_filters() -> list[Run]:
    """Half of few filters: whole filters pruned in networks of several widths, on digits.

    Beside them half of the weights, wherever they lie.
    """
    ways = [
        ("dense", 0.0, {}),
        ("sfp", 0.5, {}),
        ("swat", 0.5, {"structured": "filter"}),
        ("swat", 0.5, {}),
    ]
    return _with_seeds(
        [
            replace(DIGITS, width=width, method=method, sparsity=sparsity, options=options)
            for width, (method, sparsity, options) in product(WIDTHS, ways)
        ]
    )


def failures_noise() -> list[Run]:
    """Half of the training labels wrong, on digits, long enough to learn them by heart."""
    base = replace(DIGITS, epochs=30, label_noise=NOISE)
    ways = [replace(base, **DENSE)]
    names = ("swat", "static", "rigl", "snip", "gmp", "small-dense")
    ways += [replace(base, method=name, sparsity=s) for name, s in product(names, (0.9,))]
    return _with_seeds([*ways, replace(base, **DENSE, label_noise=None)])


def failures_long() -> list[Run]:
    """Four times as long, on patches at 95 %: frozen masks fall behind, late masks catch up."""
    base = replace(PATCHES, epochs=LONG)
    names = ("swat", "static", "rigl", "gmp", "dpf")
    ways = [replace(base, method=name, sparsity=0.95) for name in names]
    frozen = {"freeze_epoch": 0}
    ways += [replace(one, method="swat", sparsity=0.95, options=frozen) for one in (base, PATCHES)]
    return _with_seeds([replace(base, **DENSE), *ways])


def failures_penalty() -> list[Run]:
    """A penalty so strong that layers become empty: DST on digits."""
    return _with_seeds(
        [
            replace(DIGITS, method="dst", options={"alpha": alpha}, observe="active-weights")
            for alpha in (3e-3, 1e-2, 4e-2)
        ]
    )


def failures_rate() -> list[Run]:
    """Sparse output gradients at four times the learning rate, on digits; the others are there."""
    ways = [("dense", 0.0), ("meprop", 0.9), ("backward-gradient", 0.9), ("saw", 0.9)]
    base = replace(DIGITS, lr=4 * DIGITS.lr)
    return _with_seeds([replace(base, method=name, sparsity=sparsity) for name, sparsity in ways])
