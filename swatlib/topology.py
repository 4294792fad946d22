"""Topology: what becomes of the set of active weights between two steps.

SWAT chooses it anew in every forward pass and updates every weight, so that it explores (section
3.3). Section 4.5 asks what of that is needed: here are the two ways to explore less.
"""

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from swatlib import checks
from swatlib.checked import checked, checked_fields, explained
from swatlib.layers import SparseConv2d, SparseLinear
from swatlib.masks import as_mask
from swatlib.memory import Memory
from swatlib.nm import FIXED
from swatlib.selectors import Selector
from swatlib.sparsify import active_mask
from swatlib.tied import uses


@dataclass(frozen=True)
class Frozen(Selector):
    """Keep the weights that ``selector`` chose when :func:`freeze_` was called, for good."""

    selector: Selector
    period: ClassVar[int] = FIXED
    keeps_mask: ClassVar[bool] = True

    def __post_init__(self) -> None:
        checked_fields(self)

    @property
    def sparsity(self) -> float:
        """Fraction of weights set to zero."""
        return self.selector.sparsity

    @explained(x=checks.tensor, weight=checks.optional(checks.tensor))
    def criterion(
        self,
        x: Tensor,
        memory: Memory | None = None,
        training: bool = True,
        weight: Tensor | None = None,
    ) -> Tensor:
        """Return the frozen mask.

        If the memory was made void, because other weights took the place of those it was made for,
        ``selector`` chooses anew, and in training that choice is frozen.

        Raises
        ------
        ValueError
            If there is no memory for a mask.
        """
        if memory is None or memory.mask is None:
            raise ValueError("a frozen topology belongs to its layer: call freeze_(model)")
        if torch.compiler.is_compiling() or memory.steps:
            return memory.mask
        mask = as_mask(x, self.selector.criterion(x))
        if training:
            memory.keep(mask, x if weight is None else weight)
        return mask

    def __str__(self) -> str:
        return f"{self.selector} (frozen)"


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
    """
    for layer in _explorers(model):
        selector = layer.recipe.forward_weight
        assert selector is not None
        frozen = selector if isinstance(selector, Frozen) else Frozen(selector)
        if frozen is selector and layer.memory["forward_weight"].steps:
            continue  # and not void
        memory = Memory(layer.weight, mask=True)
        memory.keep(active_mask(layer), layer.weight)
        changed: dict[str, Any] = {"forward_weight": frozen}
        layer.memory["forward_weight"] = memory
        if layer.recipe.input_grad_weight == selector:
            changed["input_grad_weight"] = frozen
            layer.memory["input_grad_weight"] = memory
        layer.recipe = replace(layer.recipe, **changed)
    return model


@checked
@torch.no_grad()
def mask_gradients_(model: nn.Module) -> nn.Module:
    """Zero the gradients of non-active weights (SWAT Figure 7).

    Call it between ``backward`` and the optimizer's step. Weight decay and momentum still move a
    non-active weight. Layers without gradients are passed over. Of a weight with several owners the
    gradient stays wherever one of them uses it, that is everywhere for a dense owner.

    Raises
    ------
    ValueError
        If no layer has sparse forward weights.
    """
    _explorers(model)
    for weight, owners in uses(model):
        if weight.grad is None or any(owner.mask is None for owner in owners):
            continue
        used = torch.stack([owner.mask for owner in owners]).any(0)  # type: ignore[misc]
        weight.grad.mul_(used)
    return model


def _explorers(model: nn.Module) -> list[Any]:
    layers = [
        layer
        for layer in model.modules()
        if isinstance(layer, SparseConv2d | SparseLinear) and layer.recipe.forward_weight
    ]
    if not layers:
        raise ValueError("model has no layer with sparse forward weights, so it has no topology")
    return layers
