"""Turn a model sparse and back, and report what is sparse in it."""

from collections.abc import Callable, Iterator

import pandas as pd
import torch
from torch import nn

from swatlib.layers import SparseConv2d, SparseLinear
from swatlib.recipes import Recipe
from swatlib.selectors import keep

LAYERS = (nn.Conv2d, nn.Linear, SparseConv2d, SparseLinear)
"""The layers a recipe can apply to."""

FilterFunction = Callable[[str, nn.Module], bool]


def sparsify_(
    model: nn.Module, recipe: Recipe, filter_fn: FilterFunction | None = None
) -> nn.Module:
    """Make every convolution and linear layer of ``model`` follow ``recipe``, in place.

    Parameters, buffers, hooks, state-dict keys and the layers' identity stay as they are, so an
    optimizer made before or after works alike. Calling it again changes the recipe.

    Parameters
    ----------
    model : nn.Module
    recipe : Recipe
        With ``recipe.first_layer_dense`` the first such layer, in the order of ``named_modules``,
        stays dense; ``filter_fn`` then chooses among the others.
    filter_fn : callable, optional
        ``filter_fn(name, layer)`` says whether a layer becomes sparse; all if not given.

    Returns
    -------
    nn.Module
        ``model`` itself.

    Raises
    ------
    TypeError
        If ``model`` is no module or ``recipe`` no recipe.
    ValueError
        If no layer is left to make sparse, or a layer has non-finite weights.

    Examples
    --------
    >>> import torch, swatlib
    >>> model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 2))
    >>> _ = swatlib.sparsify_(model, swatlib.swat(0.9))
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"model must be an nn.Module, got {type(model).__name__}")
    if not isinstance(recipe, Recipe):
        raise TypeError(f"recipe must be a Recipe, got {type(recipe).__name__}")
    layers = list(sparsifiable(model))
    if not layers:
        raise ValueError(f"model has no nn.Conv2d or nn.Linear layer: {type(model).__name__}")
    first = layers[0][1]
    chosen = [
        (name, layer)
        for name, layer in layers
        if not (recipe.first_layer_dense and layer is first)
        and (filter_fn is None or filter_fn(name, layer))
    ]
    if not chosen:
        names = ", ".join(name or "(the model itself)" for name, _ in layers)
        raise ValueError(
            f"filter_fn and first_layer_dense={recipe.first_layer_dense} leave no layer; "
            f"the model has: {names}"
        )
    for name, layer in chosen:
        if not layer.weight.is_meta and not torch.isfinite(layer.weight).all():
            raise ValueError(f"weights of layer {name!r} must be finite, got NaN or infinity")
    # A layer left out this time may be sparse from an earlier call.
    densify_(model)
    for _, layer in chosen:
        if isinstance(layer, nn.Conv2d):
            SparseConv2d.from_dense(layer, recipe)
        else:
            SparseLinear.from_dense(layer, recipe)
    return model


def densify_(model: nn.Module) -> nn.Module:
    """Undo :func:`sparsify_`: make every sparse layer dense again, in place; return ``model``.

    Weights are left as training made them, that is unpruned.
    """
    for layer in list(model.modules()):
        if isinstance(layer, SparseConv2d | SparseLinear):
            layer.to_dense()
    return model


def sparsifiable(model: nn.Module) -> Iterator[tuple[str, nn.Conv2d | nn.Linear]]:
    """Yield name and layer of every convolution and linear layer, sparse ones included.

    Subclasses made by others are passed over: what their forward pass does is not known.
    """
    for name, layer in model.named_modules():
        if type(layer) in LAYERS:
            yield name, layer


@torch.no_grad()
def report(model: nn.Module) -> pd.DataFrame:
    """Say, layer by layer, what is sparse.

    Returns
    -------
    DataFrame
        One row per convolution and linear layer: ``layer``, ``kind``, ``shape``, ``weights`` (their
        number), ``recipe`` (its name, or "dense"), ``active`` (weights that take part in the
        forward product now), ``sparsity`` (their fraction at zero), then the recipe's six slots.
    """
    rows = []
    for name, layer in sparsifiable(model):
        recipe = getattr(layer, "recipe", None)
        used = layer.weight
        if recipe is not None and recipe.forward_weight is not None:
            memory = getattr(layer, "memory", {}).get("forward_weight")
            used = keep(used, recipe.forward_weight.criterion(used, memory, training=False))
        active = int(used.count_nonzero())
        rows.append(
            {
                "layer": name,
                "kind": "conv" if isinstance(layer, nn.Conv2d) else "linear",
                "shape": tuple(layer.weight.shape),
                "weights": layer.weight.numel(),
                "recipe": recipe.name if recipe else "dense",
                "active": active,
                "sparsity": 1 - active / max(1, layer.weight.numel()),
                **{
                    slot: "dense" if selector is None else str(selector)
                    for slot, selector in (recipe or Recipe("dense")).slots().items()
                },
            }
        )
    return pd.DataFrame(rows)
