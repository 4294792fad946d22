"""What Top-K over slices really keeps: K is a whole number, rounded up in every slice."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from math import prod

from swatlib import checks
from swatlib.accounting.layer import Network
from swatlib.checked import checked
from swatlib.selectors import kept_count

DIMENSIONS = "NCHW"


@checked(sparsity=checks.sparsity)
def granted(shape: Sequence[int], sparsity: float, over: str = DIMENSIONS) -> float:
    """Return the fraction of a tensor's entries for which Top-K has a place.

    Parameters
    ----------
    shape : sequence of int
        Of the tensor; by position its dimensions are called N, C, H, W.
    sparsity : float
        Asked for, in [0, 1).
    over : str
        Dimensions that compete for the same places, as in :func:`swatlib.selectors.topk_mask`.

    Examples
    --------
    A 3x3 kernel keeps one entry of nine at 90 % as at 98 %, a 1x1 kernel its only one.

    >>> round(granted((64, 32, 3, 3), 0.98, over="HW"), 3), granted((64, 32, 1, 1), 0.98, over="HW")
    (0.111, 1.0)
    """
    entries = prod(size for size, name in zip(shape, DIMENSIONS, strict=False) if name in over)
    return kept_count(entries, sparsity) / entries


@checked(sparsity=checks.sparsity, over=partial(checks.one_of, allowed=("NCHW", "CHW", "HW")))
def backward_work(network: Network, sparsity: float, over: str = DIMENSIONS) -> float:
    """Return the share of both backward products that SAW leaves, over all layers but the first.

    Parameters
    ----------
    network : Network
        From :func:`~swatlib.accounting.trace.trace`, for a whole batch: Top-K over "NCHW" rounds
        once for a batch, over "CHW" once for a sample.
    sparsity : float
        Asked for, in [0, 1).
    over : str
        "NCHW", "CHW" or "HW".
    """
    left, whole = 0.0, 0
    for layer in network.weighted:
        if layer is network.first:
            continue
        w, x = (granted(shape, sparsity, over) for shape in (layer.weight, layer.input))
        left += layer.forward_macs * (w + x)
        whole += 2 * layer.forward_macs
    return left / whole if whole else 1.0
