"""Operands: the six operands of a layer's three products.

    forward       Y  = W X      forward_weight        forward_activation
    input grad    dX = W^T G    input_grad_weight     input_grad_gradient
    weight grad   dW = G X^T    weight_grad_gradient  weight_grad_activation

A :class:`PerOperand` holds one value for each of them: the selectors of a recipe, the masks or
thresholds of one call, the densities of a layer, the masks of a simulation.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from functools import partial
from typing import Any, Generic, TypeVar

from swatlib import checks
from swatlib.checked import checked, checked_fields

T = TypeVar("T")
S = TypeVar("S")

WEIGHT, ACTIVATION, GRADIENT = "weight", "activation", "gradient"
"""The tensors W, X and G."""

LETTERS = {WEIGHT: "W", ACTIVATION: "X", GRADIENT: "G"}
"""The papers' letter for each tensor."""


@dataclass(frozen=True)
class Operand:
    """One operand of one product.

    Parameters
    ----------
    product : str
        "forward", "input_grad" or "weight_grad".
    tensor : str
        "weight", "activation" or "gradient".
    """

    product: str
    tensor: str

    def __post_init__(self) -> None:
        tensor = partial(checks.one_of, allowed=tuple(LETTERS))
        checked_fields(self, product=checks.text, tensor=tensor)

    @property
    def name(self) -> str:
        """The name of its field in a :class:`PerOperand`, such as "forward_weight"."""
        return f"{self.product}_{self.tensor}"

    @property
    def heading(self) -> str:
        """Its column heading in a table, such as "forward W"."""
        return f"{self.product.replace('_', '-')} {LETTERS[self.tensor]}"


@dataclass(frozen=True, kw_only=True)
class PerOperand(Generic[T]):
    """One value for each of the six operands.

    Parameters
    ----------
    forward_weight, forward_activation : T
        Operands of Y = W X.
    input_grad_weight, input_grad_gradient : T
        Operands of dX = W^T G.
    weight_grad_activation, weight_grad_gradient : T
        Operands of dW = G X^T.

    Examples
    --------
    >>> from swatlib import PerOperand
    >>> density = PerOperand(forward_weight=0.1)
    >>> density.of("forward")
    (0.1, None)
    >>> density.map(lambda value: 1 - value)
    {'forward_weight': 0.9}
    """

    # A value that is left out is None. A subclass sets another default in its __post_init__.
    forward_weight: T = None  # type: ignore[assignment]
    forward_activation: T = None  # type: ignore[assignment]
    input_grad_weight: T = None  # type: ignore[assignment]
    input_grad_gradient: T = None  # type: ignore[assignment]
    weight_grad_activation: T = None  # type: ignore[assignment]
    weight_grad_gradient: T = None  # type: ignore[assignment]

    def __getitem__(self, name: str) -> T:
        """Return the value of an operand by its name; KeyError for another name."""
        if name not in NAMES:
            raise KeyError(f"operand must be one of {', '.join(NAMES)}; got {name!r}")
        value: T = getattr(self, name)
        return value

    def items(self) -> Iterator[tuple[Operand, T]]:
        """Yield the six operands with their values, in the order of the products."""
        for operand in OPERANDS:
            yield operand, getattr(self, operand.name)

    def named(self) -> dict[str, T]:
        """Return a dictionary from the six operands' names to their values."""
        return {operand.name: value for operand, value in self.items()}

    @checked
    def map(self, function: Callable[[T], S]) -> dict[str, S]:
        """Apply ``function`` to every value that is not None; return the results by name."""
        return {name: function(v) for name, v in self.named().items() if v is not None}

    def of(self, product: str) -> tuple[T, T]:
        """Return the values of a product's two operands.

        Raises
        ------
        ValueError
            For an unknown product.
        """
        checks.one_of("product", product, PRODUCTS)
        first, second = (v for operand, v in self.items() if operand.product == product)
        return first, second


def _operands() -> tuple[Operand, ...]:
    split: list[Any] = [field.name.rpartition("_") for field in fields(PerOperand)]
    return tuple(Operand(product, tensor) for product, _, tensor in split)


OPERANDS = _operands()
"""The six operands, in the order of the products."""

NAMES = tuple(operand.name for operand in OPERANDS)
"""The names of the six operands."""

PRODUCTS = tuple(dict.fromkeys(operand.product for operand in OPERANDS))
"""The three products of a layer."""


def operand(name: str) -> Operand:
    """Return the operand of a name such as "forward_weight".

    Raises
    ------
    ValueError
        For any other name.
    """
    for one in OPERANDS:
        if one.name == name:
            return one
    raise ValueError(f"operand must be one of {', '.join(NAMES)}; got {name!r}")
