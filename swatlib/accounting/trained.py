"""What a method has cost in a run: its recipe with the densities that the run recorded.

Layers of SNFS, DSR, GraNet, GMP or DPF change in size while they train. A step's cost is linear in
their density, so the mean over the steps counts the run, and the last one counts the network that
comes out of it.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from swatlib import checks
from swatlib.accounting.density import Densities, Density
from swatlib.accounting.layer import Network
from swatlib.accounting.methods import densities_of
from swatlib.checked import checked
from swatlib.methods import Method, Progress


@checked
def trained_densities(
    network: Network,
    method: Method,
    recorded: Mapping[str, float],
    steps: int | None = None,
    epoch_steps: int = 1,
    natural_zeros: Mapping[str, float] | None = None,
) -> Densities:
    """Say how dense a run has been, layer by layer.

    Parameters
    ----------
    network : Network
        From :func:`~swatlib.accounting.trace.trace`.
    method : Method
    recorded : mapping
        Density of the active weights by layer: ``mean`` or ``last`` of what
        :class:`swatlib.training.observe.ActiveWeights` has observed. Layers left out are dense.
        Of a method with an allocation it is the density of its activations too.
    steps : int, optional
        Optimizer steps of the run. With them dW is whole in the steps in which the method reads
        the gradients of inactive weights, as RigL does in an update and SNFS in all.
    epoch_steps : int
        Optimizer steps of an epoch.
    natural_zeros : mapping, optional
        As in :func:`~swatlib.accounting.density.spread`.

    Returns
    -------
    Densities
        One per layer of ``network.weighted``.

    Raises
    ------
    ValueError
        If a density is not in [0, 1], or of a layer that the network does not have.

    Examples
    --------
    >>> import swatlib, torch
    >>> from swatlib.accounting import count, trace, trained_densities
    >>> shapes = trace(torch.nn.Sequential(torch.nn.Linear(8, 8), torch.nn.Linear(8, 8)), (1, 8))
    >>> rigl = swatlib.method("rigl", 0.9, every=100, until=1.0)
    >>> found = trained_densities(shapes, rigl, {"1": 0.1}, steps=1000)
    >>> [round(density.updated, 4) for density in found]
    [1.0, 0.1081]
    """
    share = partial(checks.number, least=0, most=1)
    known = [layer.name for layer in network.weighted]
    if unknown := [name for name in recorded if name not in known]:
        raise ValueError(f"recorded must be of {', '.join(known)}; got {', '.join(unknown)}")
    given = {name: share(f"recorded[{name!r}]", value) for name, value in recorded.items()}
    whole = 0.0
    if steps is not None:
        steps = checks.count("steps", steps)
        whole = method.dense_steps(Progress(0, steps, checks.count("epoch_steps", epoch_steps)))
    result = []
    rest = densities_of(network, method, natural_zeros=natural_zeros)
    for layer, one in zip(network.weighted, rest, strict=True):
        if method.only not in layer.name:
            result.append(Density())
            continue
        own = given.get(layer.shares or layer.name, 1.0)
        result.append(_with(one, method, own, whole))
    return Densities(known, result)


def _with(one: Density, method: Method, own: float, whole: float) -> Density:
    recipe, moved = method.recipe, method.recipe.updated(own)
    same = recipe.input_grad_weight == recipe.forward_weight
    if method.allocation is not None:  # what is spread over the layers holds for all operands
        one = replace(one, **recipe.map(lambda _: own))
    return replace(
        one,
        forward_weight=own if recipe.forward_weight is not None else one.forward_weight,
        input_grad_weight=own if same and recipe.forward_weight else one.input_grad_weight,
        updated=moved + (1 - moved) * whole,
    )
