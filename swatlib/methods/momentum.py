"""SWAT-M: the layers' densities shared out anew in every step, by their momentum.

SWAT section 3.3.2, after Dettmers and Zettlemoyer (2019).
"""

from dataclasses import dataclass
from math import isfinite, prod

import torch
from torch import nn

from swatlib import checks
from swatlib.checked import checked, checked_fields
from swatlib.core.allocation import momentum
from swatlib.methods.method import Between, Progress
from swatlib.surgery.sparsify import active_mask, sparse_layers


@checked(sparsity=checks.sparsity)
@torch.no_grad()
def redistribute_(model: nn.Module, optimizer: torch.optim.Optimizer, sparsity: float) -> nn.Module:
    """Share the active weights out anew by the layers' mean momentum: SWAT-M.

    Call it after every optimizer step. Each layer's recipe gets the density that
    :func:`swatlib.core.allocation.momentum` gives it, for its weights and for its activations.
    If the momenta are zero or not finite, as in a run that has diverged, nothing changes.

    Parameters
    ----------
    model : nn.Module
        Made sparse with one recipe or with :func:`~swatlib.methods.allocation.densities`.
    optimizer : torch.optim.Optimizer
        SGD with momentum, or Adam and its variants.
    sparsity : float
        Of all weights of the sparse layers, in [0, 1).

    Returns
    -------
    nn.Module
        ``model`` itself.

    Raises
    ------
    ValueError
        If no layer has sparse forward weights, or the optimizer holds no momentum for one of them.

    Notes
    -----
    Under DistributedDataParallel all ranks hold the same momenta and so come to the same densities.

    Examples
    --------
    >>> import swatlib, torch
    >>> model = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.Linear(4, 2))
    >>> model = swatlib.sparsify_(model, swatlib.swat(0.5, first_layer_dense=False))
    >>> optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
    >>> model(torch.randn(3, 4)).sum().backward()
    >>> optimizer.step()
    >>> model = swatlib.redistribute_(model, optimizer, 0.5)
    >>> sum(int(swatlib.active_mask(layer).sum()) for layer in model)
    12
    """
    layers = [layer for _, layer in sparse_layers(model) if layer.recipe.forward_weight]
    if not layers:
        raise ValueError("model has no layer with sparse forward weights to redistribute")
    momenta = [_momentum(optimizer, layer.weight).abs() for layer in layers]
    active = [active_mask(layer) for layer in layers]
    # One transfer for all layers, so that a GPU is waited for once.
    means = torch.stack(
        [(m * a).sum() / a.sum().clamp(min=1) for m, a in zip(momenta, active, strict=True)]
    ).tolist()
    if not (isfinite(sum(means)) and sum(means) > 0):
        return model
    sizes = [prod(layer.weight.shape) for layer in layers]
    counts = momentum(sizes, means, sparsity)
    for layer, size, count in zip(layers, sizes, counts, strict=True):
        layer.recipe = layer.recipe.at_sparsity(1 - max(1, count) / size)
    return model


def _momentum(optimizer: torch.optim.Optimizer, weight: torch.Tensor) -> torch.Tensor:
    state = optimizer.state.get(weight, {})
    for name in ("momentum_buffer", "exp_avg"):
        if state.get(name) is not None:
            buffer: torch.Tensor = state[name]
            return buffer
    raise ValueError(
        "optimizer holds no momentum for a sparse layer: give SGD a momentum above 0 and take a "
        "step before redistributing"
    )


@dataclass(frozen=True)
class ShareByMomentum(Between):
    """Redistribute after every step, see :func:`redistribute_`.

    Parameters
    ----------
    sparsity : float
        Of all weights of the sparse layers, in [0, 1).
    """

    sparsity: float

    def __post_init__(self) -> None:
        checked_fields(self, sparsity=checks.sparsity)

    def after_step(
        self, model: nn.Module, optimizer: torch.optim.Optimizer, progress: Progress
    ) -> None:
        """Share the active weights out anew."""
        redistribute_(model, optimizer, self.sparsity)

    def check(self, epochs: int, momentum: float) -> None:
        """Refuse an optimizer without momentum."""
        if not momentum:
            raise ValueError("allocation 'momentum' needs a momentum above 0, got 0")
