"""What DSG's random projection costs beside the products, in additions (Liu et al. 2019).

The projection has two values and zeros, so that to project is to add what one third of its entries
say. The short products of what is projected are multiplied: they are part of the forward product,
see ``search`` of :class:`~swatlib.accounting.density.Density`.
"""

from math import prod

from swatlib import checks
from swatlib.accounting.layer import Layer, Network
from swatlib.accounting.topk import PRODUCTS_OF_A_STEP
from swatlib.checked import checked
from swatlib.selectors.projected import projected_length

NONZEROS = 1 / 3
"""Share of the projection's entries that are not zero."""


@checked(batch=checks.count, refresh=checks.count, projection=checks.optional(checks.count))
def additions(
    layer: Layer, batch: int = 1, refresh: int = 50, projection: int | None = None
) -> float:
    """Return the additions that projecting X and W takes in a step.

    Parameters
    ----------
    layer : Layer
        A convolution or linear layer, for one image.
    batch : int
        Images in a step. W is projected once for all of them.
    refresh : int
        Steps between two projections of W.
    projection : int, optional
        Length of a projected filter, see
        :func:`~swatlib.selectors.projected.projected_length`.

    Examples
    --------
    >>> from swatlib.accounting.layer import Layer
    >>> from swatlib.accounting.projection import additions
    >>> additions(Layer("fc", "linear", (10, 30), (1, 30), (1, 10)), projection=4, refresh=10)
    80.0
    """
    if not layer.weight:
        raise ValueError(f"layer must have a weight, got {layer.name!r} of kind {layer.kind!r}")
    one = NONZEROS * projected_length(layer.weight, projection) * prod(layer.weight[1:])
    # A convolution's groups of channels are projected one by one.
    groups = layer.input[1] // layer.weight[1] if layer.kind == "conv" else 1
    places = prod(layer.output) // layer.weight[0]
    return one * (batch * places * groups + layer.weight[0] / refresh)


@checked(batch=checks.count, refresh=checks.count, projection=checks.optional(checks.count))
def projection_share(
    traced: Network, batch: int = 1, refresh: int = 50, projection: int | None = None
) -> float:
    """Return the additions of DSG's projections per multiply-accumulate of the dense step.

    The first layer and the classifier are dense.

    Parameters
    ----------
    traced : Network
        For one image.
    batch, refresh, projection
        As in :func:`additions`.
    """
    layers = [x for x in traced.weighted if x is not traced.first and x is not traced.last]
    if not layers:
        raise ValueError("traced must have a layer between the first and the last")
    macs = PRODUCTS_OF_A_STEP * batch * sum(layer.forward_macs for layer in layers)
    return sum(additions(layer, batch, refresh, projection) for layer in layers) / macs
