"""What a narrower dense network costs, as densities of the network that it is narrowed from.

With a fraction f of its channels a layer has f of its inputs, f of its outputs and f * f of its
weights, except that the image and the classes stay. Numbers of channels are taken as they come, not
as whole numbers; so the count is within about 1 % of that of a network that is built.
"""

from collections.abc import Mapping

from swatlib import checks
from swatlib.accounting.density import Densities, Density
from swatlib.accounting.layer import Network
from swatlib.checked import checked


@checked(sparsity=checks.sparsity)
def narrow(
    network: Network, sparsity: float, natural_zeros: Mapping[str, float] | None = None
) -> Densities:
    """Say what a narrower network leaves of each operand of a network's layers.

    Parameters
    ----------
    network : Network
        From :func:`~swatlib.accounting.trace.trace`.
    sparsity : float
        Of the sparse network, with a dense first layer, that has as many weights.
    natural_zeros : mapping, optional
        Fraction of zeros that ReLU leaves in a layer's input, by layer name.

    Examples
    --------
    >>> import torch
    >>> from swatlib.accounting import trace
    >>> from swatlib.accounting.narrow import narrow
    >>> layers = torch.nn.Linear(4, 8), torch.nn.Linear(8, 8), torch.nn.Linear(8, 4)
    >>> found = narrow(trace(torch.nn.Sequential(*layers), (1, 4)), 0.5)
    >>> [round(density.forward, 3) for density in found]
    [0.725, 0.525, 0.725]
    """
    layers = network.weighted
    zeros = dict(natural_zeros or {})
    own = [layer for layer in layers if not layer.shares]
    kept = sum(x.weights * (1.0 if x is network.first else 1 - sparsity) for x in own)

    def sides(name: str, fraction: float) -> tuple[float, float]:
        first = name == (layers[0].shares or layers[0].name)
        last = name == (layers[-1].shares or layers[-1].name)
        return (1.0 if first else fraction), (1.0 if last else fraction)

    def weights(fraction: float) -> float:
        found = 0.0
        for layer in own:
            inputs, outputs = sides(layer.name, fraction)
            found += layer.weights * inputs * outputs
        return found

    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if weights(middle) > kept else (middle, high)
    result = []
    for layer in layers:
        inputs, outputs = sides(layer.shares or layer.name, high)
        result.append(
            Density(
                forward_weight=inputs * outputs,
                input_grad_weight=inputs * outputs,
                weight_grad_activation=inputs * (1 - zeros.get(layer.name, 0.0)),
                weight_grad_gradient=outputs,
            )
        )
    return Densities([layer.name for layer in layers], result)
