"""A recipe: which selector sparsifies which operand of a layer's three products."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

from torch import nn

from swatlib import checks
from swatlib.checked import checked, checked_fields
from swatlib.core.operands import GRADIENT, WEIGHT, PerOperand
from swatlib.core.selector import ColumnSelector, OutputSelector, Selector

T = TypeVar("T")

OUTPUT = "output"
"""The name under which a recipe's selector of outputs stands beside the six operands."""


@dataclass(frozen=True)
class Recipe(PerOperand[Selector | None]):
    """Which operand of which product is sparsified, by which selector.

    Equal selectors on the same tensor (W, X or G) share one choice. ``print`` shows the recipe as a
    row of a table with a column per operand.

    Parameters
    ----------
    name : str
        The method's name in the papers.
    first_layer_dense : bool
        Leave the first convolution or linear layer alone, as SWAT-U does (section 3.3.2).
    decay : float
        SR-STE's decay of the weights that the forward product does not use: their gradient gains
        ``decay`` times the weight.
    updates : str
        Which weights a step moves: "all" or, where masks are held, "active". Of dW no other entries
        are needed then. It is what accounting reads; the method itself sees to it.
    explores : float
        Share of the weights that a step moves beyond the active ones, in [0, 1) (Top-KAST).
    output : OutputSelector, optional
        Which entries of Y are computed; all if not given. Of G both backward products then have
        no others (DSG).
    **operands : Selector or None
        The six of :class:`~swatlib.core.operands.PerOperand`; those left out are dense.

    Raises
    ------
    TypeError
        For an operand with neither a selector nor None, or an output with another selector than
        one of outputs.
    ValueError
        For a decay outside [0, 1), for a decay or active updates without a ``forward_weight``, or
        for a mask kept between steps of anything but weights.

    Examples
    --------
    >>> from swatlib import Recipe, TopK
    >>> print(Recipe("weights only", forward_weight=TopK(0.9)))
    weights only (first layer dense)
    forward W  forward X  input-grad W  input-grad G  weight-grad X  weight-grad G
    TopK 0.9   dense      dense         dense         dense          dense
    """

    name: str
    first_layer_dense: bool = True
    decay: float = 0.0
    updates: str = "all"
    explores: float = 0.0
    output: OutputSelector | None = None

    def __post_init__(self) -> None:
        for operand, selector in self.items():
            name = operand.name
            if selector is None:
                continue
            if not isinstance(selector, Selector):
                raise TypeError(
                    f"{name} must be a selector or None, got {selector!r}: no swatlib.Selector"
                )
            if isinstance(selector, OutputSelector):
                raise TypeError(
                    f"{name} must be a selector or None, got {selector!r}: of use in output only"
                )
            if selector.own_weight_gradient and name != "weight_grad_activation":
                raise TypeError(
                    f"{name} must be a selector or None, got {selector!r}: of use in "
                    "weight_grad_activation only"
                )
            if selector.remembers and selector.mask and operand.tensor != WEIGHT:
                raise ValueError(
                    f"period of {name} must be 1, got {selector.period}: only masks of weights, "
                    "whose shape stays, are kept"
                )
        if self.output is not None and not isinstance(self.output, OutputSelector):
            raise TypeError(
                f"output must be a selector of outputs or None, got {self.output!r}: no "
                "swatlib.selectors.OutputSelector"
            )
        updates = partial(checks.one_of, allowed=("all", "active"))
        checked_fields(
            self, name=checks.text, decay=checks.sparsity, updates=updates, explores=checks.sparsity
        )
        if self.explores and self.updates != "active":
            raise ValueError(f"explores={self.explores:g} needs updates='active', got 'all'")
        if self.updates == "active" and self.forward_weight is None:
            raise ValueError("updates='active' needs a forward_weight that prunes, got None")
        if self.decay and self.forward_weight is None:
            raise ValueError(f"decay={self.decay} needs a forward_weight that prunes, got None")
        pruning = self.forward_weight
        if self.decay and pruning is not None and pruning.changes_values:
            raise ValueError(
                f"decay must be 0 with a forward_weight that changes values, as {pruning}, "
                f"got {self.decay}"
            )

    @property
    def selectors(self) -> dict[str, Selector]:
        """What is sparsified, by the operand's name or "output"; what is dense is left out."""
        every = {**self.named(), OUTPUT: self.output}
        return {name: selector for name, selector in every.items() if selector is not None}

    @checked
    def map(self, function: Callable[[Any], T]) -> dict[str, T]:
        """Apply ``function`` to each of ``selectors``; return the results by name."""
        return {name: function(selector) for name, selector in self.selectors.items()}

    @property
    def columns(self) -> ColumnSelector | None:
        """The selector that computes the weight gradient itself, or None."""
        selector = self.weight_grad_activation
        return selector if isinstance(selector, ColumnSelector) else None

    @property
    def remembering_gradients(self) -> bool:
        """Whether a selector of output gradients keeps something from one step to the next."""
        return any(
            selector is not None and selector.remembers
            for operand, selector in self.items()
            if operand.tensor == GRADIENT
        )

    @checked
    def acting(self, ndim: int) -> dict[str, Selector | None]:
        """Return the selectors by operand, for operands with ``ndim`` dimensions.

        A selector with nothing to choose from in so many dimensions is None here. For example, one
        of pixels leaves a linear layer's operands whole.
        """
        return {n: s if s is None or s.acts_on(ndim) else None for n, s in self.named().items()}

    @property
    def without_selectors(self) -> "Recipe":
        """The recipe under the same name with every operand dense."""
        nothing: dict[str, Any] = dict.fromkeys([*self.named(), OUTPUT])
        return replace(self, decay=0.0, **nothing)

    @checked(active=partial(checks.number, least=0, most=1))
    def updated(self, active: float) -> float:
        """Return the share of weights that a step moves where such a share is active."""
        return 1.0 if self.updates == "all" else min(1.0, active + self.explores)

    @checked(sparsity=checks.sparsity)
    def at_sparsity(self, sparsity: float) -> "Recipe":
        """Return the recipe with all its selectors at another sparsity; equal ones stay equal.

        Raises
        ------
        ValueError
            If a selector's sparsity cannot be set, as that of 2:4 cannot.
        """
        changed: dict[str, Any] = self.map(lambda s: s.at_sparsity(sparsity))
        return replace(self, **changed)

    def __str__(self) -> str:
        seen: dict[tuple[str, str], str] = {}
        cells = []
        for operand, selector in self.items():
            text = "dense" if selector is None else str(selector)
            key = operand.tensor, text
            if selector is not None and seen.setdefault(key, operand.name) != operand.name:
                text = "same mask"
            cells.append((operand.heading, text))
        if self.output is not None:
            cells.append(("Y", str(self.output)))
        widths = [max(map(len, cell)) for cell in cells]
        lines = [
            "  ".join(t.ljust(w) for t, w in zip(row, widths, strict=True)).rstrip()
            for row in zip(*cells, strict=True)
        ]
        first = "first layer dense" if self.first_layer_dense else "every layer"
        if self.decay:
            first += f", pruned weights decay by {self.decay:g}"
        if self.updates != "all":
            more = f" and {self.explores:g} more" if self.explores else ""
            first += f", {self.updates} weights{more} updated"
        return "\n".join([f"{self.name} ({first})", *lines])


class Plan:
    """Gives every layer of a model its recipe; what :func:`swatlib.sparsify_` takes."""

    def recipes(self, model: nn.Module) -> Recipe | Mapping[str, Recipe]:
        """Return one recipe for all layers, or one for each by the layer's name."""
        raise NotImplementedError
