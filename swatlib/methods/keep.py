"""Which active weights a method keeps: by magnitude, by sign, above a threshold, of all layers.

All choices are exact in number. Ties are broken by position, so ranks agree.
"""

from collections.abc import Sequence
from math import floor

import torch
from torch import Tensor

from swatlib.checked import checked
from swatlib.methods.ramp import share


def part(fraction: float, n: int) -> int:
    """Return a share of ``n`` rounded down: 29 of 100 at 0.29, whose product is a little less."""
    return floor(round(fraction * n, 10))


@checked
@torch.no_grad()
def best(scores: Tensor, among: Tensor, n: int) -> Tensor:
    """Return the mask of the ``n`` largest scores among some entries, the first ones on ties.

    Parameters
    ----------
    scores : Tensor
    among : Tensor, bool, shape of ``scores``
        Entries that can be taken.
    n : int
        If it is more than there are, all are taken.

    Examples
    --------
    >>> import torch
    >>> from swatlib.methods.keep import best
    >>> best(torch.tensor([3.0, 1.0, 3.0, 9.0]), torch.tensor([True, True, True, False]), 1)
    tensor([ True, False, False, False])
    """
    where = among.reshape(-1).nonzero()[:, 0]
    order = scores.reshape(-1)[where].sort(descending=True, stable=True).indices
    mask = torch.zeros(among.numel(), dtype=torch.bool, device=among.device)
    mask[where[order[: max(0, n)]]] = True
    return mask.reshape(among.shape)


@checked
@torch.no_grad()
def kept_by_magnitude(weight: Tensor, mask: Tensor, n: int) -> Tensor:
    """Return the mask without its ``n`` weights of least magnitude; on ties the last ones go."""
    return best(weight.abs(), mask, int(mask.sum()) - n)


@checked(fraction=share)
@torch.no_grad()
def kept_by_sign(weight: Tensor, mask: Tensor, fraction: float) -> Tensor:
    """Return the mask without a share of its positive and of its negative weights (SET).

    Of both signs those nearest to zero go, each share rounded down, and with them what is zero.
    """
    kept = torch.zeros_like(mask)
    for sign in (weight > 0, weight < 0):
        own = mask & sign
        kept |= kept_by_magnitude(weight, own, part(fraction, int(own.sum())))
    return kept


@checked
@torch.no_grad()
def kept_above(weight: Tensor, mask: Tensor, threshold: float) -> Tensor:
    """Return the mask without its weights of magnitude below a threshold; the largest stays."""
    return best(weight.abs(), mask, max(1, int((mask & (weight.abs() >= threshold)).sum())))


@checked
@torch.no_grad()
def kept_together(weights: Sequence[Tensor], masks: Sequence[Tensor], n: int) -> list[Tensor]:
    """Return masks of the ``n`` largest magnitudes among several layers' active weights."""
    scores = torch.cat([weight.abs().reshape(-1) for weight in weights])
    among = torch.cat([mask.reshape(-1) for mask in masks])
    pieces = best(scores, among, n).split([mask.numel() for mask in masks])
    return [piece.reshape(mask.shape) for piece, mask in zip(pieces, masks, strict=True)]
