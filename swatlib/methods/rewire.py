"""Rewiring: held masks that are dropped from and grown, the parts that many methods share.

A method of this kind is one mask a layer, see :class:`~swatlib.selectors.held.Held`, and three
steps: after the optimizer's step what is not active is held at zero (:func:`hold_`); now and then
some active weights are dropped and others grown (:func:`rewire_`, Evci et al. 2020, Algorithm 1),
by the gradient of the same step, which is dense.

All choices are exact in number. Ties are broken by position, random numbers come from the weight's
own bits; so ranks agree, and a resumed run repeats what it would have done.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from math import floor
from typing import NamedTuple

import torch
from torch import Tensor, nn

from swatlib import checks
from swatlib.checked import checked, checked_fields
from swatlib.core.selector_state import SelectorState
from swatlib.core.sparse_layer import SparseLayer
from swatlib.methods.method import Between, Progress
from swatlib.methods.ramp import Updates, cosine, share
from swatlib.selectors.held import Held, random_scores
from swatlib.surgery.sparsify import active_mask, sparse_layers

GROWTH = 1
"""The purpose of random numbers that say where weights grow; 0 is that of the first mask."""


class HeldWeight(NamedTuple):
    """A weight with a held mask, once for all layers that share it.

    Parameters
    ----------
    name : str
        Of the first layer that has it.
    weight : nn.Parameter
    selector : Held
        Of the first layer that has it.
    states : tuple of SelectorState
        One for each layer.
    alone : bool
        Whether no other module uses the weight, such as an embedding. It needs all entries, so
        what is inactive keeps its value.
    """

    name: str
    weight: Tensor
    selector: Held
    states: tuple[SelectorState, ...]
    alone: bool = True

    @property
    def mask(self) -> Tensor:
        """The active weights; not to be written to, see :meth:`become`."""
        mask = self.states[0].mask
        assert mask is not None
        return mask

    @property
    def active(self) -> int:
        """The number of active weights."""
        return int(self.mask.sum())

    @torch.no_grad()
    def become(self, mask: Tensor) -> None:
        """Set the mask of all layers that share the weight, in place."""
        for state in self.states:
            assert state.mask is not None
            state.mask.copy_(mask)


@checked
@torch.no_grad()
def held(model: nn.Module, frozen: bool = False) -> list[HeldWeight]:
    """Return the weights of a model whose masks are held, in the order of the layers.

    A mask that was not made yet, because the model was not called, is made.

    Parameters
    ----------
    model : nn.Module
    frozen : bool
        Also those that :func:`swatlib.freeze_` has frozen, which no update moves.

    Examples
    --------
    >>> import swatlib, torch
    >>> from swatlib.methods.rewire import held
    >>> model = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.Linear(4, 2))
    >>> model = swatlib.sparsify_(model, swatlib.method("static", 0.5))
    >>> [(one.name, one.active) for one in held(model)]
    [('1', 4)]
    """
    found: dict[int, HeldWeight] = {}
    elsewhere = {
        _place(parameter)
        for module in model.modules()
        for own, parameter in module._parameters.items()
        if parameter is not None and not (own == "weight" and _holds(module))
    }
    for name, layer in sparse_layers(model):
        selector = layer.recipe.forward_weight
        if selector is None or not _holds(layer) or (selector.frozen and not frozen):
            continue
        state = layer.states["forward_weight"]
        key = _place(layer.weight)
        if not state.steps:
            mask = found[key].mask if key in found else active_mask(layer)
            state.keep(mask, layer.weight)
        before = found.get(key)
        states = (*(() if before is None else before.states), state)
        selector = selector.thawed
        assert isinstance(selector, Held)
        alone = key not in elsewhere
        first = before or HeldWeight(name, layer.weight, selector, (), alone)
        found[key] = first._replace(states=states)
    return list(found.values())


def _place(weight: Tensor) -> int:
    # Two Parameters that share their memory are one weight.
    return weight.data_ptr() or id(weight)


def _holds(module: nn.Module) -> bool:
    selector = module.recipe.forward_weight if isinstance(module, SparseLayer) else None
    return selector is not None and isinstance(selector.thawed, Held)


# What is dropped


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
    >>> from swatlib.methods.rewire import best
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


# What is grown

Scores = Callable[[HeldWeight], Tensor | None]
"""From a weight to the score by which its entries grow; None if it cannot be told now."""


def by_gradient(one: HeldWeight) -> Tensor | None:
    """Score by the magnitude of the gradient (RigL); None for a weight that has none."""
    return None if one.weight.grad is None else one.weight.grad.abs()


def at_random(one: HeldWeight) -> Tensor:
    """Score by random numbers that the weight's own bits decide (SET)."""
    return random_scores(one.weight, GROWTH)


# What follows


@checked
@torch.no_grad()
def zero_(one: HeldWeight, where: Tensor, optimizer: torch.optim.Optimizer | None = None) -> None:
    """Zero entries of a weight and, if an optimizer is given, what it keeps for them.

    That is every tensor of the weight's shape: momentum of SGD, both moments of Adam. A weight
    that a dense module shares is left alone.
    """
    if not one.alone:
        return
    one.weight.detach().masked_fill_(where, 0)
    kept = {} if optimizer is None else optimizer.state.get(one.weight, {})
    for tensor in kept.values():
        if isinstance(tensor, Tensor) and tensor.shape == where.shape:
            tensor.masked_fill_(where, 0)


@checked
@torch.no_grad()
def move_(
    one: HeldWeight,
    mask: Tensor,
    optimizer: torch.optim.Optimizer | None = None,
    kept: Tensor | None = None,
) -> None:
    """Give a weight a new mask; what was or is inactive becomes 0, and its optimizer state too.

    Parameters
    ----------
    one : HeldWeight
    mask : Tensor, bool
        The new one.
    optimizer : torch.optim.Optimizer, optional
        Without, its state stays as it is.
    kept : Tensor, bool, optional
        What keeps its value. If not given, all that was active and is so now, though it may have
        been dropped and grown again in between.
    """
    zero_(one, ~(one.mask & mask if kept is None else kept), optimizer)
    one.become(mask)


@checked
@torch.no_grad()
def hold_(model: nn.Module, optimizer: torch.optim.Optimizer, momentum: bool = True) -> nn.Module:
    """Zero what is not active of weights with held masks, and what the optimizer keeps for it.

    Called after every optimizer step it is, to the bit, what masked gradients are, but leaves the
    gradients dense for an update to read.

    Parameters
    ----------
    model : nn.Module
    optimizer : torch.optim.Optimizer
    momentum : bool
        False leaves the optimizer's state dense.

    Examples
    --------
    >>> import swatlib, torch
    >>> from swatlib.methods.rewire import hold_
    >>> layer = torch.nn.Linear(4, 4)
    >>> layer = swatlib.sparsify_(layer, swatlib.method("static", 0.75, first_layer_dense=False))
    >>> layer = hold_(layer, torch.optim.SGD(layer.parameters(), 0.1))
    >>> int(layer.weight.count_nonzero())
    4
    """
    for one in held(model, frozen=True):
        zero_(one, ~one.mask, optimizer if momentum else None)
    return model


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
class Hold(Between):
    """Hold inactive weights at zero after every step, see :func:`hold_`.

    Parameters
    ----------
    momentum : bool
        False leaves the optimizer's state dense.
    """

    momentum: bool = True

    def __post_init__(self) -> None:
        checked_fields(self)

    def after_step(
        self, model: nn.Module, optimizer: torch.optim.Optimizer, progress: Progress
    ) -> None:
        """Zero what is not active."""
        hold_(model, optimizer, self.momentum)

    def __str__(self) -> str:
        return "Hold()" if self.momentum else "Hold(weights only)"


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
