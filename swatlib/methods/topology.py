"""Topology: how the set of active weights may change between two steps.

SWAT chooses the set anew in every forward pass and updates every weight, so that it explores
(section 3.3). Section 4.5 asks how much of that is needed. Its two ways to explore less are here.
"""

from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import torch
from torch import nn

from swatlib import checks
from swatlib.checked import checked, checked_fields
from swatlib.core.selector_state import SelectorState
from swatlib.core.sparse_layer import SparseLayer
from swatlib.methods.method import Between, Progress
from swatlib.selectors.frozen import Frozen
from swatlib.surgery.sparsify import active_mask, sparse_layers
from swatlib.surgery.tied import uses


@checked
@torch.no_grad()
def freeze_(model: nn.Module) -> nn.Module:
    """Keep the weights that are active now active from here on, and no others (SWAT Figure 8).

    Updates go on; they reach the active weights of every later forward pass. Activations are chosen
    as before. Save the masks with :func:`swatlib.sparsity_state`.

    Raises
    ------
    ValueError
        If no layer has sparse forward weights.

    Examples
    --------
    >>> import swatlib, torch
    >>> layer = torch.nn.Linear(10, 10)
    >>> layer = swatlib.sparsify_(layer, swatlib.swat(0.9, first_layer_dense=False))
    >>> print(swatlib.freeze_(layer).recipe.forward_weight)
    TopK 0.9 (frozen)
    """
    for layer in _explorers(model):
        selector = layer.recipe.forward_weight
        assert selector is not None
        if selector.frozen and layer.states["forward_weight"].steps:
            continue  # already frozen, and the mask is not void
        frozen = selector if selector.frozen else Frozen(selector)
        state = SelectorState(layer.weight, mask=True)
        state.keep(active_mask(layer), layer.weight)
        changed: dict[str, Any] = {"forward_weight": frozen}
        layer.states["forward_weight"] = state
        if layer.recipe.input_grad_weight == selector:
            changed["input_grad_weight"] = frozen
            layer.states["input_grad_weight"] = state
        layer.recipe = replace(layer.recipe, **changed)
    return model


@checked
@torch.no_grad()
def mask_gradients_(model: nn.Module) -> nn.Module:
    """Zero the gradients of non-active weights (SWAT Figure 7).

    Call it between ``backward`` and the optimizer's step. Weight decay and momentum still move a
    non-active weight. Layers without gradients are passed over. If several layers share a weight,
    its gradient stays wherever one of them uses it; a dense layer uses all of it.

    Raises
    ------
    ValueError
        If no layer has sparse forward weights.

    Examples
    --------
    >>> import swatlib, torch
    >>> layer = torch.nn.Linear(4, 4)
    >>> layer = swatlib.sparsify_(layer, swatlib.swat(0.75, first_layer_dense=False))
    >>> layer(torch.randn(3, 4)).sum().backward()
    >>> layer = swatlib.mask_gradients_(layer)
    >>> int(layer.weight.grad.count_nonzero()) <= 4
    True
    """
    _explorers(model)
    for weight, owners in uses(model):
        if weight.grad is None or any(owner.mask is None for owner in owners):
            continue
        used = torch.stack([owner.mask for owner in owners]).any(0)  # type: ignore[misc]
        weight.grad.mul_(used)
    return model


def _explorers(model: nn.Module) -> list[SparseLayer]:
    layers = [layer for _, layer in sparse_layers(model) if layer.recipe.forward_weight]
    if not layers:
        raise ValueError("model has no layer with sparse forward weights, so it has no topology")
    return layers


@dataclass(frozen=True)
class FreezeAt(Between):
    """Freeze the topology when so many epochs are done, see :func:`freeze_`.

    Parameters
    ----------
    epoch : int
        0: before the first step.
    until : float
        Share of the run after which the model is dense, as at the end of Hu's; 1 for the whole run.
    """

    epoch: int
    until: float = field(default=1.0, repr=False)

    def __post_init__(self) -> None:
        checked_fields(
            self,
            epoch=partial(checks.count, least=0),
            until=partial(checks.number, above=0, most=1),
        )

    def after_backward(
        self, model: nn.Module, optimizer: torch.optim.Optimizer, progress: Progress
    ) -> None:
        """Freeze what the epoch's first step has just used."""
        if progress.step == self.epoch * progress.epoch_steps:
            freeze_(model)

    def check(self, epochs: int, momentum: float) -> None:
        """Refuse a run that ends, or becomes dense, before."""
        if self.epoch >= self.until * epochs:
            raise ValueError(
                f"freeze_epoch must be in [0, {self.until * epochs:g}), got {self.epoch}"
            )


@dataclass(frozen=True)
class MaskGradients(Between):
    """Update active weights only, see :func:`mask_gradients_`."""

    def after_backward(
        self, model: nn.Module, optimizer: torch.optim.Optimizer, progress: Progress
    ) -> None:
        """Zero the gradients of the others."""
        mask_gradients_(model)
