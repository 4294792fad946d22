"""From a method to one density per layer and operand: the table of six slots with numbers in it."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import partial
from typing import Any

from swatlib import checks
from swatlib.accounting.layer import Layer, Network
from swatlib.allocation import erk
from swatlib.checked import checked, checked_fields
from swatlib.slots import idle


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
        share = partial(checks.number, least=0, most=1)
        checked_fields(self, **{field.name: share for field in fields(self)})

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


class Densities(list[Density]):
    """One density per layer of ``network.weighted``, by position or by the layer's name."""

    @checked
    def __init__(self, names: Sequence[str], each: Iterable[Density]) -> None:
        super().__init__(each)
        self.names = list(names)

    def __getitem__(self, where: Any) -> Any:
        """Return a layer's density; KeyError for an unknown name."""
        if not isinstance(where, str):
            return super().__getitem__(where)
        if where not in self.names:
            raise KeyError(f"layer must be one of {', '.join(self.names)}, got {where!r}")
        return super().__getitem__(self.names.index(where))


SLOTS = tuple(field.name for field in fields(Density))
"""The six operands, named as the slots of a recipe."""

Allocation = str | Sequence[float]
"""``"uniform"``, ``"erk"`` or one density per layer."""


@checked
def densities(
    network: Network,
    recipe: Any,
    allocation: Allocation = "uniform",
    natural_zeros: Mapping[str, float] | None = None,
) -> Densities:
    """Say how dense a recipe makes each operand of each convolution and linear layer.

    Parameters
    ----------
    network : Network
        From :func:`~swatlib.accounting.trace.trace`.
    recipe : object
        Anything with the six slots of :data:`SLOTS`, each None or with a ``sparsity``, and
        ``first_layer_dense``: a :class:`swatlib.recipes.Recipe`.
    allocation : str or sequence of float
        As in :func:`spread`.
    natural_zeros : mapping, optional
        As in :func:`spread`.

    Returns
    -------
    Densities
        One per layer of ``network.weighted``. A selector of pixels leaves a linear layer's operand
        dense, and layers that :func:`swatlib.sparsify_` passes over are dense.

    Raises
    ------
    TypeError
        If `recipe` has no slots.
    ValueError
        As :func:`spread`.
    """
    sparsities = {}
    selectors = {}
    for slot in SLOTS:
        if not hasattr(recipe, slot):
            raise TypeError(f"recipe must have the slot {slot}, got {type(recipe).__name__}")
        selector = getattr(recipe, slot)
        if selector is not None:
            selectors[slot], sparsities[slot] = selector, float(selector.sparsity)

    def leaves_whole(slot: str, layer: Layer) -> bool:
        operand = layer.weight if slot.endswith("weight") else layer.input
        return idle(selectors[slot], len(operand))

    first = bool(getattr(recipe, "first_layer_dense", False))
    return spread(network, sparsities, allocation, first, natural_zeros, dense_operand=leaves_whole)


@checked
def spread(
    network: Network,
    sparsities: Mapping[str, float],
    allocation: Allocation = "uniform",
    first_layer_dense: bool = True,
    natural_zeros: Mapping[str, float] | None = None,
    keep_dense: Callable[[Layer], bool] | None = None,
    dense_operand: Callable[[str, Layer], bool] | None = None,
) -> Densities:
    """Spread the sparsity of each operand over the layers.

    Parameters
    ----------
    network : Network
        From :func:`~swatlib.accounting.trace.trace`.
    sparsities : mapping
        Sparsity in [0, 1) by slot, one of :data:`SLOTS`; operands left out stay dense.
    allocation : str or sequence of float
        ``"uniform"``: the same everywhere. ``"erk"``: :func:`swatlib.allocation.erk`, the
        first layer included. Both leave the layers dense that :func:`swatlib.sparsify_` passes
        over. A sequence: one density per layer, for every slot in `sparsities`.
    first_layer_dense : bool
        With ``"uniform"``, keep the first layer dense, the one that is used first.
    natural_zeros : mapping, optional
        Fraction of zeros that ReLU leaves in a layer's input, by layer name, as
        :func:`~swatlib.accounting.relu.natural_zeros` measures it. In the weight gradient a layer's
        zeros are then the larger of the two, as the largest magnitudes are not zero.
    keep_dense : callable, optional
        Layers for which it is true stay dense, with ``"uniform"``.
    dense_operand : callable, optional
        ``dense_operand(slot, layer)`` says which operands stay dense whatever the allocation.

    Returns
    -------
    Densities
        One per layer of ``network.weighted``; layers that share weights share densities.

    Raises
    ------
    ValueError
        For an unknown slot or allocation, a sparsity out of range, a wrong number of densities, or
        natural zeros of a layer that the network does not have.
    """
    _check_names("sparsities", sparsities, SLOTS)
    layers = network.weighted
    own = [layer for layer in layers if not layer.shares]
    taking = own if not isinstance(allocation, str) else [x for x in own if not x.passed_over]
    table: dict[str, dict[str, float]] = {layer.name: {} for layer in own}
    for slot, sparsity in sparsities.items():
        sparsity = checks.sparsity(f"sparsity of {slot}", sparsity)
        for layer, density in zip(taking, _allocate(taking, sparsity, allocation), strict=True):
            whole = allocation == "uniform" and (
                (layer is network.first and first_layer_dense)
                or (keep_dense is not None and keep_dense(layer))
            )
            if not whole and not (dense_operand is not None and dense_operand(slot, layer)):
                table[layer.name][slot] = density
    zeros = dict(natural_zeros or {})
    _check_names("natural_zeros", zeros, [layer.name for layer in layers])
    result = []
    for layer in layers:
        row = dict(table[layer.shares or layer.name])
        left = 1.0 - zeros.get(layer.name, 0.0)
        row["weight_grad_activation"] = min(row.get("weight_grad_activation", 1.0), left)
        result.append(Density(**row))
    return Densities([layer.name for layer in layers], result)


def _allocate(layers: list[Layer], sparsity: float, allocation: Allocation) -> list[float]:
    if allocation == "uniform":
        return [1.0 - sparsity] * len(layers)
    if allocation == "erk":
        return erk([layer.weight for layer in layers], sparsity) if layers else []
    if isinstance(allocation, str):
        raise ValueError(
            f"allocation must be 'uniform', 'erk' or one density per layer, got {allocation!r}"
        )
    if len(allocation) != len(layers):
        raise ValueError(
            f"allocation must have one density per layer ({len(layers)}), got {len(allocation)}"
        )
    return [float(density) for density in allocation]


def _check_names(argument: str, given: Mapping[str, float], known: Collection[str]) -> None:
    if unknown := [name for name in given if name not in known]:
        raise ValueError(
            f"{argument} must be given by name out of {', '.join(known)}; got {', '.join(unknown)}"
        )
