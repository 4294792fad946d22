"""Turn a model sparse and back, and report what is sparse in it."""

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn

from swatlib.checked import checked
from swatlib.core.recipe import Plan, Recipe
from swatlib.core.sparse_layer import SparseLayer
from swatlib.surgery.adopted import SparseTransposed, sparse_class
from swatlib.surgery.fast_path import settle_fast_path
from swatlib.surgery.first_layer import first_layer
from swatlib.surgery.multiplying import (
    FROZEN,
    MISFIT,
    SHARDED,
    Multiplying,
    computed,
    multiplying,
    sharded,
)
from swatlib.surgery.twin import Example

SMALL_SHARE = 0.2
"""``sparsify_`` warns if a smaller share of the weights becomes sparse."""

FilterFunction = Callable[[str, nn.Module], bool]


@checked
def sparsify_(
    model: nn.Module,
    recipe: Recipe | Plan | Mapping[str, Recipe],
    filter_fn: FilterFunction | None = None,
    example: Example | None = None,
    also: Sequence[type] = (),
) -> nn.Module:
    """Make the convolution and linear layers of ``model`` follow ``recipe``, in place.

    Parameters, buffers, hooks, state-dict keys and the layers' identity stay as they are, so an
    optimizer made before or after works alike. Calling it again changes the recipe. Layers that it
    changes forget their thresholds, masks and compression.

    Layers of other classes, with a computed weight (weight norm, ``nn.utils.prune``) or without a
    gradient (frozen) are left as they are; :func:`report` names them.

    Parameters
    ----------
    model : nn.Module
    recipe : Recipe, Method or mapping of layer name to Recipe
        One for all: with ``recipe.first_layer_dense`` the layer that the model uses first stays
        dense, see :mod:`swatlib.surgery.first_layer`; ``filter_fn`` then chooses among the
        others. One for each: layers that are not named stay dense. A method says itself which of
        the two it is, and what happens between steps, see :class:`swatlib.Method`.
    filter_fn : callable, optional
        ``filter_fn(name, layer)`` says whether a layer becomes sparse; all if not given.
    example : tensor, shape, tuple or mapping, optional
        What the model is called with, see :data:`swatlib.surgery.twin.Example`. It is needed only
        if the first layer cannot be found without; a warning says so.
    also : sequence of classes
        Further classes of layers: subclasses of ``nn.Conv2d`` and ``nn.Linear`` whose forward goes
        through ``super().forward``, and classes that compute ``x @ weight + bias``, as ``Conv1D``
        of Hugging Face's GPT-2 does.

    Returns
    -------
    nn.Module
        ``model`` itself.

    Warns
    -----
    UserWarning
        If less than a fifth of the weights become sparse, those left out by ``filter_fn`` or by a
        mapping not counted; if a layer is lazy; if without ``filter_fn`` and mapping an
        ``nn.MultiheadAttention`` stays dense, which multiplies by its packed weights itself.

    Raises
    ------
    TypeError
        If ``model`` is no module or ``recipe`` no recipe.
    ValueError
        If no layer is left to make sparse, a named layer does not exist, a layer has non-finite
        weights, the weight of a sparse layer has become a computed one, a layer cannot follow its
        recipe (channels in a linear layer, kept masks in a transposed one), or a class in `also`
        does not compute its output as described there.

    Examples
    --------
    >>> import torch, swatlib
    >>> model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 2))
    >>> _ = swatlib.sparsify_(model, swatlib.swat(0.9))
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"model must be an nn.Module, got {type(model).__name__}")
    for cls in also:
        if not isinstance(cls, type) or not issubclass(cls, nn.Module):
            raise TypeError(f"also must hold classes of layers, got {cls!r}")
    _refuse_computed(model)
    found = list(multiplying(model, also))
    if unfit := [m for m in found if m.obstacle.startswith(MISFIT)]:
        raise ValueError(f"layer {unfit[0].name!r}: {_reason(unfit[0])}")
    layers: list[tuple[str, Any]] = [(m.name, m.layer) for m in found if not m.obstacle]
    if not layers:
        kinds = ", ".join(dict.fromkeys(_reason(m) for m in found)) or type(model).__name__
        raise ValueError(f"model has no nn.Conv2d or nn.Linear layer: {kinds}")
    names = [name for name, _ in layers]
    if isinstance(recipe, Plan):
        recipe = recipe.recipes(model)
    recipes = _recipes(recipe, names, found)
    if isinstance(recipe, Recipe) and recipe.first_layer_dense:
        used = [m.name for m in found if m.obstacle in ("", FROZEN)]
        recipes.pop(first_layer(model, used, example), None)
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
        selectors = list(own.selectors.values())
        masks = [s for s in selectors if (s.remembers and s.mask) or s is own.output]
        if masks and (isinstance(layer, SparseTransposed) or not isinstance(layer, _TORCHS)):
            raise ValueError(
                f"layer {name!r} holds its weight transposed and cannot keep the masks of "
                f"{masks[0]}: leave it out with filter_fn, or give it a recipe of its own"
            )
        kind = nn.Conv2d if isinstance(layer, nn.Conv2d) else nn.Linear
        unfit_for = [s for s in selectors if not issubclass(kind, s.layers)]
        if unfit_for:
            raise ValueError(
                f"layer {name!r} is linear and has no channels for {unfit_for[0]}: leave it out "
                "with filter_fn, or give it a recipe of its own"
            )
    _warn(found, chosen, names if isinstance(recipe, Recipe) and filter_fn is None else [])
    # A layer left out this time may be sparse from an earlier call.
    new = {id(layer): own for _, layer, own in chosen}
    forgetful = []
    for name, layer in sparse_layers(model):
        if layer.weight.requires_grad and new.get(id(layer)) != layer.recipe:
            forgetful += [name] if layer.remembers() else []
            layer.to_dense()
    if forgetful:
        warnings.warn(
            f"the thresholds or masks kept in layers {', '.join(forgetful)} are forgotten, because "
            "their recipe changes; swatlib.sparsity_state saves them",
            stacklevel=2,
        )
    for _, layer, own in chosen:
        if _is_sparse(layer):
            continue  # its recipe has not changed
        sparse_class(type(layer)).from_dense(layer, own)  # type: ignore[arg-type]
    for _, layer in sparse_layers(model):
        layer.called, layer.had_gradient = False, layer.weight.grad is not None
    settle_fast_path(model)
    return model


_TORCHS = (nn.Conv2d, nn.Linear)


def _is_sparse(layer: nn.Module) -> bool:
    return isinstance(layer, SparseLayer)


def _reason(m: Multiplying) -> str:
    other = m.obstacle == "of a class that is not asked for"
    return type(m.layer).__name__ + ("" if other else f" ({m.obstacle})")


def _refuse_computed(model: nn.Module) -> None:
    for name, layer in sparse_layers(model):
        if computed(layer):
            raise ValueError(
                f"layer {name!r} is sparse and its weight is computed since (a parametrization, "
                "weight norm or nn.utils.prune): remove that first"
            )


def _warn(found: list[Multiplying], chosen: list[tuple[Any, ...]], offered: list[str]) -> None:
    lazy = [m.name for m in found if m.obstacle.startswith("lazy")]
    if lazy:
        warnings.warn(
            f"layers {', '.join(lazy)} are lazy and stay dense: call the model once before",
            stacklevel=4,
        )
    attentions = [m.name for m in found if isinstance(m.layer, nn.MultiheadAttention)]
    if attentions and offered:
        warnings.warn(
            f"attention {', '.join(name or '(the model itself)' for name in attentions)} stays "
            "dense: nn.MultiheadAttention multiplies by its packed weights itself; written with "
            "nn.Linear and scaled_dot_product_attention it becomes sparse",
            stacklevel=4,
        )
    sparse = {name for name, *_ in chosen}
    sparse |= {m.name for m in found if m.obstacle == FROZEN and _is_sparse(m.layer)}
    counted = [m for m in found if m.obstacle or m.name in sparse or m.name in offered]
    total = sum(m.weights for m in counted)
    share = sum(m.weights for m in counted if m.name in sparse) / max(1, total)
    if share < SMALL_SHARE:
        rest = sorted((m for m in counted if m.name not in sparse), key=lambda m: -m.weights)
        shown = ", ".join(f"{m.name or '(the model itself)'} ({m.kind})" for m in rest[:3])
        warnings.warn(
            f"only {share:.1%} of the weights become sparse; the largest layers left out: {shown}; "
            "report(model) names all, `also` opts classes in",
            stacklevel=4,
        )


def _recipes(
    recipe: Recipe | Mapping[str, Recipe], names: list[str], found: list[Multiplying]
) -> dict[str, Recipe]:
    if isinstance(recipe, Recipe):
        return dict.fromkeys(names, recipe)
    if not isinstance(recipe, Mapping):
        raise TypeError(
            f"recipe must be a Recipe, or one for each name, got {type(recipe).__name__}"
        )
    for name, own in recipe.items():
        if not isinstance(own, Recipe):
            raise TypeError(f"recipe[{name!r}] must be a Recipe, got {type(own).__name__}")
        if passed := [m for m in found if m.name == name and m.obstacle]:
            raise ValueError(f"recipe names {name!r}, which cannot follow it: {_reason(passed[0])}")
        if name not in names:
            raise ValueError(f"recipe names {name!r}; the model's layers are {', '.join(names)}")
    return dict(recipe)


@checked
def densify_(model: nn.Module) -> nn.Module:
    """Undo :func:`sparsify_`: make every sparse layer dense again, in place; return ``model``.

    Weights are left as training made them, that is unpruned.

    Examples
    --------
    >>> import swatlib, torch
    >>> model = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.Linear(4, 2))
    >>> model = swatlib.densify_(swatlib.sparsify_(model, swatlib.swat(0.5)))
    >>> type(model[1]).__name__
    'Linear'
    """
    _refuse_computed(model)
    for _, layer in list(sparse_layers(model)):
        layer.to_dense()
    settle_fast_path(model)
    return model


@checked
def sparse_layers(model: nn.Module) -> Iterator[tuple[str, SparseLayer]]:
    """Yield name and layer of every layer that :func:`sparsify_` made sparse.

    Examples
    --------
    >>> import swatlib, torch
    >>> model = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.Linear(4, 2))
    >>> model = swatlib.sparsify_(model, swatlib.swat(0.5))
    >>> [name for name, layer in swatlib.sparse_layers(model)]
    ['1']
    """
    for name, layer in model.named_modules():
        if isinstance(layer, SparseLayer):
            yield name, layer


@checked
def sparsifiable(model: nn.Module) -> Iterator[tuple[str, nn.Conv2d | nn.Linear]]:
    """Yield name and layer of all that a recipe can apply to, sparse ones included.

    Left out are subclasses of torch's layers, because their forward pass is not known, layers whose
    weight is computed, and frozen layers that are not sparse already.
    """
    for m in multiplying(model):
        if not m.obstacle or (m.obstacle == FROZEN and _is_sparse(m.layer)):
            yield m.name, m.layer  # type: ignore[misc]


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

    Raises
    ------
    ValueError
        If the layer has no weight, or only a shard of it (FSDP).

    Examples
    --------
    >>> import swatlib, torch
    >>> layer = torch.nn.Linear(10, 10)
    >>> layer = swatlib.sparsify_(layer, swatlib.swat(0.9, first_layer_dense=False))
    >>> int(swatlib.active_mask(layer).sum())
    10
    """
    if sharded(layer):
        raise ValueError(f"weight of {layer} must be whole, got a shard: ask before sharding it")
    if not isinstance(getattr(layer, "weight", None), Tensor):
        raise ValueError(f"layer must have a weight, got {type(layer).__name__}")
    weight: Tensor = layer.weight  # type: ignore[assignment]
    if not isinstance(layer, SparseLayer):
        return torch.ones_like(weight, dtype=torch.bool)
    matrix = layer.matrix(weight)
    choice, selector = (
        layer.choose("forward_weight", matrix, training=False),
        layer.recipe.forward_weight,
    )
    if choice is None or selector is None:
        return torch.ones_like(weight, dtype=torch.bool)
    return layer.matrix(selector.kept(matrix, choice))


@checked
@torch.no_grad()
def report(model: nn.Module) -> pd.DataFrame:
    """Say, layer by layer, what is sparse.

    Returns
    -------
    DataFrame
        One row per module that multiplies by weights: ``layer``, ``kind`` ("conv", "linear" or the
        class of what is passed over), ``shape``, ``weights`` (their number), ``recipe`` (its name,
        or "dense"), ``active`` (nonzero weights that take part in the forward product now),
        ``sparsity`` (the fraction of the other weights), then the selectors of the six operands as
        they act on the layer ("dense" where a selector of pixels meets a linear layer), that of
        ``output`` if any layer has one, and last ``note``: why a layer was passed over, or "never
        called" for a sparse one that was not called since ``sparsify_``.

    Warns
    -----
    UserWarning
        If since ``sparsify_`` a sparse layer was not called, but other sparse layers were, or its
        weight has got a gradient. The model then seems to use the weight without the layer.

    Examples
    --------
    >>> import swatlib, torch
    >>> model = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.Linear(4, 2))
    >>> rows = swatlib.report(swatlib.sparsify_(model, swatlib.swat(0.5)))
    >>> rows[["layer", "weights", "active"]].values.tolist()
    [['0', 16, 16], ['1', 8, 4]]
    """
    found = list(multiplying(model))
    if pieces := [m.name for m in found if m.obstacle == SHARDED]:
        raise ValueError(
            f"weights of a model must be whole, those of {', '.join(pieces)} are shards: call "
            "report before FSDP shards them, or within its summon_full_params"
        )
    called = any(isinstance(m.layer, SparseLayer) and m.layer.called for m in found)
    outputs = any(isinstance(m.layer, SparseLayer) and m.layer.recipe.output for m in found)
    past, rows = [], []
    for m in found:
        layer: Any = m.layer
        sparse = _is_sparse(layer)
        recipe = layer.recipe if sparse else Recipe("dense")
        note = m.obstacle
        if sparse:
            note = "" if layer.called else "never called"
            fresh = layer.weight.grad is not None and not layer.had_gradient
            if not layer.called and (called or fresh):
                past.append(m.name)
        active = _active(m)
        rows.append(
            {
                "layer": m.name,
                "kind": m.kind,
                "shape": m.shape,
                "weights": m.weights,
                "recipe": recipe.name,
                "active": active,
                "sparsity": 1 - active / max(1, m.weights),
                **{
                    slot: "dense" if selector is None else str(selector)
                    for slot, selector in recipe.acting(len(m.shape)).items()
                },
                **({"output": str(recipe.output or "dense")} if outputs else {}),
                "note": note,
            }
        )
    if past:
        warnings.warn(
            f"sparse layers {', '.join(past)} were never called: if the model multiplies by their "
            "weights past them, as F.linear(x, layer.weight) does, those products are dense",
            stacklevel=4,
        )
    return pd.DataFrame(rows)


def _active(m: Multiplying) -> int:
    layer: Any = m.layer
    if computed(layer) or not isinstance(layer.weight, Tensor) or not m.shape:
        return m.weights
    if layer.weight.numel() != m.weights:
        return m.weights
    return int((active_mask(layer) & (layer.weight != 0)).sum())


@checked
def sparse_share(model: nn.Module) -> float:
    """Return the share of the model's weights that belongs to sparse layers.

    Of all modules that multiply by weights, as :func:`report` lists them.

    Examples
    --------
    >>> import swatlib, torch
    >>> model = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.Linear(4, 2))
    >>> model = swatlib.sparsify_(model, swatlib.swat(0.5, first_layer_dense=False))
    >>> swatlib.sparse_share(model)
    1.0
    """
    found = list(multiplying(model))
    sparse = [m.weights for m in found if _is_sparse(m.layer)]
    return sum(sparse) / max(1, sum(m.weights for m in found))
