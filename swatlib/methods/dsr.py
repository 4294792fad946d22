"""DSR: dynamic sparse reparameterization (Mostafa and Wang 2019, Algorithm 1).

Weights below one threshold for all layers are dropped; the threshold doubles or halves until about
as many fall below it as are wanted; as many grow at random, in the layers in proportion to what
has survived there.

Where paper and public code differ, or we differ from both:

- Paper and code fix how many weights a rewiring drops, 20,000 for WRN-28-2 and 400,000 for
  ResNet-50. With a fixed number the threshold runs away in another network, so here it is a share
  of the active weights: a tenth, which is near both.
- What has just been dropped is not grown in the same rewiring (code).
- The code leaves the momentum of dropped weights, and it moves them. Here both are held at zero.
- Rewirings come twice as far apart from an eighth, two fifths and seven tenths of the run on, and
  end at 95 % of it: the code's schedule for CIFAR-10 in fractions of its 200 epochs.
- First convolution and, by default, shortcuts are dense in the code, as is the classifier of WRN:
  ``classifier_dense=True``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import nn

from swatlib import checks
from swatlib.checked import checked, checked_fields
from swatlib.methods.held_weight import Hold, held, move_
from swatlib.methods.keep import best, kept_above, kept_together, part
from swatlib.methods.method import Between, Method, Progress
from swatlib.methods.ramp import Updates, share
from swatlib.methods.rewire import at_random
from swatlib.methods.static import held_recipe

THRESHOLD = 1e-3
"""The threshold that a run begins with."""

TOLERANCE = 0.1
"""How far the number of dropped weights may be from the wanted one, as a share of it."""

FARTHER = (1 / 8, 2 / 5, 7 / 10)
"""Fractions of the run from which on rewirings come twice as far apart."""


@checked
def proportional(total: int, weights: Sequence[float], room: Sequence[int]) -> list[int]:
    """Split a number in proportion to weights, none above its room; the parts sum to it exactly.

    Remainders go to the largest ones, on ties to the first; what a full part cannot take goes to
    the others in the same proportion.

    Examples
    --------
    >>> from swatlib.methods.dsr import proportional
    >>> proportional(10, [3, 1], [9, 9]), proportional(10, [3, 1], [5, 9])
    ([8, 2], [5, 5])
    """
    counts = [0] * len(room)
    total = min(total, sum(room))
    while rest := total - sum(counts):
        free = [i for i in range(len(room)) if counts[i] < room[i]]
        whole = sum(weights[i] for i in free)
        exact = {i: rest * (weights[i] / whole if whole else 1 / len(free)) for i in free}
        parts = {i: int(exact[i]) for i in free}
        by_remainder = sorted(free, key=lambda i: (parts[i] - exact[i], i))
        for i in by_remainder[: rest - sum(parts.values())]:
            parts[i] += 1
        for i in free:
            counts[i] = min(room[i], counts[i] + parts[i])
    return counts


@checked
@torch.no_grad()
def reallocate_(
    model: nn.Module, optimizer: torch.optim.Optimizer, wanted: int, first: float = THRESHOLD
) -> nn.Module:
    """Drop what is below the threshold, adapt the threshold and grow as many: one rewiring.

    Parameters
    ----------
    model : nn.Module
    optimizer : torch.optim.Optimizer
    wanted : int
        How many weights should be dropped.
    first : float
        Threshold of the first rewiring. From then on the layers' states keep it.
    """
    layers = held(model)
    if not layers:
        return model
    threshold = float(layers[0].states[0].threshold.nan_to_num(first))
    old = [one.mask.clone() for one in layers]
    kept = [kept_above(one.weight, mask, threshold) for one, mask in zip(layers, old, strict=True)]
    dropped = sum(int((a & ~b).sum()) for a, b in zip(old, kept, strict=True))
    room = [int((~mask).sum()) for mask in old]
    if (missing := dropped - sum(room)) > 0:  # a model so dense that not all of it can move
        gone = [a & ~b for a, b in zip(old, kept, strict=True)]
        back = kept_together([one.weight for one in layers], gone, missing)
        kept = [a | b for a, b in zip(kept, back, strict=True)]
    survivors = [int(mask.sum()) for mask in kept]
    counts = proportional(sum(map(int, (m.sum() for m in old))) - sum(survivors), survivors, room)
    for one, mask, before, n in zip(layers, kept, old, counts, strict=True):
        move_(one, mask | best(at_random(one), ~before, n), optimizer, kept=mask)
    if dropped < (1 - TOLERANCE) * wanted:
        threshold *= 2
    elif dropped > (1 + TOLERANCE) * wanted:
        threshold /= 2
    for one in layers:
        for state in one.states:
            state.threshold.fill_(threshold)
    return model


@dataclass(frozen=True)
class FartherApart(Updates):
    """Updates whose period doubles from time to time, see :data:`FARTHER`."""

    @checked
    def period(self, progress: Progress) -> int:
        """Return the steps between two updates now."""
        passed = sum(progress.step + 1 > mark * progress.steps for mark in FARTHER)
        first: int = super().period(progress)
        return int(first * 2**passed)


@dataclass(frozen=True)
class Reallocate(Between):
    """Rewire by an adaptive threshold, see :func:`reallocate_`.

    Parameters
    ----------
    when : Updates
    fraction : float
        Share of all active weights that a rewiring should drop.
    first : float
        Threshold of the first rewiring.
    """

    when: Updates
    fraction: float = 0.1
    first: float = THRESHOLD
    own_allocation: ClassVar[bool] = True

    def __post_init__(self) -> None:
        checked_fields(self, fraction=share)

    def after_step(
        self, model: nn.Module, optimizer: torch.optim.Optimizer, progress: Progress
    ) -> None:
        """Rewire, if it is time."""
        if self.when.due(progress):
            active = sum(one.active for one in held(model))
            reallocate_(model, optimizer, part(self.fraction, active), self.first)

    def __str__(self) -> str:
        return f"Reallocate(drop about {self.fraction:g}, {self.when}, ever farther apart)"


@checked(sparsity=checks.sparsity, fraction=share)
def dsr(
    sparsity: float,
    fraction: float = 0.1,
    every: int | None = None,
    first_layer_dense: bool = True,
) -> Method:
    """Return DSR: what is below one threshold goes, random weights grow where many survive.

    Parameters
    ----------
    sparsity : float
        Of the weights, in [0, 1).
    fraction : float
        Share of all active weights that a rewiring should drop.
    every : int, optional
        Steps between the first updates; 100 if not given, but fewer in a short run.
    first_layer_dense : bool
        Leave the first layer dense.

    Examples
    --------
    >>> import swatlib
    >>> print(swatlib.method("dsr", 0.9, every=50).between[1])
    Reallocate(drop about 0.1, every 50 steps until 0.95 of the run, ever farther apart)
    """
    when = FartherApart(every, usual=100, until=0.95)
    return Method(
        held_recipe("DSR", sparsity, first_layer_dense=first_layer_dense),
        between=(Hold(), Reallocate(when, fraction)),
    )
