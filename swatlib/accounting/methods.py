"""What a method costs: the densities of a network's operands, from the table of methods."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from swatlib import checks
from swatlib.accounting.density import Densities, leaves_whole, spread
from swatlib.accounting.layer import Layer, Network
from swatlib.accounting.narrow import narrow
from swatlib.checked import checked
from swatlib.core.allocation import erk
from swatlib.core.operands import ACTIVATION
from swatlib.core.recipe import Recipe
from swatlib.methods import ALIASES, METHODS, Method, method
from swatlib.methods.soft_filter import on_shortcut
from swatlib.selectors import TopK

TRAINED = {
    "swat-m": "the momentum of each layer",
    "dsr": "which weights survive its global threshold",
    "snfs": "the momentum of each layer",
    "dst": "the thresholds it learns",
    "snip": "the scores of its first batch",
    "grasp": "the scores of its first batch",
    "granet": "the magnitudes of all layers, in the course of the run",
    "gmp": "the course of the run",
    "imp": "the course of the run",
    "one-shot": "the course of the run",
    "dpf": "the magnitudes of all layers, in the course of the run",
}
"""Methods whose layer densities are known only after training, and what they depend on."""


@checked
def is_downsampling(layer: Layer) -> bool:
    """Say whether a layer is the 1x1 convolution on the shortcut of a residual block."""
    return on_shortcut(layer.name)


def _weights_only(name: str, sparsity: float, first_layer_dense: bool = True) -> Recipe:
    w = TopK(sparsity)
    return Recipe(name, first_layer_dense, updates="active", forward_weight=w, input_grad_weight=w)


def rigl(sparsity: float) -> Method:
    """Return RigL's row of SWAT's Table 3: a uniform distribution (Evci et al. 2020, Table 2)."""
    return Method(_weights_only("RigL", sparsity), sparsity)


def rigl_erk(sparsity: float) -> Method:
    """Return RigL with ERK; the first layer is in its budget."""
    return Method(_weights_only("RigL", sparsity, first_layer_dense=False), sparsity, erk)


def set_(sparsity: float) -> Method:
    """Return SET's row: its inference column fits when the first layer is sparse."""
    return Method(_weights_only("SET", sparsity, first_layer_dense=False), sparsity)


def sr_ste_forward(sparsity: float) -> Method:
    """Return SR-STE as FST's Table 3 counts it: dX is dense.

    S(W) is 2:4 along the input channels. dX needs its transpose, which is not 2:4 along Cout.
    """
    whole = method("sr-ste", sparsity)
    return replace(whole, recipe=replace(whole.recipe, input_grad_weight=None))


def s_ste_forward(sparsity: float) -> Method:
    """Return S-STE with dX dense, for the same reason."""
    whole = method("s-ste", sparsity)
    return replace(whole, recipe=replace(whole.recipe, input_grad_weight=None))


PUBLISHED: dict[str, Callable[[float], Method]] = {
    "rigl": rigl,
    "rigl-erk": rigl_erk,
    "set": set_,
    "sr-ste": sr_ste_forward,
    "s-ste": s_ste_forward,
}
"""Rows as the papers print them; they replace those of the same name in
:data:`swatlib.methods.METHODS`."""

LEFT_DENSE: dict[str, Callable[[Layer], bool]] = {"set": is_downsampling}
"""Layers a published row leaves dense: "SET and DSR do not sparsify downsampling layers" (SWAT,
section 4.2)."""


def counted() -> tuple[str, ...]:
    """Return the names of all methods that can be counted from shapes, each once."""
    every = dict.fromkeys([*METHODS, *ALIASES, *PUBLISHED])
    return tuple(name for name in every if name not in TRAINED)


@checked
def named(name: str, sparsity: float, **options: Any) -> Method:
    """Return a method by a name of :func:`counted`.

    Raises
    ------
    ValueError
        For an unknown method, one whose densities depend on training, or a sparsity out of range or
        not the one that the method has.
    """
    if name in TRAINED:
        raise ValueError(
            f"densities of method {name} depend on {TRAINED[name]}, known only after training: "
            "observe the densities of a run and give them to trained_densities()"
        )
    name = checks.one_of("method", name, counted())
    sparsity = checks.sparsity("sparsity", sparsity)
    return PUBLISHED[name](sparsity) if name in PUBLISHED else method(name, sparsity, **options)


@checked(sparsity=checks.sparsity)
def method_densities(
    name: str,
    network: Network,
    sparsity: float,
    activation_sparsity: float | None = None,
    natural_zeros: Mapping[str, float] | None = None,
) -> Densities:
    """Say how dense a named method makes each operand of each layer.

    Parameters
    ----------
    name : str
        One of :func:`counted`.
    network : Network
        From :func:`~swatlib.accounting.trace.trace`.
    sparsity : float
        Of the weights (of the gradients for meProp), in [0, 1).
    activation_sparsity : float, optional
        Of the activations, in [0, 1); the method's own if not given.
    natural_zeros : mapping, optional
        Zeros that ReLU leaves, as in :func:`~swatlib.accounting.density.spread`.

    Returns
    -------
    Densities
        One per layer of ``network.weighted``.

    Raises
    ------
    ValueError
        As :func:`named`.
    """
    chosen = named(name, sparsity)
    if chosen.smaller:
        if activation_sparsity is not None:
            raise ValueError(f"act-sparsity does not apply to {name}: its activations are dense")
        return narrow(network, chosen.smaller, natural_zeros)
    sparsities = chosen.recipe.map(lambda s: float(s.sparsity))
    if activation_sparsity is not None:
        given = checks.sparsity("act-sparsity", activation_sparsity)
        if not any(s and o.tensor == ACTIVATION for o, s in chosen.recipe.items()):
            raise ValueError(f"act-sparsity does not apply to {name}: its activations are dense")
        for operand, selector in chosen.recipe.items():
            if selector is None or operand.tensor != ACTIVATION:
                continue
            if selector.fixed_sparsity and given != selector.sparsity:
                raise ValueError(
                    f"act-sparsity of method {name} must be {selector.sparsity:g}, got {given}"
                )
            sparsities[operand.name] = given
    return densities_of(network, chosen, sparsities, natural_zeros, LEFT_DENSE.get(name))


@checked
def densities_of(
    network: Network,
    method: Method,
    sparsities: Mapping[str, float] | None = None,
    natural_zeros: Mapping[str, float] | None = None,
    keep_dense: Callable[[Layer], bool] | None = None,
) -> Densities:
    """Say how dense a method makes each operand of each layer, before any training.

    Parameters
    ----------
    network : Network
        From :func:`~swatlib.accounting.trace.trace`.
    method : Method
    sparsities : mapping, optional
        As in :func:`~swatlib.accounting.density.spread`; those of the method's recipe if not given.
    natural_zeros, keep_dense : optional
        As in :func:`~swatlib.accounting.density.spread`.
    """
    recipe = method.recipe
    return spread(
        network,
        recipe.map(lambda s: float(s.sparsity)) if sparsities is None else sparsities,
        "erk" if method.allocation is erk else "uniform",
        recipe.first_layer_dense,
        natural_zeros,
        keep_dense,
        partial(_leaves_whole, method, network.last),
        recipe.updated,
        None if recipe.output is None else recipe.output.search,
    )


def _leaves_whole(chosen: Method, last: Layer, name: str, layer: Layer) -> bool:
    linear = chosen.linear if len(layer.weight) == 2 else None
    classifier = chosen.classifier_dense and layer is last
    return classifier or leaves_whole(chosen.recipe if linear is None else linear, name, layer)
