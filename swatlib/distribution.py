"""Distribution: every layer its own density, before training or anew in every step.

The densities come from :mod:`swatlib.allocation`; here they meet a model (SWAT section 3.3.2).
"""

from dataclasses import fields, replace
from math import isfinite, prod
from typing import Any

import torch
from torch import nn

from swatlib import checks
from swatlib.allocation import erk, momentum, uniform
from swatlib.checked import checked
from swatlib.first_layer import first_layer
from swatlib.layers import SparseConv2d, SparseLinear
from swatlib.slots import Recipe
from swatlib.sparsify import active_mask, sparsifiable

ALLOCATIONS = ("uniform", "erk", "momentum")


@checked(sparsity=checks.sparsity)
def densities(
    model: nn.Module, allocation: str, sparsity: float, first_layer_dense: bool = True
) -> dict[str, float]:
    """Return the density of every convolution and linear layer, by its name.

    Turn it into a recipe for each layer with
    ``sparsify_(model, {name: swat(1 - d) for name, d in densities(...).items()})``.

    Parameters
    ----------
    model : nn.Module
    allocation : str
        "uniform" (SWAT-U), "erk" (SWAT-ERK), or "momentum" (SWAT-M), which starts uniform and is
        kept up by :func:`redistribute_`.
    sparsity : float
        Of all weights, in [0, 1).
    first_layer_dense : bool
        With "uniform"; the two others have the first layer in their budget.

    Raises
    ------
    ValueError
        For an unknown allocation, a sparsity out of range, or a model without such layers.
    """
    if allocation not in ALLOCATIONS:
        raise ValueError(f"allocation must be one of {', '.join(ALLOCATIONS)}; got {allocation!r}")
    layers = list(sparsifiable(model))
    shapes = [tuple(layer.weight.shape) for _, layer in layers]
    first = first_layer_dense and allocation == "uniform"
    if allocation == "erk":
        each = erk(shapes, sparsity)
    else:
        each = uniform(shapes, sparsity, first_dense=False)
    by_name = dict(zip((name for name, _ in layers), each, strict=True))
    if first:
        by_name[first_layer(model, list(by_name))] = 1.0
    return by_name


@checked(sparsity=checks.sparsity)
@torch.no_grad()
def redistribute_(model: nn.Module, optimizer: torch.optim.Optimizer, sparsity: float) -> nn.Module:
    """Share the active weights out anew by the layers' mean momentum: SWAT-M.

    Call it after every optimizer step. Each layer's recipe gets the density that
    :func:`swatlib.allocation.momentum` gives the layer, for its weights and for its activations.
    If the momenta are zero or not finite, as in a run that has diverged, nothing changes.

    Parameters
    ----------
    model : nn.Module
        Made sparse with one recipe or with :func:`densities`.
    optimizer : torch.optim.Optimizer
        SGD with momentum, or one of Adam's kind.
    sparsity : float
        Of all weights of the sparse layers, in [0, 1).

    Returns
    -------
    nn.Module
        ``model`` itself.

    Raises
    ------
    ValueError
        If no layer has sparse forward weights, or the optimizer has no momentum of one.

    Notes
    -----
    Under DistributedDataParallel all ranks hold the same momenta and so come to the same densities.
    """
    layers = [
        layer
        for layer in model.modules()
        if isinstance(layer, SparseConv2d | SparseLinear) and layer.recipe.forward_weight
    ]
    if not layers:
        raise ValueError("model has no layer with sparse forward weights to redistribute")
    momenta = [_momentum(optimizer, layer.weight).abs() for layer in layers]
    active = [active_mask(layer) for layer in layers]
    # One transfer for all layers, so that a GPU is waited for once.
    means = torch.stack(
        [(m * a).sum() / a.sum().clamp(min=1) for m, a in zip(momenta, active, strict=True)]
    ).tolist()
    if not (isfinite(sum(means)) and sum(means) > 0):
        return model
    sizes = [prod(layer.weight.shape) for layer in layers]
    counts = momentum(sizes, means, sparsity)
    for layer, size, count in zip(layers, sizes, counts, strict=True):
        layer.recipe = at_sparsity(layer.recipe, 1 - max(1, count) / size)
    return model


@checked(sparsity=checks.sparsity)
def at_sparsity(recipe: Recipe, sparsity: float) -> Recipe:
    """Return ``recipe`` with all its selectors at another sparsity; equal ones stay equal.

    Raises
    ------
    ValueError
        If a selector's sparsity cannot be set, as that of 2:4 cannot.
    """
    changed: dict[str, Any] = {}
    for slot, selector in recipe.slots().items():
        if selector is None:
            continue
        if "sparsity" not in {field.name for field in fields(selector)}:
            raise ValueError(f"{slot} has a fixed sparsity that cannot be set: {selector}")
        changed[slot] = replace(selector, sparsity=sparsity)
    return replace(recipe, **changed)


def _momentum(optimizer: torch.optim.Optimizer, weight: torch.Tensor) -> torch.Tensor:
    state = optimizer.state.get(weight, {})
    for name in ("momentum_buffer", "exp_avg"):
        if state.get(name) is not None:
            buffer: torch.Tensor = state[name]
            return buffer
    raise ValueError(
        "optimizer holds no momentum for a sparse layer: give SGD a momentum above 0 and take a "
        "step before redistributing"
    )
