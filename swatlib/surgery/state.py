"""The state of a sparse model: what it remembers beside its weights.

A state dict has the keys of the dense model. What a method adds (thresholds and masks kept between
steps, frozen masks, sparsities that were shared out anew) is saved and loaded here.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from swatlib.core.recipe import Recipe
from swatlib.core.sparse_layer import SparseLayer
from swatlib.selectors.frozen import Frozen
from swatlib.surgery.sparsify import sparse_layers

VERSION = 1


def sparsity_state(model: nn.Module) -> dict[str, Any]:
    """Return what the sparse layers of ``model`` remember, to be saved beside its state dict.

    Returns
    -------
    dict
        Of plain values and tensors, so that ``torch.load`` reads it with ``weights_only=True``. The
        tensors are the layers' own, as in a state dict: copy or save them before training goes on.

    Examples
    --------
    >>> import swatlib, torch
    >>> model = torch.nn.Sequential(torch.nn.Linear(8, 8))
    >>> model = swatlib.sparsify_(model, swatlib.recipe("asp", 0.5))
    >>> state = swatlib.sparsity_state(model)
    >>> swatlib.load_sparsity_state_(model, state) is model
    True
    """
    return {
        "version": VERSION,
        "layers": {name: _state(layer) for name, layer in sparse_layers(model)},
    }


@torch.no_grad()
def load_sparsity_state_(model: nn.Module, state: Mapping[str, Any]) -> nn.Module:
    """Give the sparse layers of ``model`` what :func:`sparsity_state` returned, in place.

    Call it after ``sparsify_`` with the same recipe and after ``load_state_dict``. Training then
    goes on as if it had not been interrupted.

    Parameters
    ----------
    model : nn.Module
    state : mapping

    Returns
    -------
    nn.Module
        ``model`` itself.

    Raises
    ------
    TypeError
        If ``state`` is no such mapping.
    ValueError
        If it is of another version, of other layers, of another recipe or of other shapes. Nothing
        has been changed then.

    Examples
    --------
    >>> import swatlib, torch
    >>> recipe = swatlib.swat(0.5, period=10, first_layer_dense=False)
    >>> layer, other = (swatlib.sparsify_(torch.nn.Linear(4, 4), recipe) for _ in range(2))
    >>> _ = layer(torch.randn(3, 4))
    >>> _ = other.load_state_dict(layer.state_dict())
    >>> other = swatlib.load_sparsity_state_(other, swatlib.sparsity_state(layer))
    """
    if not isinstance(state, Mapping) or not isinstance(state.get("layers"), Mapping):
        raise TypeError(f"state must be what sparsity_state returned, got {type(state).__name__}")
    if state.get("version") != VERSION:
        raise ValueError(f"state must have version {VERSION}, got {state.get('version')!r}")
    layers = dict(sparse_layers(model))
    if layers.keys() != state["layers"].keys():
        odd = sorted(layers.keys() ^ state["layers"].keys())
        raise ValueError(
            f"state must be of the sparse layers of the model; {', '.join(map(repr, odd))} "
            "only in one of the two"
        )
    recipes = {name: _recipe(name, layer, state["layers"][name]) for name, layer in layers.items()}
    before = {name: (layer.recipe, layer.states) for name, layer in layers.items()}
    try:
        for name, layer in layers.items():
            layer.follow(recipes[name])
            for operand, own in layer.own_states().items():
                own.load(state["layers"][name]["kept"].get(operand, {}), layer.weight)
    except ValueError as error:
        for other, (recipe, kept) in before.items():
            layers[other].recipe, layers[other].states = recipe, kept
        raise ValueError(f"state of layer {name!r} does not fit: {error}") from error
    return model


def _state(layer: SparseLayer) -> dict[str, Any]:
    used = layer.recipe.selectors
    return {
        "recipe": layer.recipe.name,
        "selectors": {name: str(selector) for name, selector in used.items()},
        "sparsity": {name: float(selector.sparsity) for name, selector in used.items()},
        "frozen": [name for name, selector in used.items() if selector.frozen],
        "kept": {name: kept.state() for name, kept in layer.states.items()},
    }


def _recipe(name: str, layer: SparseLayer, state: Mapping[str, Any]) -> Recipe:
    """Return the layer's recipe with the saved sparsities, and frozen where the state is."""
    wanted = {"recipe", "selectors", "sparsity", "frozen", "kept"}
    if not isinstance(state, Mapping) or state.keys() != wanted:
        raise TypeError(f"state of layer {name!r} must have the entries {sorted(wanted)}")
    if layer.recipe.name == state["recipe"] and not state["selectors"]:
        return layer.recipe.without_selectors  # the method had ended densely
    found: dict[str, Any] = {}
    for operand, selector in layer.recipe.selectors.items():
        own = selector.thawed
        sparsity = state["sparsity"].get(operand)
        if sparsity is not None and not own.fixed_sparsity:
            own = own.at_sparsity(sparsity)
        found[operand] = Frozen(own) if operand in state["frozen"] else own
    texts = {operand: str(selector) for operand, selector in found.items()}
    if (layer.recipe.name, texts) != (state["recipe"], dict(state["selectors"])):
        raise ValueError(
            f"state of layer {name!r} must be of its recipe {layer.recipe.name} {texts}, "
            f"got {state['recipe']} {dict(state['selectors'])}"
        )
    return replace(layer.recipe, **found)
