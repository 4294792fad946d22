"""DSG in both orders of a layer: batch norm before ReLU, as here, and after it, as in its paper.

On the plain network, dense and at 50 %, on digits and on photograph patches.
"""

from dataclasses import replace
from itertools import product

from swatlib.experiments.grid import DIGITS, MORE_SEEDS, PATCHES
from swatlib.training import Run

NORM_FIRST, RELU_FIRST = "small_vgg", "small_vgg_relu_first"
WAYS = (("dense", 0.0), ("dsg", 0.5))


def _both_orders(base: Run) -> list[Run]:
    return [
        replace(base, network=network, method=method, sparsity=sparsity, seed=seed)
        for seed, network, (method, sparsity) in product(MORE_SEEDS, (NORM_FIRST, RELU_FIRST), WAYS)
    ]


def dsg_order_digits() -> list[Run]:
    """Dense and DSG at 50 % in both orders, on digits; five seeds."""
    return _both_orders(DIGITS)


def dsg_order_patches() -> list[Run]:
    """The same on photograph patches."""
    return _both_orders(PATCHES)
