"""A sparse training method as a value with six slots, one per operand of the three products."""

from dataclasses import dataclass, fields
from typing import Any

from swatlib import checks
from swatlib.checked import checked, checked_fields
from swatlib.products import ColumnSelector
from swatlib.selectors import DIMENSIONS, Selector


@checked
def idle(selector: Any, ndim: int) -> bool:
    """Say whether a selector leaves every operand of so many dimensions whole.

    Columns of im2col(X) exist for convolutions only, and a selector over dimensions that an operand
    lacks finds nothing to choose from: H and W of a matrix.

    Parameters
    ----------
    selector : Selector, ColumnSelector or None
    ndim : int
        4 for the operands of a convolution; 2 or more for those of a linear layer.
    """
    if isinstance(selector, ColumnSelector):
        return ndim != 4
    if hasattr(selector, "m") and ndim != 4:
        ndim = 2  # N:M takes tokens and sequences for a matrix
    return not set(getattr(selector, "over", DIMENSIONS)) & set(DIMENSIONS[:ndim])


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
    decay : float
        SR-STE's decay of the weights that the forward product does not use: their gradient gains
        ``decay`` times the weight.
    decay_outside : bool
        Leave the decay out of the gradient; :func:`swatlib.fst.decay_pruned_` then applies it after
        each optimizer step, independent of the learning rate (FST Eq. 6).

    Raises
    ------
    TypeError
        For a slot that holds neither a selector nor None.
    ValueError
        For a selector of the output gradient with a period, or a decay that is negative or has no
        ``forward_weight``.
    """

    name: str
    forward_weight: Selector | None = None
    forward_activation: Selector | None = None
    input_grad_weight: Selector | None = None
    input_grad_gradient: Selector | None = None
    weight_grad_activation: Selector | None = None
    weight_grad_gradient: Selector | None = None
    first_layer_dense: bool = True
    decay: float = 0.0
    decay_outside: bool = False

    def __post_init__(self) -> None:
        for slot, selector in self.slots().items():
            if selector is None:
                continue
            elsewhere = isinstance(selector, ColumnSelector) and selector is not self.columns
            if not isinstance(selector, Selector) or elsewhere:
                why = (
                    "of use in weight_grad_activation only" if elsewhere else "no swatlib.Selector"
                )
                raise TypeError(f"{slot} must be a selector or None, got {selector!r}: {why}")
            if slot.endswith("gradient") and selector.period != 1:
                # A layer remembers thresholds of weights and activations only.
                raise ValueError(f"period of {slot} must be 1, got {selector.period}")

        checked_fields(self, name=checks.text, decay=checks.sparsity)
        if self.decay and self.forward_weight is None:
            raise ValueError(f"decay={self.decay} needs a forward_weight that prunes, got None")

    @property
    def columns(self) -> ColumnSelector | None:
        """What brings its own weight gradient, if anything does."""
        slot = self.weight_grad_activation
        return slot if isinstance(slot, ColumnSelector) else None

    def slots(self) -> dict[str, Any]:
        """Return the six slots by name, in the order of the products."""
        kept = ("name", "first_layer_dense", "decay", "decay_outside")
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name not in kept}

    @checked
    def acting(self, ndim: int) -> dict[str, Any]:
        """Return the slots by name as they act on operands of so many dimensions.

        A selector of pixels leaves a linear layer's operands whole: its slot is None then.
        """
        return {slot: None if idle(s, ndim) else s for slot, s in self.slots().items()}

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
        if self.decay:
            where = " outside the learning rate" if self.decay_outside else ""
            first += f", pruned weights decay by {self.decay:g}{where}"
        return "\n".join([f"{self.name} ({first})", *lines])
