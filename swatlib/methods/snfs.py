"""SNFS: sparse networks from scratch, by sparse momentum (Dettmers and Zettlemoyer 2019).

After every epoch each layer drops a falling share of its weights by magnitude. All that was dropped
grows again, in the layers in proportion to their mean momentum, and there where the momentum of an
inactive weight is largest.

Where paper and public code differ, or we differ from both:

- The paper's momentum is that of the optimizer, which the code reads with the weight decay in it.
  So do we; of Adam it is the mean over the root of the second moment.
- The code rounds every layer's share up and comes back to its number by a correction over the next
  updates, of a quarter of the old and three quarters of the new surplus. Here the next update
  takes off the whole surplus: the total never exceeds its start by more than one weight a layer.
- A layer takes up to 99 % of its free places, the others share the excess in equal parts; a layer
  more than 80 % dense whose share is above average drops no more than its sparsity. Both are the
  code's.
- First and last layer are sparse in the code: ``first_layer_dense=False``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, isfinite
from typing import ClassVar

import torch
from torch import Tensor, nn

from swatlib import checks
from swatlib.checked import checked, checked_fields
from swatlib.methods.held_weight import HeldWeight, Hold, held, move_
from swatlib.methods.keep import best, kept_by_magnitude, part
from swatlib.methods.method import Between, Method, Progress
from swatlib.methods.ramp import Updates, cosine, share
from swatlib.methods.static import held_recipe

LAST = 0.005
"""Share that the last update exchanges."""

ROOM = 0.99
"""Share of its free places that a layer takes at most."""

FULL = 0.8
"""Density above which a layer drops no more than its sparsity."""


@checked
def momentum_of(optimizer: torch.optim.Optimizer, weight: Tensor) -> Tensor:
    """Return the momentum of SGD, or Adam's mean over the root of its second moment.

    Raises
    ------
    ValueError
        If the optimizer has none.
    """
    state = optimizer.state.get(weight, {})
    if state.get("momentum_buffer") is not None:
        buffer: Tensor = state["momentum_buffer"]
        return buffer
    if "exp_avg" in state:
        scaled: Tensor = state["exp_avg"] / (state["exp_avg_sq"].sqrt() + 1e-8)
        return scaled
    raise ValueError(
        "optimizer holds no momentum for a sparse layer: give SGD a momentum above 0 and take a "
        "step before"
    )


@checked
def grown_counts(total: int, shares: Sequence[float], free: Sequence[int]) -> list[int]:
    """Share the weights that grow out over the layers.

    Parameters
    ----------
    total : int
        How many grow in all.
    shares : sequence of float
        Of the layers; they sum to 1. Each layer's number is rounded up.
    free : sequence of int
        Places of each layer. It takes 99 % of them at most, and the others share the excess in
        equal parts.

    Examples
    --------
    >>> from swatlib.methods.snfs import grown_counts
    >>> grown_counts(4, [0.725, 0.275], [6, 6]), grown_counts(10, [0.9, 0.1], [5, 20])
    ([3, 2], [4, 6])
    """
    room = [int(ROOM * places) for places in free]
    counts = [ceil(round(max(0, total) * one, 9)) for one in shares]
    while excess := sum(max(0, n - most) for n, most in zip(counts, room, strict=True)):
        counts = [min(n, most) for n, most in zip(counts, room, strict=True)]
        unfilled = [i for i, n in enumerate(counts) if n < room[i]]
        if not unfilled:
            break
        for place, i in enumerate(unfilled):
            counts[i] += excess // len(unfilled) + (place < excess % len(unfilled))
    return counts


@checked(fraction=share)
@torch.no_grad()
def redistribute_by_momentum_(
    model: nn.Module, optimizer: torch.optim.Optimizer, fraction: float
) -> nn.Module:
    """Drop a share of each layer's active weights and grow them where the momentum is: one update.

    If momenta are zero or not finite, as in a run that has diverged, nothing changes.

    Parameters
    ----------
    model : nn.Module
    optimizer : torch.optim.Optimizer
        With a momentum.
    fraction : float
        Share of the active weights to drop.
    """
    layers = held(model)
    momenta = [momentum_of(optimizer, one.weight).abs() for one in layers]
    means = [
        float(v[one.mask].mean()) if one.active else 0.0
        for v, one in zip(momenta, layers, strict=True)
    ]
    if not (isfinite(sum(means)) and sum(means) > 0):
        return model
    shares = [mean / sum(means) for mean in means]
    kept = [
        kept_by_magnitude(one.weight, one.mask, _dropped(one, fraction, own, len(layers)))
        for one, own in zip(layers, shares, strict=True)
    ]
    before, left = sum(one.active for one in layers), sum(int(mask.sum()) for mask in kept)
    surplus = layers[0].states[0].threshold
    owed = int(surplus.nan_to_num())
    free = [int((~mask).sum()) for mask in kept]
    for one, mask, v, n in zip(
        layers, kept, momenta, grown_counts(before - left - owed, shares, free), strict=True
    ):
        move_(one, mask | best(v, ~mask, n), kept=mask)  # v stays, as all of it decides again
    surplus.fill_(sum(one.active for one in layers) - before + owed)
    return model


def _dropped(one: HeldWeight, fraction: float, own: float, layers: int) -> int:
    sparsity = 1 - one.active / one.weight.numel()
    if sparsity < 1 - FULL and own > 1 / layers:
        fraction = min(fraction, sparsity)
    return part(fraction, one.active)


@dataclass(frozen=True)
class RedistributeByMomentum(Between):
    """Exchange a falling share of all weights, see :func:`redistribute_by_momentum_`.

    Parameters
    ----------
    when : Updates
    first, last : float
        Share of the active weights that the first and the last update exchange.
    """

    when: Updates
    first: float = 0.5
    last: float = LAST
    own_allocation: ClassVar[bool] = True

    def __post_init__(self) -> None:
        checked_fields(self, first=share, last=share)

    def after_step(
        self, model: nn.Module, optimizer: torch.optim.Optimizer, progress: Progress
    ) -> None:
        """Drop and grow, if it is time."""
        if self.when.due(progress):
            fraction = cosine(self.when.fraction(progress), self.first, self.last)
            redistribute_by_momentum_(model, optimizer, fraction)

    def dense_steps(self, progress: Progress) -> float:
        """Return 1: the momentum takes in the gradients of all weights in every step."""
        return 1.0

    def check(self, epochs: int, momentum: float) -> None:
        """Refuse an optimizer without momentum."""
        if not momentum:
            raise ValueError("momentum of SNFS must be above 0, got 0")

    def __str__(self) -> str:
        return f"RedistributeByMomentum(exchange {self.first:g} to {self.last:g}, {self.when})"


@checked(sparsity=checks.sparsity, fraction=share)
def snfs(
    sparsity: float,
    fraction: float = 0.5,
    every: int | None = None,
    first_layer_dense: bool = True,
) -> Method:
    """Return SNFS: the smallest weights go, those of the largest momentum grow, over all layers.

    Parameters
    ----------
    sparsity : float
        Of the weights, in [0, 1).
    fraction : float
        Share of the active weights that the first update exchanges; it falls to 0.005 as a cosine.
    every : int, optional
        Steps between two updates; an epoch if not given.
    first_layer_dense : bool
        Leave the first layer dense.

    Examples
    --------
    >>> import swatlib
    >>> print(swatlib.method("snfs", 0.9).between[1])
    RedistributeByMomentum(exchange 0.5 to 0.005, after every epoch)
    """
    redistribute = RedistributeByMomentum(Updates(every, usual=0), fraction, min(LAST, fraction))
    return Method(
        held_recipe("SNFS", sparsity, first_layer_dense=first_layer_dense),
        between=(Hold(momentum=False), redistribute),
    )
