"""The table of methods: one row each, for training, command line, accounting, plots and chapters.

A new method is one function, which returns a recipe or a :class:`Method`, and one row here.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial, wraps
from typing import Any

from swatlib import checks
from swatlib.checked import checked
from swatlib.core.recipe import Recipe
from swatlib.methods.allocation import ALLOCATIONS
from swatlib.methods.dpf import dpf
from swatlib.methods.dsg import dsg
from swatlib.methods.dsr import dsr
from swatlib.methods.dst import dst
from swatlib.methods.evolutionary import set_
from swatlib.methods.fst import DecayPruned, asp, fst, gg, gx, sr_ste, tsm, wg, wx
from swatlib.methods.gmp import gmp
from swatlib.methods.granet import granet
from swatlib.methods.grasp import grasp
from swatlib.methods.haziza import activations_2to4
from swatlib.methods.hu import hu_2to4
from swatlib.methods.imp import imp, one_shot
from swatlib.methods.itop import itop_rigl, itop_set
from swatlib.methods.meprop import meprop
from swatlib.methods.method import Between, Method, Progress
from swatlib.methods.momentum import ShareByMomentum
from swatlib.methods.mvue import mvue
from swatlib.methods.ramp import Updates
from swatlib.methods.resprop import resprop
from swatlib.methods.rigl import rigl
from swatlib.methods.rising import Rise
from swatlib.methods.s_ste import s_ste
from swatlib.methods.sensitivity import (
    backward_activation,
    backward_gradient,
    backward_weight,
    forward_activation,
    forward_weight,
    sparse_backward,
    sparse_forward,
)
from swatlib.methods.small_dense import small_dense
from swatlib.methods.snfs import snfs
from swatlib.methods.snip import snip
from swatlib.methods.soft_filter import asfp, sfp
from swatlib.methods.static import static
from swatlib.methods.swat import dense, saw, swat
from swatlib.methods.top_kast import top_kast
from swatlib.methods.topology import FreezeAt, MaskGradients
from swatlib.selectors.held import Held

__all__ = [
    "ALIASES",
    "METHODS",
    "Between",
    "Method",
    "Progress",
    "Recipe",
    "dense",
    "meprop",
    "method",
    "recipe",
    "saw",
    "sparse_backward",
    "sparse_forward",
    "swat",
    "with_options",
]

Row = Callable[..., Recipe | Method]


def _only(sparsity: float, function: Callable[..., Recipe | Method], **fixed: Any) -> Row:
    """Return a row that accepts one sparsity only, around a function that takes none."""

    @wraps(function)
    def row(given: float, **options: Any) -> Recipe | Method:
        if given != sparsity:
            kind = "a 2:4 method" if sparsity else f"the method {function.__name__}"
            raise ValueError(f"sparsity of {kind} must be {sparsity:g}, got {given}")
        return function(**fixed, **options)

    return row


def _structured_swat(sparsity: float, structured: str | None = None, **options: Any) -> Method:
    """Return SWAT; if it is structured, with unstructured linear layers, which have no channels."""
    whole = swat(sparsity, structured=structured, **options)
    linear = None if structured is None else swat(sparsity, **options)
    return Method(whole, linear=linear)


METHODS: dict[str, Row] = {
    "dense": _only(0.0, dense),
    "swat": wraps(swat)(_structured_swat),
    "saw": saw,
    "meprop": meprop,
    "forward-weight": forward_weight,
    "forward-activation": forward_activation,
    "backward-weight": backward_weight,
    "backward-activation": backward_activation,
    "backward-gradient": backward_gradient,
    "fst": _only(0.5, fst),
    "fst-unrestored": _only(0.5, fst, restore=False),
    "fst-weights": _only(0.5, fst, activations=False),
    "sr-ste": _only(0.5, sr_ste),
    "tsm": _only(0.5, tsm),
    "asp": _only(0.5, asp),
    "wg": _only(0.5, wg),
    "wx": _only(0.5, wx),
    "gg": _only(0.5, gg),
    "gx": _only(0.5, gx),
    "hu-2to4": _only(0.5, hu_2to4),
    "s-ste": _only(0.5, s_ste),
    "mvue": _only(0.5, mvue),
    "activations-2to4": _only(0.5, activations_2to4),
    "resprop": resprop,
    "dsg": dsg,
    "static": static,
    "set": set_,
    "rigl": rigl,
    "itop-set": itop_set,
    "itop-rigl": itop_rigl,
    "snfs": snfs,
    "dsr": dsr,
    "granet": granet,
    "gmp": gmp,
    "imp": imp,
    "one-shot": one_shot,
    "dpf": dpf,
    "snip": snip,
    "grasp": grasp,
    "sfp": sfp,
    "asfp": asfp,
    "dst": _only(0.0, dst),
    "top-kast": top_kast,
    "small-dense": small_dense,
}
"""Methods by the name a run specification or the command line gives them.

A row is called with the sparsity and the method's own options.
"""

NO_SPARSITY = ("dense", "dst")
"""Methods that take no sparsity, so that it must be 0: one has none, the other finds its own."""

ALIASES: dict[str, tuple[str, dict[str, Any]]] = {
    "swat-u": ("swat", {}),
    "swat-erk": ("swat", {"allocation": "erk"}),
    "swat-m": ("swat", {"allocation": "momentum"}),
}
"""Further names for a row of :data:`METHODS` with some options of :func:`with_options` set."""


@checked(
    allocation=checks.optional(checks.one_of, allowed=tuple(ALLOCATIONS)),
    freeze_epoch=checks.optional(checks.count, least=0),
    pretrain_epochs=checks.optional(checks.count),
    ramp=checks.optional(partial(checks.number, above=0, most=1)),
    initial_sparsity=checks.optional(checks.sparsity),
    only=checks.optional(checks.text),
)
def with_options(
    method: Method,
    sparsity: float,
    allocation: str | None = None,
    classifier_dense: bool | None = None,
    masked_gradients: bool | None = None,
    freeze_epoch: int | None = None,
    pretrain_epochs: int | None = None,
    decoupled_decay: bool | None = None,
    ramp: float | None = None,
    initial_sparsity: float | None = None,
    only: str | None = None,
) -> Method:
    """Return a method with the options added that are not of its own function.

    Parameters
    ----------
    method : Method
    sparsity : float
        Of all weights.
    allocation : str, optional
        Spread the sparsity over the layers: uniform, erk or momentum.
    classifier_dense : bool, optional
        Leave the last layer dense.
    masked_gradients : bool, optional
        Do not update non-active weights.
    freeze_epoch : int, optional
        Freeze the topology after so many epochs; 0: before the first step.
    pretrain_epochs : int, optional
        Train densely for so many epochs first.
    decoupled_decay : bool, optional
        Decay pruned weights outside the learning rate (FST Eq. 6).
    ramp : float, optional
        Let the sparsity rise as a cubic in this first part of the run, a fraction of it.
    initial_sparsity : float, optional
        Where a ramp begins; 0 if not given.
    only : str, optional
        Make only layers sparse whose name contains this text, as "feed_forward" in a transformer.

    Raises
    ------
    ValueError
        For an option that the method cannot use.
    """
    whole = method.recipe
    for name, value in (
        ("allocation", allocation),
        ("masked_gradients", masked_gradients),
        ("freeze_epoch", freeze_epoch),
    ):
        if value is not None and whole.forward_weight is None:
            raise ValueError(
                f"{name} needs a method with sparse forward weights, got {whole.name!r}"
            )
    if allocation == "momentum" and freeze_epoch is not None:
        raise ValueError("freeze_epoch must be None with allocation 'momentum'")
    if pretrain_epochs and method.smaller:
        raise ValueError(f"pretrain_epochs must not be set for {whole.name!r}, which is dense")
    if decoupled_decay and not whole.decay:
        raise ValueError(f"decoupled_decay needs a method with a decay, got {whole.name!r}")
    between: list[Between] = list(method.between)
    moving = any(one.own_allocation for one in between)
    reads_more = method.dense_steps(Progress(0, 1000, 100)) > 0 or whole.explores > 0
    if masked_gradients and reads_more:
        raise ValueError(
            f"masked_gradients must not be set for {whole.name!r}, which reads the gradients of "
            "inactive weights"
        )
    if allocation is not None and any(one.own_start for one in between):
        raise ValueError(
            f"allocation must not be set for {whole.name!r}, in which layers compete for weights"
        )
    if allocation == "momentum" and isinstance(whole.forward_weight, Held):
        raise ValueError(
            f"allocation must not be 'momentum' for {whole.name!r}, whose masks it cannot change"
        )
    if decoupled_decay:
        between.append(DecayPruned(whole.decay))
        whole = replace(whole, decay=0.0)
    if masked_gradients:
        between.append(MaskGradients())
    if freeze_epoch is not None:
        until = min((one.sparse_until for one in between), default=1.0)
        between.insert(0, FreezeAt(freeze_epoch, until))
    if allocation is not None:
        whole.at_sparsity(sparsity)
        several = sorted(set(whole.map(lambda s: s.sparsity).values()))
        if len(several) > 1:
            raise ValueError(
                "allocation needs one sparsity for weights and activations, got "
                + " and ".join(f"{s:g}" for s in several)
            )
    if allocation == "momentum":
        between.append(ShareByMomentum(sparsity))
    if allocation in ("erk", "momentum"):
        whole = replace(whole, first_layer_dense=False)
    final = replace(
        method,
        recipe=whole,
        sparsity=sparsity,
        allocation=method.allocation if allocation is None else ALLOCATIONS[allocation],
        classifier_dense=method.classifier_dense if classifier_dense is None else classifier_dense,
        pretrain_epochs=pretrain_epochs or method.pretrain_epochs,
        only=method.only if only is None else only,
        between=(),
    )
    if ramp is not None:
        _check_ramp(final, between)
        when = Updates(until=ramp, closing=True)
        between.insert(0, Rise(final, when, initial_sparsity or 0.0, moving))
    elif initial_sparsity is not None:
        raise ValueError(f"initial_sparsity needs a ramp, got {initial_sparsity} without")
    # What resizes the layers has to know how the sparsity is spread over them.
    between = [replace(one, method=final) if hasattr(one, "method") else one for one in between]  # type: ignore[type-var]
    return replace(final, between=tuple(between))


def _check_ramp(final: Method, between: list[Between]) -> None:
    selectors = final.recipe.map(lambda selector: selector).values()
    if not selectors or any(s is not None and s.fixed_sparsity for s in selectors):
        raise ValueError(f"ramp needs a method whose sparsity can be set, got {final.name!r}")
    if any(one.own_sparsity or isinstance(one, ShareByMomentum) for one in between):
        raise ValueError(f"ramp must not be set for {final.name!r}, which sets its own sparsity")


COMMON = tuple(inspect.signature(with_options).parameters)[2:]
"""The options that :func:`with_options` takes."""


@checked(sparsity=checks.sparsity)
def method(name: str, sparsity: float = 0.0, **options: Any) -> Method:
    """Return a method by its name.

    Parameters
    ----------
    name : str
        One of :data:`METHODS` or :data:`ALIASES`.
    sparsity : float
        In [0, 1).
    **options
        Of the method's function, and of :func:`with_options`.

    Raises
    ------
    ValueError
        For an unknown method or a sparsity out of range.
    TypeError
        For an option the method does not have.

    Examples
    --------
    >>> import swatlib
    >>> swatlib.method("swat-erk", 0.9).allocation.__name__
    'erk'
    """
    name = checks.one_of("method", name, (*METHODS, *ALIASES))
    name, given = resolve(name, options)
    own = {key: value for key, value in given.items() if key not in COMMON}
    common = {key: value for key, value in given.items() if key in COMMON}
    row = METHODS[name](sparsity, **own)
    base = row if isinstance(row, Method) else Method(row)
    return with_options(base, sparsity, **common)


@checked
def resolve(name: str, options: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the row's name and options that ``name`` stands for, an alias or the row itself.

    Raises
    ------
    ValueError
        If an option contradicts the name.
    """
    if name not in ALIASES:
        return name, dict(options)
    row, fixed = ALIASES[name]
    for key, value in fixed.items():
        if options.get(key, value) != value:
            raise ValueError(f"{key} of {name} must be {value!r}, got {options[key]!r}")
    return row, fixed | dict(options)


@checked(sparsity=checks.sparsity)
def recipe(method_name: str, sparsity: float = 0.0, **options: Any) -> Recipe:
    """Return the recipe of a named method; parameters and errors as in :func:`method`.

    Of structured SWAT it is the recipe of convolutions; linear layers have their own in the method.

    Raises
    ------
    ValueError
        If the method is more than a recipe: what it does besides would be lost.

    Examples
    --------
    >>> import swatlib
    >>> swatlib.recipe("swat", 0.9) == swatlib.swat(0.9)
    True
    """
    whole = method(method_name, sparsity, **options)
    if whole != Method(whole.recipe, sparsity=whole.sparsity, linear=whole.linear):
        raise ValueError(
            f"method {method_name!r} with {options} is more than a recipe: take "
            "swatlib.method(...) and its hooks"
        )
    return whole.recipe
