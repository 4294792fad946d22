"""Allocation: spreads one sparsity over the layers of a model, by name (SWAT section 3.3.2).

The functions from shapes to densities are in :mod:`swatlib.core.allocation`; here they are applied
to a model.
"""

from functools import partial

from torch import nn

from swatlib import checks
from swatlib.checked import checked
from swatlib.core.allocation import Shapes, erk, uniform
from swatlib.methods.method import Allocation
from swatlib.surgery.first_layer import first_layer
from swatlib.surgery.sparsify import sparsifiable


def alike(shapes: Shapes, sparsity: float) -> list[float]:
    """Give every layer the same density, the first one too."""
    return uniform(shapes, sparsity, first_dense=False)


ALLOCATIONS: dict[str, Allocation] = {"uniform": alike, "erk": erk, "momentum": alike}
"""Allocations by name: those of SWAT-U, SWAT-ERK and SWAT-M.

SWAT-M starts uniform; :func:`~swatlib.methods.momentum.redistribute_` changes it in every step.
"""


@checked(allocation=partial(checks.one_of, allowed=tuple(ALLOCATIONS)), sparsity=checks.sparsity)
def densities(
    model: nn.Module, allocation: str, sparsity: float, first_layer_dense: bool = True
) -> dict[str, float]:
    """Return the density of every convolution and linear layer, by its name.

    Turn it into a recipe for each layer with
    ``sparsify_(model, {name: swat(1 - d) for name, d in densities(...).items()})``.

    Parameters
    ----------
    model : nn.Module
    allocation : str
        One of :data:`ALLOCATIONS`.
    sparsity : float
        Of all weights, in [0, 1).
    first_layer_dense : bool
        With "uniform"; the two others have the first layer in their budget.

    Raises
    ------
    ValueError
        For an unknown allocation, a sparsity out of range, or a model without such layers.

    Examples
    --------
    >>> import swatlib, torch
    >>> model = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.Linear(4, 2))
    >>> swatlib.densities(model, "uniform", 0.75)
    {'0': 1.0, '1': 0.25}
    """
    layers = list(sparsifiable(model))
    shapes = [tuple(layer.weight.shape) for _, layer in layers]
    each = ALLOCATIONS[allocation](shapes, sparsity)
    by_name = dict(zip((name for name, _ in layers), each, strict=True))
    if first_layer_dense and allocation == "uniform":
        by_name[first_layer(model, list(by_name))] = 1.0
    return by_name
