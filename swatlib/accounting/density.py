"""From a method to one density per layer and operand: the table of six slots with numbers in it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from swatlib.accounting.trace import Network
from swatlib.allocation import erk


@dataclass(frozen=True)
class Density:
    """Fraction of non-zeros in the six operands of a layer's three products.

    Parameters
    ----------
    forward_weight, forward_activation : float
        Operands of Y = W * X, in [0, 1].
    input_grad_weight, input_grad_gradient : float
        Operands of dX = W^T * G.
    weight_grad_activation, weight_grad_gradient : float
        Operands of dW = G * X^T.
    """

    forward_weight: float = 1.0
    forward_activation: float = 1.0
    input_grad_weight: float = 1.0
    input_grad_gradient: float = 1.0
    weight_grad_activation: float = 1.0
    weight_grad_gradient: float = 1.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not 0 <= value <= 1:
                raise ValueError(f"{field.name} must be a density in [0, 1], got {value}")

    @property
    def forward(self) -> float:
        """Fraction of the forward multiply-accumulates that remain."""
        return self.forward_weight * self.forward_activation

    @property
    def input_grad(self) -> float:
        """Fraction of the input gradient's multiply-accumulates that remain."""
        return self.input_grad_weight * self.input_grad_gradient

    @property
    def weight_grad(self) -> float:
        """Fraction of the weight gradient's multiply-accumulates that remain."""
        return self.weight_grad_activation * self.weight_grad_gradient


SLOTS = tuple(field.name for field in fields(Density))
"""The six operands, named as the slots of a recipe."""


def densities(
    network: Network,
    recipe: Any,
    allocation: str | Sequence[float] = "uniform",
    natural_zeros: Mapping[str, float] | None = None,
) -> list[Density]:
    """Say how dense each operand of each convolution and linear layer is.

    Parameters
    ----------
    network : Network
        From :func:`~swatlib.accounting.trace.trace`.
    recipe : object
        Anything with the six slots of :data:`SLOTS`, each None or with a ``sparsity``, and
        ``first_layer_dense``: a :class:`swatlib.recipes.Recipe`.
    allocation : str or sequence of float
        ``"uniform"``: every layer as its selector says, the first dense if the recipe says so.
        ``"erk"``: each selector's sparsity spread by :func:`~swatlib.allocation.erk`, the first
        layer included. A sequence: one density per layer, for every operand with a selector.
    natural_zeros : mapping, optional
        Fraction of zeros that ReLU leaves in a layer's input, by layer name, as
        :func:`~swatlib.accounting.relu.natural_zeros` measures it. In the weight gradient a layer's
        zeros are then the larger of the two, as the kept magnitudes are among the non-zeros.

    Returns
    -------
    list of Density
        One per layer of ``network.weighted``.

    Raises
    ------
    TypeError
        If `recipe` has no slots.
    ValueError
        For an unknown allocation, a wrong number of densities, or zeros of an unknown layer.
    """
    layers = network.weighted
    own = [layer for layer in layers if not layer.shares]
    slots = {}
    for slot in SLOTS:
        if not hasattr(recipe, slot):
            raise TypeError(f"recipe must have the slot {slot}, got {type(recipe).__name__}")
        selector = getattr(recipe, slot)
        slots[slot] = None if selector is None else float(selector.sparsity)

    def spread(sparsity: float) -> list[float]:
        if not isinstance(allocation, str):
            return [float(d) for d in allocation]
        if allocation == "erk":
            return erk([layer.weight for layer in own], sparsity)
        first = 1.0 if getattr(recipe, "first_layer_dense", False) else 1.0 - sparsity
        return [first] + [1.0 - sparsity] * (len(own) - 1)

    if isinstance(allocation, str) and allocation not in ("uniform", "erk"):
        raise ValueError(
            f"allocation must be 'uniform', 'erk' or one density per layer, got {allocation!r}"
        )
    if not isinstance(allocation, str) and len(allocation) != len(own):
        raise ValueError(
            f"allocation must have one density per layer ({len(own)}), got {len(allocation)}"
        )
    table: dict[str, dict[str, float]] = {layer.name: {} for layer in own}
    for slot, sparsity in slots.items():
        if sparsity is not None:
            for layer, density in zip(own, spread(sparsity), strict=True):
                table[layer.name][slot] = density
    zeros = dict(natural_zeros or {})
    if unknown := set(zeros) - {layer.name for layer in layers}:
        raise ValueError(f"natural_zeros names no layer of the network: {', '.join(unknown)}")
    result = []
    for layer in layers:
        row = dict(table[layer.shares or layer.name])
        dense = 1.0 - zeros.get(layer.name, 0.0)
        row["weight_grad_activation"] = min(row.get("weight_grad_activation", 1.0), dense)
        result.append(Density(**row))
    return result
