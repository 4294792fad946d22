"""Rewiring: some active weights are dropped now and then, and as many others are grown.

One update is Algorithm 1 of Evci et al. (2020): see :func:`rewire_`. The gradient by which weights
grow is that of the same step, and dense. Random numbers come from the weight's own bits; so ranks
agree, and a resumed run repeats what it would have done.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from swatlib import checks
from swatlib.checked import checked, checked_fields
from swatlib.methods.held_weight import HeldWeight, held, move_
from swatlib.methods.keep import best, kept_by_magnitude, kept_by_sign, part
from swatlib.methods.method import Between, Progress
from swatlib.methods.ramp import Updates, cosine, share
from swatlib.selectors.held import random_scores

GROWTH = 1
"""The purpose of random numbers that say where weights grow; 0 is that of the first mask."""


Scores = Callable[[HeldWeight], Tensor | None]
"""From a weight to the score by which its entries grow; None if it cannot be told now."""


def by_gradient(one: HeldWeight) -> Tensor | None:
    """Score by the magnitude of the gradient (RigL); None for a weight that has none."""
    return None if one.weight.grad is None else one.weight.grad.abs()


def at_random(one: HeldWeight) -> Tensor:
    """Score by random numbers that the weight's own bits decide (SET)."""
    return random_scores(one.weight, GROWTH)


@checked(fraction=share)
@torch.no_grad()
def rewire_(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    fraction: float,
    scores: Scores = by_gradient,
    signed: bool = False,
    regrow: bool = True,
    fresh: bool = False,
) -> nn.Module:
    """Drop a share of each layer's active weights and grow as many: one update of RigL or SET.

    Parameters
    ----------
    model : nn.Module
        With gradients, if weights grow by them.
    optimizer : torch.optim.Optimizer
    fraction : float
        Share of the active weights to exchange, rounded down.
    scores : callable
        :func:`by_gradient` or :func:`at_random`.
    signed : bool
        Drop this share of the positive and of the negative weights; else, of all, by magnitude.
    regrow : bool
        Whether what is dropped can be grown again at once. If not, no more is dropped than there
        are inactive weights to grow.
    fresh : bool
        Whether what is dropped and grown again begins at zero. If not, it keeps value and momentum.

    Examples
    --------
    >>> import swatlib, torch
    >>> from swatlib.methods.rewire import rewire_
    >>> layer = torch.nn.Linear(4, 4)
    >>> layer = swatlib.sparsify_(layer, swatlib.method("static", 0.5, first_layer_dense=False))
    >>> optimizer = torch.optim.SGD(layer.parameters(), 0.1)
    >>> layer(torch.randn(3, 4)).sum().backward()
    >>> optimizer.step()
    >>> int(swatlib.active_mask(rewire_(layer, optimizer, 0.5)).sum())
    8
    """
    for one in held(model):
        score = scores(one)
        if score is None:  # the layer took no part in this step
            continue
        old = one.mask
        if signed:
            kept = kept_by_sign(one.weight, old, fraction)
        else:
            kept = kept_by_magnitude(one.weight, old, part(fraction, int(old.sum())))
        exchange_(one, kept, score, optimizer, regrow, fresh)
    return model


@checked
@torch.no_grad()
def exchange_(
    one: HeldWeight,
    kept: Tensor,
    score: Tensor,
    optimizer: torch.optim.Optimizer | None,
    regrow: bool = True,
    fresh: bool = False,
) -> None:
    """Grow in place of what a weight's mask has beyond ``kept`` as many of the largest scores.

    Parameters as in :func:`rewire_`.
    """
    old = one.mask
    dropped = int(old.sum()) - int(kept.sum())
    if not regrow and (missing := dropped - int((~old).sum())) > 0:
        kept = kept | best(one.weight.abs(), old & ~kept, missing)
        dropped -= missing
    grown = best(score, ~kept if regrow else ~old, dropped)
    move_(one, kept | grown, optimizer, kept if fresh else None)


@dataclass(frozen=True)
class Rewire(Between):
    """Exchange a falling share of each layer's weights now and then, see :func:`rewire_`.

    Parameters
    ----------
    when : Updates
    first, last : float
        Share of the active weights that the first and the last update exchange; it falls as half a
        cosine.
    grow : str
        "gradient" or "random".
    signed, regrow, fresh : bool
        As in :func:`rewire_`.
    """

    when: Updates
    first: float = 0.3
    last: float = 0.0
    grow: str = "gradient"
    signed: bool = False
    regrow: bool = True
    fresh: bool = False

    def __post_init__(self) -> None:
        grow = partial(checks.one_of, allowed=tuple(SCORES))
        checked_fields(self, first=share, last=share, grow=grow)

    def dense_steps(self, progress: Progress) -> float:
        """Return the share of updates, if weights grow by gradients."""
        updates = sum(self.when.due(progress._replace(step=s)) for s in range(progress.steps))
        return updates / progress.steps if self.grow == "gradient" else 0.0

    def after_step(
        self, model: nn.Module, optimizer: torch.optim.Optimizer, progress: Progress
    ) -> None:
        """Drop and grow, if it is time."""
        if self.when.due(progress):
            fraction = cosine(self.when.fraction(progress), self.first, self.last)
            score = SCORES[self.grow]
            rewire_(model, optimizer, fraction, score, self.signed, self.regrow, self.fresh)

    def __str__(self) -> str:
        share = f"{self.first:g}" + (f" to {self.last:g}" if self.last != self.first else "")
        how = [
            f"exchange {share}",
            *(["by sign"] if self.signed else []),
            "grow at random" if self.grow == "random" else "grow by gradient",
            str(self.when),
        ]
        return f"Rewire({', '.join(how)})"


SCORES: dict[str, Scores] = {"gradient": by_gradient, "random": at_random}
"""What weights can grow by."""
