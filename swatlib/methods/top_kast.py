"""Top-KAST: Top-K always sparse training (Jayakumar et al. 2020).

The weights of largest magnitude, A, make the products Y and dX. A larger set B, which has the next
ones too, is updated, so that some of them can grow into A. What is outside B is kept
to the bit until it enters B, because others have shrunk. Both sets are taken anew in every step, or
now and then. Weights of B outside A decay more strongly, by the inverse of A's density, so that
they have to earn their place.

Where paper and public code differ:

- The paper's optimizers for images have momentum, which would move what is outside B; public code
  trains without. Here momentum is kept inside B and zeroed outside.
- The stronger decay is by the inverse of the density in the paper. One public implementation
  divides by the sparsity. We follow the paper. It multiplies the optimizer's own weight decay, in
  the gradient, as SGD's is.
- The first layer stays dense by default, as elsewhere in this library.
"""

from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor, nn

from swatlib import checks
from swatlib.checked import checked, checked_fields
from swatlib.core.selector import kept_count
from swatlib.methods.held_weight import HeldWeight, held
from swatlib.methods.keep import best, part
from swatlib.methods.method import Between, Method, Progress
from swatlib.methods.static import held_recipe


@checked(explored=checks.sparsity)
@torch.no_grad()
def take_anew_(model: nn.Module, explored: float) -> nn.Module:
    """Take the largest weights of each layer into its mask, and the next ones into what is updated.

    Weights outside of both are noted in the layer's state, which holds them from here on.

    Parameters
    ----------
    model : nn.Module
        Made sparse by :func:`top_kast`.
    explored : float
        Share of a layer's weights that are updated beyond the active ones, in [0, 1).

    Examples
    --------
    >>> import swatlib, torch
    >>> from swatlib.methods.top_kast import inside, take_anew_
    >>> from swatlib.methods.held_weight import held
    >>> layer = torch.nn.Linear(4, 4)
    >>> method = swatlib.method("top-kast", 0.75, first_layer_dense=False)
    >>> layer = take_anew_(swatlib.sparsify_(layer, method), 0.25)
    >>> [(one.active, int(inside(one).sum())) for one in held(layer)]
    [(4, 8)]
    """
    for one in held(model):
        magnitude = one.weight.abs()
        every = torch.ones_like(one.mask)
        active = kept_count(magnitude.numel(), one.selector.sparsity)
        one.become(best(magnitude, every, active))
        updated = best(magnitude, every, active + part(explored, magnitude.numel()))
        # Weights outside B, and nothing inside: both the set and what it holds.
        noted = torch.where(updated, torch.nan, one.weight.detach())
        state = one.states[0]
        state.values = noted if state.values is None else state.values.copy_(noted)
    return model


def inside(one: HeldWeight) -> Tensor:
    """Return the mask of the weights that are updated: B."""
    noted = one.states[0].values
    return torch.ones_like(one.mask) if noted is None else noted.isnan()


@checked
@torch.no_grad()
def update_inside_(model: nn.Module, optimizer: torch.optim.Optimizer) -> nn.Module:
    """Zero gradients outside B, and strengthen the decay of what is in B and not active.

    Call it between ``backward`` and the optimizer's step.
    """
    decays = {
        id(p): group.get("weight_decay", 0.0)
        for group in optimizer.param_groups
        for p in group["params"]
    }
    for one in held(model):
        grad, updated = one.weight.grad, inside(one)
        if grad is None or not one.alone:
            continue
        grad.masked_fill_(~updated, 0)
        density = one.active / max(1, one.mask.numel())
        more = decays.get(id(one.weight), 0.0) * (1 / density - 1)
        if more:
            grad.add_(torch.where(updated & ~one.mask, more * one.weight, 0.0))
    return model


@checked
@torch.no_grad()
def restore_outside_(model: nn.Module, optimizer: torch.optim.Optimizer) -> nn.Module:
    """Give weights outside B the value that was noted, and zero what the optimizer keeps for them.

    Call it after the optimizer's step.
    """
    for one in held(model):
        noted = one.states[0].values
        if noted is None or not one.alone:
            continue
        outside = ~noted.isnan()
        one.weight.copy_(torch.where(outside, noted, one.weight))
        for tensor in optimizer.state.get(one.weight, {}).values():
            if isinstance(tensor, Tensor) and tensor.shape == outside.shape:
                tensor.masked_fill_(outside, 0)
    return model


@dataclass(frozen=True)
class AlwaysTopK(Between):
    """Update B, hold the rest, and take both sets anew now and then.

    Parameters
    ----------
    explored : float
        As in :func:`take_anew_`.
    every : int
        Optimizer steps between two choices.
    """

    explored: float
    every: int = 1
    own_sparsity: ClassVar[bool] = True

    def __post_init__(self) -> None:
        checked_fields(self, explored=checks.sparsity, every=checks.count)

    def start(self, model: nn.Module, loss: object) -> None:
        """Take the first sets."""
        take_anew_(model, self.explored)

    def after_backward(
        self, model: nn.Module, optimizer: torch.optim.Optimizer, progress: Progress
    ) -> None:
        """Let gradients reach B alone."""
        if any(one.states[0].values is None for one in held(model)):
            take_anew_(model, self.explored)  # a loop that does not call start
        update_inside_(model, optimizer)

    def after_step(
        self, model: nn.Module, optimizer: torch.optim.Optimizer, progress: Progress
    ) -> None:
        """Hold what is outside, and take the sets anew if it is time."""
        restore_outside_(model, optimizer)
        if (progress.step + 1) % self.every == 0:
            take_anew_(model, self.explored)


@checked(
    sparsity=checks.sparsity,
    explored=checks.optional(checks.sparsity),
    every=checks.count,
)
def top_kast(
    sparsity: float,
    explored: float | None = None,
    every: int = 1,
    first_layer_dense: bool = True,
) -> Method:
    """Return Top-KAST: the largest weights are used, those and the next ones are updated.

    Parameters
    ----------
    sparsity : float
        Of the weights that are used, in [0, 1).
    explored : float, optional
        Share of the weights that are updated beyond those; if not given, as many again.
    every : int
        Optimizer steps between two choices of both.
    first_layer_dense : bool
        Leave the first layer dense.

    Examples
    --------
    >>> import swatlib
    >>> print(swatlib.method("top-kast", 0.9))
    Top-KAST (first layer dense, active weights and 0.1 more updated)
    forward W                   forward X  input-grad W  input-grad G  weight-grad X  weight-grad G
    held 0.9 (start magnitude)  dense      same mask     dense         dense          dense
    between steps: AlwaysTopK(explored=0.1, every=1)
    """
    if explored is None:
        explored = round(min(sparsity, 1 - sparsity), 10)
    recipe = held_recipe("Top-KAST", sparsity, "magnitude", first_layer_dense)
    return Method(replace(recipe, explores=explored), between=(AlwaysTopK(explored, every),))
