"""Recipes: a sparse training method as a value.

A layer does three products of two operands each. A recipe says, for each of the six operands, which
selector sparsifies it, or None. Every method of the SWAT papers is one such row.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

from swatlib.selectors import RandomK, Selector, TopColumns, TopK, check_sparsity


@dataclass(frozen=True)
class Recipe:
    """Which operand of which product is sparsified, by which selector.

    Equal selectors on the same operand (W, X or G) share one mask; ``print`` shows the row.

    Parameters
    ----------
    name : str
        The method's name in the papers.
    forward_weight, forward_activation : Selector or None
        Operands of Y = W * X.
    input_grad_weight, input_grad_gradient : Selector or None
        Operands of dX = W^T * G.
    weight_grad_activation, weight_grad_gradient : Selector or None
        Operands of dW = G * X^T.
    first_layer_dense : bool
        Leave the first convolution or linear layer alone, as SWAT-U does (section 3.3.2).

    Raises
    ------
    TypeError
        For a slot that holds neither a selector nor None.
    ValueError
        For a selector of the output gradient with a period.
    """

    name: str
    forward_weight: Selector | None = None
    forward_activation: Selector | None = None
    input_grad_weight: Selector | None = None
    input_grad_gradient: Selector | None = None
    weight_grad_activation: Selector | None = None
    weight_grad_gradient: Selector | None = None
    first_layer_dense: bool = True

    def __post_init__(self) -> None:
        for slot, selector in self.slots().items():
            if selector is None:
                continue
            if not hasattr(selector, "criterion"):
                raise TypeError(f"{slot} must be a selector or None, got {selector!r}")
            if slot.endswith("gradient") and selector.period != 1:
                # A layer remembers thresholds of weights and activations only.
                raise ValueError(f"period of {slot} must be 1, got {selector.period}")

    def slots(self) -> dict[str, Selector | None]:
        """Return the six slots by name, in the order of the products."""
        kept = ("name", "first_layer_dense")
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name not in kept}

    def __str__(self) -> str:
        headings = {
            "forward_weight": "forward W",
            "forward_activation": "forward X",
            "input_grad_weight": "input-grad W",
            "input_grad_gradient": "input-grad G",
            "weight_grad_activation": "weight-grad X",
            "weight_grad_gradient": "weight-grad G",
        }
        seen: dict[tuple[str, str], str] = {}
        cells = []
        for slot, selector in self.slots().items():
            text = "dense" if selector is None else str(selector)
            operand = slot.rpartition("_")[2]
            if selector is not None and seen.setdefault((operand, text), slot) != slot:
                text = "same mask"
            cells.append(text)
        widths = [max(len(h), len(c)) for h, c in zip(headings.values(), cells, strict=True)]
        lines = [
            "  ".join(t.ljust(w) for t, w in zip(row, widths, strict=True)).rstrip()
            for row in (list(headings.values()), cells)
        ]
        first = "first layer dense" if self.first_layer_dense else "every layer"
        return "\n".join([f"{self.name} ({first})", *lines])


def dense() -> Recipe:
    """Return the recipe that sparsifies nothing; its layers are bit-equal to ``torch.nn``."""
    return Recipe("dense")


def swat(sparsity: float, activation_sparsity: float | None = None, **options: Any) -> Recipe:
    """Return SWAT (NeurIPS 2020, section 3.3): sparse W forward and backward, sparse X in dW.

    Parameters
    ----------
    sparsity : float
        Of the weights, in [0, 1).
    activation_sparsity : float, optional
        Of the activations; as the weights' if not given.
    **options
        Of :class:`~swatlib.selectors.TopK` (``over``, ``exact``, ``sample``, ``period``) and
        ``first_layer_dense``.
    """
    options, first = _split(options)
    w = TopK(sparsity, **options)
    x = (
        w
        if activation_sparsity is None
        else _topk("activation_sparsity", activation_sparsity, options)
    )
    return Recipe(
        "SWAT",
        forward_weight=w,
        input_grad_weight=w,
        weight_grad_activation=x,
        first_layer_dense=first,
    )


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


def meprop(sparsity: float, unified: bool = False, first_layer_dense: bool = True) -> Recipe:
    """Return meProp: Top-K of the output gradient, per sample, in both backward products.

    The "unified" form keeps the same columns for the whole batch, those of largest summed magnitude.
    """
    g: Selector = TopColumns(sparsity) if unified else TopK(sparsity, over="CHW")
    return Recipe(
        "meProp unified" if unified else "meProp",
        input_grad_gradient=g,
        weight_grad_gradient=g,
        first_layer_dense=first_layer_dense,
    )


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


def sparse_backward(
    weight: float | None = None,
    activation: float | None = None,
    gradient: float | None = None,
    **options: Any,
) -> Recipe:
    """Return a recipe that sparsifies the backward products (SWAT Figure 2, ICLR Figure 2b).

    ``weight`` acts in the input gradient, ``activation`` in the weight gradient, ``gradient`` on the
    output gradient in both; each is a sparsity, dense if not given. Options as in :func:`swat`.
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
    return None if sparsity is None else TopK(check_sparsity(sparsity, argument), **options)


def _split(options: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    first = options.pop("first_layer_dense", True)
    allowed = {"over", "exact", "sample", "period"}
    if unknown := set(options) - allowed:
        raise TypeError(
            f"unknown option {', '.join(sorted(unknown))}; "
            f"allowed are {', '.join(sorted(allowed | {'first_layer_dense'}))}"
        )
    return options, first


METHODS: dict[str, Callable[..., Recipe]] = {
    "dense": lambda sparsity=0.0: dense(),
    "swat": swat,
    "saw": saw,
    "meprop": meprop,
    "forward-weight": lambda sparsity, **o: sparse_forward(weight=sparsity, **o),
    "forward-activation": lambda sparsity, **o: sparse_forward(activation=sparsity, **o),
    "backward-weight": lambda sparsity, **o: sparse_backward(weight=sparsity, **o),
    "backward-activation": lambda sparsity, **o: sparse_backward(activation=sparsity, **o),
    "backward-gradient": lambda sparsity, **o: sparse_backward(gradient=sparsity, **o),
}
"""Methods by the name a run specification or the command line gives them."""


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
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}, got {method!r}")
    return METHODS[method](check_sparsity(sparsity), **options)
