"""From a method to one density per layer and operand."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from swatlib import checks
from swatlib.accounting.layer import Layer, Network
from swatlib.checked import checked, checked_fields
from swatlib.core.allocation import erk
from swatlib.core.operands import OPERANDS, WEIGHT, PerOperand
from swatlib.core.operands import operand as operand_named
from swatlib.core.recipe import OUTPUT, Recipe


@dataclass(frozen=True, kw_only=True)
class Density(PerOperand[float]):
    """Fraction of non-zeros in the six operands of a layer's three products, each in [0, 1].

    Operands left out are dense: 1.

    Parameters
    ----------
    updated : float
        Fraction of the weights whose gradient is needed, because a step moves them. A convention
        says whether it counts, see :class:`~swatlib.accounting.convention.Convention`.
    output : float
        Fraction of the entries of Y that are computed. Both backward products read no others of G.
    search : float
        What choosing those entries multiplies, over the dense forward product.
    **operands : float
        The six of :class:`~swatlib.core.operands.PerOperand`.
    """

    updated: float = 1.0
    output: float = 1.0
    search: float = 0.0

    def __post_init__(self) -> None:
        for operand, value in self.items():
            if value is None:
                object.__setattr__(self, operand.name, 1.0)
        share = partial(checks.number, least=0, most=1)
        shares = dict.fromkeys([*self.named(), "updated", "output"], share)
        checked_fields(self, search=partial(checks.number, least=0), **shares)

    def product(self, name: str) -> float:
        """Return the fraction of a product's multiply-accumulates that remain."""
        first, second = self.of(name)
        return first * second * self.output + (self.search if name == "forward" else 0.0)

    @property
    def forward(self) -> float:
        """Fraction of the forward multiply-accumulates that remain."""
        return self.product("forward")

    @property
    def input_grad(self) -> float:
        """Fraction of the input gradient's multiply-accumulates that remain."""
        return self.product("input_grad")

    @property
    def weight_grad(self) -> float:
        """Fraction of the weight gradient's multiply-accumulates that remain."""
        return self.product("weight_grad")


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


Allocation = str | Sequence[float]
"""``"uniform"``, ``"erk"`` or one density per layer."""


@checked
def densities(
    network: Network,
    recipe: Recipe,
    allocation: Allocation = "uniform",
    natural_zeros: Mapping[str, float] | None = None,
) -> Densities:
    """Say how dense a recipe makes each operand of each convolution and linear layer.

    Parameters
    ----------
    network : Network
        From :func:`~swatlib.accounting.trace.trace`.
    recipe : Recipe
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
    ValueError
        As :func:`spread`.
    """
    return spread(
        network,
        recipe.map(lambda s: float(s.sparsity)),
        allocation,
        recipe.first_layer_dense,
        natural_zeros,
        dense_operand=partial(leaves_whole, recipe),
        updated=recipe.updated,
        search=None if recipe.output is None else recipe.output.search,
    )


@checked
def leaves_whole(recipe: Recipe, name: str, layer: Layer) -> bool:
    """Say whether a recipe's selector of an operand finds nothing to choose from in a layer."""
    if name == OUTPUT:
        return recipe.output is None
    whole = layer.weight if operand_named(name).tensor == WEIGHT else layer.input
    return recipe.acting(len(whole))[name] is None


@checked
def spread(
    network: Network,
    sparsities: Mapping[str, float],
    allocation: Allocation = "uniform",
    first_layer_dense: bool = True,
    natural_zeros: Mapping[str, float] | None = None,
    keep_dense: Callable[[Layer], bool] | None = None,
    dense_operand: Callable[[str, Layer], bool] | None = None,
    updated: Callable[[float], float] | None = None,
    search: Callable[[tuple[int, ...]], float] | None = None,
) -> Densities:
    """Spread the sparsity of each operand over the layers.

    Parameters
    ----------
    network : Network
        From :func:`~swatlib.accounting.trace.trace`.
    sparsities : mapping
        Sparsity in [0, 1) by operand, or "output" for Y itself; those left out stay dense.
    allocation : str or sequence of float
        ``"uniform"``: the same everywhere. ``"erk"``: :func:`swatlib.core.allocation.erk`, the
        first layer included. Both leave the layers dense that :func:`swatlib.sparsify_` passes
        over. A sequence: one density per layer, for every operand in `sparsities`.
    first_layer_dense : bool
        With ``"uniform"``, keep the first layer dense, the one that is used first.
    natural_zeros : mapping, optional
        Fraction of zeros that ReLU leaves in a layer's input, by layer name, as
        :func:`~swatlib.accounting.relu.natural_zeros` measures it. In the weight gradient the
        sparsity of a layer's input is then the larger of this and the method's own. They do not add
        up: Top-K drops the zeros first.
    keep_dense : callable, optional
        Layers for which it is true stay dense, with ``"uniform"``.
    dense_operand : callable, optional
        ``dense_operand(name, layer)`` says which operands stay dense whatever the allocation.
    updated : callable, optional
        From the density of a layer's forward weights to the share of its weights that a step moves;
        all if not given.
    search : callable, optional
        From a weight's shape to what choosing among outputs costs where some are left out, see
        :class:`Density`.

    Returns
    -------
    Densities
        One per layer of ``network.weighted``; layers that share weights share densities.

    Raises
    ------
    ValueError
        For an unknown operand or allocation, a sparsity out of range, a wrong number of densities,
        or natural zeros of a layer that the network does not have.
    """
    _check_names("sparsities", sparsities, [*(one.name for one in OPERANDS), OUTPUT])
    layers = network.weighted
    own = [layer for layer in layers if not layer.shares]
    taking = own if not isinstance(allocation, str) else [x for x in own if not x.passed_over]
    table: dict[str, dict[str, float]] = {layer.name: {} for layer in own}
    for name, sparsity in sparsities.items():
        sparsity = checks.sparsity(f"sparsity of {name}", sparsity)
        for layer, density in zip(taking, _allocate(taking, sparsity, allocation), strict=True):
            whole = allocation == "uniform" and (
                (layer is network.first and first_layer_dense)
                or (keep_dense is not None and keep_dense(layer))
            )
            if not whole and not (dense_operand is not None and dense_operand(name, layer)):
                table[layer.name][name] = density
    zeros = dict(natural_zeros or {})
    _check_names("natural_zeros", zeros, [layer.name for layer in layers])
    result = []
    for layer in layers:
        row = dict(table[layer.shares or layer.name])
        left = 1.0 - zeros.get(layer.name, 0.0)
        row["weight_grad_activation"] = min(row.get("weight_grad_activation", 1.0), left)
        moved = 1.0 if updated is None else updated(row.get("forward_weight", 1.0))
        chosen = search is not None and row.get(OUTPUT, 1.0) < 1
        result.append(
            Density(updated=moved, search=search(layer.weight) if search and chosen else 0.0, **row)
        )
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
