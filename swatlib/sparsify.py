"""Turn a model sparse and back, and report what is sparse in it."""

import warnings
from collections.abc import Callable, Iterator, Mapping

import pandas as pd
import torch
from torch import Tensor, nn

from swatlib.checked import checked
from swatlib.first_layer import first_layer
from swatlib.layers import SparseConv2d, SparseLinear
from swatlib.masks import as_mask
from swatlib.recipes import Recipe
from swatlib.twin import Example

SparseLayer = SparseConv2d | SparseLinear
LAYERS = (nn.Conv2d, nn.Linear, SparseConv2d, SparseLinear)
"""The layers a recipe can apply to."""

FilterFunction = Callable[[str, nn.Module], bool]


@checked
def sparsify_(
    model: nn.Module,
    recipe: Recipe | Mapping[str, Recipe],
    filter_fn: FilterFunction | None = None,
    example: Example | None = None,
) -> nn.Module:
    """Make the convolution and linear layers of ``model`` follow ``recipe``, in place.

    Parameters, buffers, hooks, state-dict keys and the layers' identity stay as they are, so an
    optimizer made before or after works alike. Calling it again changes the recipe.

    Parameters
    ----------
    model : nn.Module
    recipe : Recipe or mapping of layer name to Recipe
        One for all: with ``recipe.first_layer_dense`` the layer that the model uses first stays
        dense, see :mod:`swatlib.first_layer`; ``filter_fn`` then chooses among the others. One for
        each: layers that are not named stay dense.
    filter_fn : callable, optional
        ``filter_fn(name, layer)`` says whether a layer becomes sparse; all if not given.
    example : tensor, shape, tuple or mapping, optional
        What the model is called with, see :data:`swatlib.twin.Example`: needed only for a model
        whose first layer cannot be told without, which a warning says.

    Returns
    -------
    nn.Module
        ``model`` itself.

    Raises
    ------
    TypeError
        If ``model`` is no module or ``recipe`` no recipe.
    ValueError
        If no layer is left to make sparse, a named layer does not exist, a layer has non-finite
        weights, or channels are to be selected in a linear layer.

    Examples
    --------
    >>> import torch, swatlib
    >>> model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 2))
    >>> _ = swatlib.sparsify_(model, swatlib.swat(0.9))
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"model must be an nn.Module, got {type(model).__name__}")
    layers = list(sparsifiable(model))
    if not layers:
        raise ValueError(f"model has no nn.Conv2d or nn.Linear layer: {type(model).__name__}")
    names = [name for name, _ in layers]
    recipes = _recipes(recipe, names)
    if isinstance(recipe, Recipe) and recipe.first_layer_dense:
        del recipes[first_layer(model, names, example)]
    chosen = [
        (name, layer, recipes[name])
        for name, layer in layers
        if name in recipes and (filter_fn is None or filter_fn(name, layer))
    ]
    if not chosen:
        there = ", ".join(name or "(the model itself)" for name in names)
        given = (
            f"first_layer_dense={recipe.first_layer_dense}"
            if isinstance(recipe, Recipe)
            else "the recipes"
        )
        raise ValueError(f"filter_fn and {given} leave no layer; the model has: {there}")
    for name, layer, own in chosen:
        if not layer.weight.is_meta and not torch.isfinite(layer.weight).all():
            raise ValueError(f"weights of layer {name!r} must be finite, got NaN or infinity")
        structured = [s for s in own.slots().values() if s and s.only_convolutions]
        if structured and isinstance(layer, nn.Linear):
            raise ValueError(
                f"layer {name!r} is linear and has no channels for {structured[0]}: leave it out "
                "with filter_fn, or give it a recipe of its own"
            )
    # A layer left out this time may be sparse from an earlier call.
    new = {id(layer): own for _, layer, own in chosen}
    forgetful = []
    for name, layer in sparse_layers(model):
        if new.get(id(layer)) != layer.recipe:
            forgetful += [name] if layer.remembers() else []
            layer.to_dense()
    if forgetful:
        warnings.warn(
            f"the thresholds or masks kept in layers {', '.join(forgetful)} are forgotten, because "
            "their recipe changes; swatlib.sparsity_state saves them",
            stacklevel=2,
        )
    for _, layer, own in chosen:
        if isinstance(layer, SparseConv2d | SparseLinear):
            continue  # the recipe is the one it has
        if isinstance(layer, nn.Conv2d):
            SparseConv2d.from_dense(layer, own)
        else:
            SparseLinear.from_dense(layer, own)
    return model


def _recipes(recipe: Recipe | Mapping[str, Recipe], names: list[str]) -> dict[str, Recipe]:
    if isinstance(recipe, Recipe):
        return dict.fromkeys(names, recipe)
    if not isinstance(recipe, Mapping):
        raise TypeError(
            f"recipe must be a Recipe, or one for each name, got {type(recipe).__name__}"
        )
    for name, own in recipe.items():
        if not isinstance(own, Recipe):
            raise TypeError(f"recipe[{name!r}] must be a Recipe, got {type(own).__name__}")
        if name not in names:
            raise ValueError(f"recipe names {name!r}; the model's layers are {', '.join(names)}")
    return dict(recipe)


@checked
def densify_(model: nn.Module) -> nn.Module:
    """Undo :func:`sparsify_`: make every sparse layer dense again, in place; return ``model``.

    Weights are left as training made them, that is unpruned.
    """
    for _, layer in list(sparse_layers(model)):
        layer.to_dense()
    return model


@checked
def sparse_layers(model: nn.Module) -> Iterator[tuple[str, SparseLayer]]:
    """Yield name and layer of every layer that :func:`sparsify_` made sparse."""
    for name, layer in model.named_modules():
        if isinstance(layer, SparseConv2d | SparseLinear):
            yield name, layer


@checked
def sparsifiable(model: nn.Module) -> Iterator[tuple[str, nn.Conv2d | nn.Linear]]:
    """Yield name and layer of every convolution and linear layer, sparse ones included.

    Subclasses made by others are passed over: what their forward pass does is not known.
    """
    for name, layer in model.named_modules():
        if type(layer) in LAYERS:
            yield name, layer


@checked
@torch.no_grad()
def active_mask(layer: nn.Module) -> Tensor:
    """Say which weights of a layer take part in its forward product now.

    Parameters
    ----------
    layer : nn.Module
        A convolution or linear layer, sparse or dense.

    Returns
    -------
    Tensor, bool, shape of the layer's weight
        All True where no selector drops weights in the forward product.
    """
    weight: Tensor = layer.weight  # type: ignore[assignment]
    recipe: Recipe | None = getattr(layer, "recipe", None)
    if recipe is None or recipe.forward_weight is None:
        return torch.ones_like(weight, dtype=torch.bool)
    return as_mask(weight, layer.choose("forward_weight", weight, training=False))  # type: ignore[operator]


@checked
@torch.no_grad()
def report(model: nn.Module) -> pd.DataFrame:
    """Say, layer by layer, what is sparse.

    Returns
    -------
    DataFrame
        One row per convolution and linear layer: ``layer``, ``kind``, ``shape``, ``weights`` (their
        number), ``recipe`` (its name, or "dense"), ``active`` (weights that take part in the
        forward product now), ``sparsity`` (their fraction at zero), then the recipe's six slots as
        they act on the layer: "dense" where a selector of pixels meets a linear layer.
    """
    rows = []
    for name, layer in sparsifiable(model):
        recipe = getattr(layer, "recipe", None) or Recipe("dense")
        active = int((active_mask(layer) & (layer.weight != 0)).sum())
        rows.append(
            {
                "layer": name,
                "kind": "conv" if isinstance(layer, nn.Conv2d) else "linear",
                "shape": tuple(layer.weight.shape),
                "weights": layer.weight.numel(),
                "recipe": recipe.name,
                "active": active,
                "sparsity": 1 - active / max(1, layer.weight.numel()),
                **{
                    slot: "dense" if selector is None else str(selector)
                    for slot, selector in recipe.acting(layer.weight.ndim).items()
                },
            }
        )
    return pd.DataFrame(rows)
