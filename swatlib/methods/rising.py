"""Rising sparsity: a run that begins denser, for any method whose sparsity can be set.

Zhu and Gupta (2017, Eq. 1) raise the sparsity as a cubic; GraNet (Liu et al. 2021) does so in a
method that drops and grows. Here the ramp is an option of every method.
"""

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import nn

from swatlib import checks
from swatlib.checked import checked, checked_fields
from swatlib.core.recipe import Recipe
from swatlib.core.selector import kept_count
from swatlib.methods.method import Between, Method, Progress
from swatlib.methods.ramp import Updates, cubic
from swatlib.methods.rewire import HeldWeight, best, held, kept_together, move_
from swatlib.selectors.held import first_mask
from swatlib.surgery.sparsify import sparse_layers


@checked(fraction=partial(checks.number, least=0, most=1), initial=checks.sparsity)
def risen(method: Method, fraction: float, initial: float = 0.0) -> Method:
    """Return a method with its sparsities as they are when a share of the ramp is done.

    Each rises by :func:`~swatlib.methods.ramp.cubic` from ``initial``, or from itself if that is
    higher.

    Examples
    --------
    >>> import swatlib
    >>> from swatlib.methods.rising import risen
    >>> risen(swatlib.method("swat", 0.8), 0.5).recipe.forward_weight.sparsity
    0.7
    """

    def at(sparsity: float) -> float:
        return round(cubic(fraction, min(initial, sparsity), sparsity), 10)

    def of(recipe: Recipe) -> Recipe:
        changed: dict[str, Any] = recipe.map(lambda s: s.at_sparsity(at(s.sparsity)))  # type: ignore[union-attr]
        return replace(recipe, **changed)

    linear = None if method.linear is None else of(method.linear)
    return replace(
        method, recipe=of(method.recipe), linear=linear, sparsity=at(method.sparsity), between=()
    )


@checked(fraction=partial(checks.number, least=0, most=1), initial=checks.sparsity)
@torch.no_grad()
def rise_(
    model: nn.Module,
    method: Method,
    fraction: float,
    initial: float = 0.0,
    optimizer: torch.optim.Optimizer | None = None,
    together: bool = False,
) -> nn.Module:
    """Give a model's layers the sparsities of :func:`risen`.

    A selector that chooses in every step gets a new sparsity. Of a held mask the active weights of
    least magnitude are dropped until so many are left; one that is below already stays. Frozen
    topologies stay.

    Parameters
    ----------
    model : nn.Module
        Made sparse by ``method``.
    method : Method
        As it is when the ramp is over.
    fraction, initial : float
        As in :func:`risen`.
    optimizer : torch.optim.Optimizer, optional
        What it keeps for weights that are dropped becomes 0.
    together : bool
        Let all held masks compete for the sum of their sizes, for a method that moves weights from
        layer to layer.
    """
    now = risen(method, fraction, initial).recipes(model)
    recipes = {
        name: now if isinstance(now, Recipe) else now[name] for name, _ in sparse_layers(model)
    }
    weights = held(model)
    wanted = [goal(one, recipes[one.name]) for one in weights]
    if together:
        masks = kept_together([w.weight for w in weights], [w.mask for w in weights], sum(wanted))
    else:
        masks = [best(w.weight.abs(), w.mask, n) for w, n in zip(weights, wanted, strict=True)]
    for one, mask in zip(weights, masks, strict=True):
        if not torch.equal(mask, one.mask):
            move_(one, mask, optimizer)
    for name, layer in sparse_layers(model):
        chosen: dict[str, Any] = {
            operand: own if own is not None and own.remembers and own.mask else new
            for (operand, own), new in zip(
                layer.recipe.named().items(), recipes[name].named().values(), strict=True
            )
        }
        layer.recipe = replace(layer.recipe, **chosen)
    return model


def goal(one: HeldWeight, recipe: Recipe) -> int:
    """Return how many active weights a recipe has for a weight with a held mask."""
    assert recipe.forward_weight is not None
    return kept_count(one.weight.numel(), recipe.forward_weight.sparsity)


@checked
@torch.no_grad()
def start_dense_(model: nn.Module, method: Method, initial: float) -> nn.Module:
    """Give held masks, before the first step, the size that the ramp begins with."""
    now = risen(method, 0.0, initial).recipes(model)
    for one in held(model):
        selector = (now if isinstance(now, Recipe) else now[one.name]).forward_weight
        assert selector is not None
        one.become(first_mask(one.weight, selector.sparsity, one.selector.start))
    return rise_(model, method, 0.0, initial)


@dataclass(frozen=True)
class Rise(Between):
    """Raise the sparsity in the first part of a run, see :func:`rise_`.

    Parameters
    ----------
    method : Method
        As it is when the ramp is over.
    when : Updates
    initial : float
        Sparsity to begin with, in [0, 1).
    together : bool
        As in :func:`rise_`.
    """

    method: Method
    when: Updates
    initial: float = 0.0
    together: bool = False

    def __post_init__(self) -> None:
        checked_fields(self, initial=checks.sparsity)

    def start(self, model: nn.Module, loss: Any) -> None:
        """Begin denser."""
        start_dense_(model, self.method, self.initial)

    def after_step(
        self, model: nn.Module, optimizer: torch.optim.Optimizer, progress: Progress
    ) -> None:
        """Raise the sparsity, if it is time."""
        if self.when.due(progress):
            fraction = self.when.fraction(progress)
            rise_(model, self.method, fraction, self.initial, optimizer, self.together)

    def __str__(self) -> str:
        return f"Rise(from {self.initial:g} until {self.when.until:g} of the run)"
