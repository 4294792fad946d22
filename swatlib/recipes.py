"""Recipes: a sparse training method as a value.

A layer does three products of two operands each. A recipe says, for each of the six operands, which
selector sparsifies it, or None. Every method of the SWAT papers is one such row; those of the FST
paper are in :mod:`swatlib.fst`.
"""

from collections.abc import Callable
from typing import Any

from swatlib import checks
from swatlib.channels import TopChannels
from swatlib.checked import checked
from swatlib.fst import asp, fst, gg, gx, sr_ste, tsm, wg, wx
from swatlib.selectors import RandomK, Selector, TopColumns, TopK
from swatlib.slots import Recipe


def dense() -> Recipe:
    """Return the recipe that sparsifies nothing; its layers are bit-equal to ``torch.nn``."""
    return Recipe("dense")


@checked(sparsity=checks.sparsity)
def swat(
    sparsity: float,
    activation_sparsity: float | None = None,
    structured: str | None = None,
    **options: Any,
) -> Recipe:
    """Return SWAT (NeurIPS 2020, section 3.3): sparse W forward and backward, sparse X in dW.

    Parameters
    ----------
    sparsity : float
        Of the weights, in [0, 1).
    activation_sparsity : float, optional
        Of the activations; as the weights' if not given.
    structured : str, optional
        "filter", "layer" or "input": drop whole channels of the weights, see
        :class:`~swatlib.channels.TopChannels`. For convolutions only; activations stay
        unstructured, and the other options are theirs.
    **options
        Of :class:`~swatlib.selectors.TopK` (``over``, ``exact``, ``sample``, ``period``) and
        ``first_layer_dense``.
    """
    options, first = _split(options)
    unstructured = TopK(sparsity, **options)
    w = unstructured if structured is None else TopChannels(sparsity, structured)
    x = (
        unstructured
        if activation_sparsity is None
        else _topk("activation_sparsity", activation_sparsity, options)
    )
    return Recipe(
        "SWAT" if structured is None else "SWAT structured",
        forward_weight=w,
        input_grad_weight=w,
        weight_grad_activation=x,
        first_layer_dense=first,
    )


@checked(sparsity=checks.sparsity)
def saw(sparsity: float, random: bool = False, **options: Any) -> Recipe:
    """Return SAW (ICLR 2020 submission, section 2.2): forward dense, backward as SWAT.

    With ``random`` the entries are drawn at random, the null hypothesis of its Figure 3. Other
    options as in :func:`swat`.
    """
    options, first = _split(options)
    selector = RandomK(sparsity, **options) if random else TopK(sparsity, **options)
    return Recipe(
        "SAW random" if random else "SAW",
        input_grad_weight=selector,
        weight_grad_activation=selector,
        first_layer_dense=first,
    )


@checked(sparsity=checks.sparsity)
def meprop(sparsity: float, unified: bool = False, first_layer_dense: bool = True) -> Recipe:
    """Return meProp: Top-K of the output gradient, per sample, in both backward products.

    The "unified" form keeps the same columns for the whole batch, those of largest summed size.
    """
    g: Selector = TopColumns(sparsity) if unified else TopK(sparsity, over="CHW")
    return Recipe(
        "meProp unified" if unified else "meProp",
        input_grad_gradient=g,
        weight_grad_gradient=g,
        first_layer_dense=first_layer_dense,
    )


@checked
def sparse_forward(
    weight: float | None = None,
    activation: float | None = None,
    matched: bool = False,
    **options: Any,
) -> Recipe:
    """Return a recipe that sparsifies the forward product (SWAT Figure 1, ICLR Figure 2a).

    Parameters
    ----------
    weight, activation : float, optional
        Sparsity of the operand; dense if not given.
    matched : bool
        False, the papers' experiment: the backward products see the whole operands. True: they see
        what the forward product saw, so that the gradient is that of the sparse network.
    **options
        As in :func:`swat`.
    """
    options, first = _split(options)
    w = _topk("weight", weight, options)
    x = _topk("activation", activation, options)
    return Recipe(
        "sparse forward" + (", matched backward" if matched else ""),
        forward_weight=w,
        forward_activation=x,
        input_grad_weight=w if matched else None,
        weight_grad_activation=x if matched else None,
        first_layer_dense=first,
    )


@checked
def sparse_backward(
    weight: float | None = None,
    activation: float | None = None,
    gradient: float | None = None,
    **options: Any,
) -> Recipe:
    """Return a recipe that sparsifies the backward products (SWAT Figure 2, ICLR Figure 2b).

    ``weight`` acts in the input gradient, ``activation`` in the weight gradient, ``gradient`` on
    the output gradient in both; each is a sparsity, dense if not given. Options as in :func:`swat`.
    """
    options, first = _split(options)
    g = _topk("gradient", gradient, options)
    return Recipe(
        "sparse backward",
        input_grad_weight=_topk("weight", weight, options),
        input_grad_gradient=g,
        weight_grad_activation=_topk("activation", activation, options),
        weight_grad_gradient=g,
        first_layer_dense=first,
    )


def _topk(argument: str, sparsity: float | None, options: dict[str, Any]) -> TopK | None:
    return None if sparsity is None else TopK(checks.sparsity(argument, sparsity), **options)


def _split(options: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    first = options.pop("first_layer_dense", True)
    allowed = {"over", "exact", "sample", "period"}
    if unknown := set(options) - allowed:
        raise TypeError(
            f"unknown option {', '.join(sorted(unknown))}; "
            f"allowed are {', '.join(sorted(allowed | {'first_layer_dense'}))}"
        )
    return options, first


def _half(sparsity: float, options: dict[str, Any]) -> dict[str, Any]:
    if sparsity != 0.5:
        raise ValueError(f"sparsity of a 2:4 method must be 0.5, got {sparsity}")
    return options


def _dense(sparsity: float) -> Recipe:
    if sparsity:
        raise ValueError(f"sparsity of the method dense must be 0, got {sparsity}")
    return dense()


METHODS: dict[str, Callable[..., Recipe]] = {
    "dense": _dense,
    "swat": swat,
    "saw": saw,
    "meprop": meprop,
    "forward-weight": lambda sparsity, **o: sparse_forward(weight=sparsity, **o),
    "forward-activation": lambda sparsity, **o: sparse_forward(activation=sparsity, **o),
    "backward-weight": lambda sparsity, **o: sparse_backward(weight=sparsity, **o),
    "backward-activation": lambda sparsity, **o: sparse_backward(activation=sparsity, **o),
    "backward-gradient": lambda sparsity, **o: sparse_backward(gradient=sparsity, **o),
    "fst": lambda sparsity, **o: fst(**_half(sparsity, o)),
    "fst-unrestored": lambda sparsity, **o: fst(restore=False, **_half(sparsity, o)),
    "fst-weights": lambda sparsity, **o: fst(activations=False, **_half(sparsity, o)),
    "sr-ste": lambda sparsity, **o: sr_ste(**_half(sparsity, o)),
    "tsm": lambda sparsity, **o: tsm(**_half(sparsity, o)),
    "asp": lambda sparsity, **o: asp(**_half(sparsity, o)),
    "wg": lambda sparsity, **o: wg(**_half(sparsity, o)),
    "wx": lambda sparsity, **o: wx(**_half(sparsity, o)),
    "gg": lambda sparsity, **o: gg(**_half(sparsity, o)),
    "gx": lambda sparsity, **o: gx(**_half(sparsity, o)),
}
"""Methods by the name a run specification or the command line gives them."""


@checked(sparsity=checks.sparsity)
def recipe(method: str, sparsity: float = 0.0, **options: Any) -> Recipe:
    """Return the recipe of a named method.

    Parameters
    ----------
    method : str
        One of :data:`METHODS`.
    sparsity : float
        In [0, 1).
    **options
        Of the method's function.

    Raises
    ------
    ValueError
        For an unknown method or a sparsity out of range.
    TypeError
        For an option the method does not have.
    """
    method = checks.one_of("method", method, METHODS)
    return METHODS[method](sparsity, **options)
