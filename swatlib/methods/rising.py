"""Rising sparsity: a run that begins denser, for any method whose sparsity can be set.

Zhu and Gupta (2017, Eq. 1) raise the sparsity as a cubic. Their pruning, GraNet and DPF are this
ramp over held masks; it is an option of every other method too.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from swatlib import checks
from swatlib.checked import checked, checked_fields
from swatlib.core.recipe import Recipe
from swatlib.core.selector import kept_count
from swatlib.methods.held_weight import HeldWeight, held, move_
from swatlib.methods.keep import best, kept_together
from swatlib.methods.method import Between, Method, Progress
from swatlib.methods.ramp import Updates, cubic
from swatlib.selectors.held import first_mask
from swatlib.surgery.sparsify import sparse_layers


@checked
def resized(method: Method, change: Callable[[float], float]) -> Method:
    """Return a method with all its sparsities changed by a function, and nothing between steps."""

    def of(recipe: Recipe) -> Recipe:
        changed: dict[str, Any] = recipe.map(lambda s: s.at_sparsity(round(change(s.sparsity), 10)))
        return replace(recipe, **changed)

    return replace(
        method,
        recipe=of(method.recipe),
        linear=None if method.linear is None else of(method.linear),
        sparsity=round(change(method.sparsity), 10),
        between=(),
    )


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
    return resized(method, lambda s: cubic(fraction, min(initial, s), s))


@checked
def recipes_of(model: nn.Module, method: Method) -> Mapping[str, Recipe]:
    """Return the recipe that a method has for each sparse layer of a model."""
    found = method.recipes(model)
    names = [name for name, _ in sparse_layers(model)]
    return {name: found if isinstance(found, Recipe) else found[name] for name in names}


@checked
def goal(one: HeldWeight, recipe: Recipe) -> int:
    """Return how many active weights a recipe has for a weight with a held mask."""
    assert recipe.forward_weight is not None
    return kept_count(one.weight.numel(), recipe.forward_weight.sparsity)


@checked
@torch.no_grad()
def resize_(
    model: nn.Module,
    method: Method,
    optimizer: torch.optim.Optimizer | None = None,
    together: bool = False,
    revive: bool = False,
) -> nn.Module:
    """Give a model's layers the sparsities of a method.

    A selector that chooses in every step gets the new sparsity. A held mask keeps its selector,
    so that compiled steps stay valid; its active weights of least magnitude are dropped until so
    many are left, and a mask that is below already stays. Frozen topologies stay.

    Parameters
    ----------
    model : nn.Module
    method : Method
        Made by :func:`risen` or :func:`resized` of the one that made the model sparse.
    optimizer : torch.optim.Optimizer, optional
        What it keeps for weights that are dropped becomes 0.
    together : bool
        Let the weights of all held masks compete for the sum of their sizes.
    revive : bool
        Let inactive weights compete too, and zero none (DPF).
    """
    recipes, weights = recipes_of(model, method), held(model)
    among = [torch.ones_like(w.mask) if revive else w.mask for w in weights]
    sizes = [goal(one, recipes[one.name]) for one in weights]
    if together and weights:
        masks = kept_together([w.weight for w in weights], among, sum(sizes))
    else:
        rows = zip(weights, among, sizes, strict=True)
        masks = [best(one.weight.abs(), these, n) for one, these, n in rows]
    for one, mask in zip(weights, masks, strict=True):
        if revive:
            one.become(mask)
        elif not torch.equal(mask, one.mask):
            move_(one, mask, optimizer)
    for name, layer in sparse_layers(model):
        chosen: dict[str, Any] = dict(recipes[name].selectors)
        chosen |= {n: s for n, s in layer.recipe.selectors.items() if s.remembers and s.mask}
        changed = replace(layer.recipe, **chosen)
        if changed != layer.recipe:
            layer.recipe = changed
    return model


@dataclass(frozen=True)
class Rise(Between):
    """Raise the sparsity in a part of a run as a cubic, see :func:`resize_` and :func:`risen`.

    Parameters
    ----------
    method : Method
        As it is when the ramp is over.
    when : Updates
    initial : float
        Sparsity to begin with, in [0, 1).
    together, revive : bool
        As in :func:`resize_`.
    """

    method: Method
    when: Updates
    initial: float = 0.0
    together: bool = False
    revive: bool = False
    own_sparsity: ClassVar[bool] = True

    def __post_init__(self) -> None:
        checked_fields(self, initial=checks.sparsity)

    @torch.no_grad()
    def start(self, model: nn.Module, loss: Callable[[], Tensor]) -> None:
        """Begin denser."""
        first = risen(self.method, 0.0, self.initial)
        recipes = recipes_of(model, first)
        for one in held(model):
            selector = recipes[one.name].forward_weight
            assert selector is not None
            one.become(first_mask(one.weight, selector.sparsity, one.selector.start))
        resize_(model, first, together=self.together, revive=self.revive)

    def after_step(
        self, model: nn.Module, optimizer: torch.optim.Optimizer, progress: Progress
    ) -> None:
        """Raise the sparsity, if it is time.

        Raises
        ------
        ValueError
            After the first step, if the method's ``start`` was not called.
        """
        if not progress.step:
            self._check_started(model)
        if self.when.due(progress):
            now = risen(self.method, self.when.fraction(progress), self.initial)
            resize_(model, now, optimizer, self.together, self.revive)

    def _check_started(self, model: nn.Module) -> None:
        first = recipes_of(model, risen(self.method, 0.0, self.initial))
        weights = held(model)
        few = sum(w.active for w in weights) < sum(goal(w, first[w.name]) for w in weights)
        for name, layer in sparse_layers(model):
            now = layer.recipe.map(lambda s: s.sparsity if not s.mask else None)
            wanted = first[name].map(lambda s: s.sparsity if not s.mask else None)
            frozen = any(s.frozen for s in layer.recipe.selectors.values())
            few |= now != wanted and not frozen
        if few:
            raise ValueError(
                "a rising sparsity needs method.start(model, loss) before the first step: the "
                "model is already as sparse as the ramp ends"
            )

    def __str__(self) -> str:
        begin = f"from {self.when.begin:g} " if self.when.begin else ""
        more = (", together" if self.together else "") + (", revive" if self.revive else "")
        return f"Rise(from {self.initial:g}, {begin}until {self.when.until:g} of the run{more})"
