"""ReSprop: both backward products reuse the output gradient of the last batch.

Goli and Aamodt (CVPR 2020). P is the output gradient of one sample of the previous batch, the same
for every sample of the present one. G becomes P + D, where D is G - P without its small entries, in
dX and in dW of all convolutions; linear layers are dense, and the gradient of the bias is that of
the whole G.

W^T P and the product of P with the sum of X over the samples serve the whole batch ("pre-ReSprop").
They cost 1/N of a dense product each for N samples, which the accounting of this library leaves
out: it counts 1 - s for dX and dW.

The public code also computes the first and the last step of every epoch exactly, pads 1x1
convolutions of shortcuts and raises the learning rate of the first seven epochs fourfold. None of
it belongs to the method as the paper describes it, and none of it is here.
"""

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import nn

from swatlib import checks
from swatlib.checked import checked, checked_fields
from swatlib.core.recipe import Recipe
from swatlib.methods.method import Between, Method, Progress
from swatlib.selectors.reuse import Reuse
from swatlib.surgery.sparsify import sparse_layers

PER_EPOCH = 0.1
"""By how much the reuse-sparsity rises from epoch to epoch in the warm-up, by the public code."""


@checked(sparsity=checks.sparsity, warmup=partial(checks.count, least=0))
def resprop(sparsity: float, warmup: int = 2, first_layer_dense: bool = False) -> Method:
    """Return ReSprop: in dX and dW, G only where it is far from that of the last batch.

    Parameters
    ----------
    sparsity : float
        Fraction of the output gradient that is reused, in [0, 1).
    warmup : int
        Epochs that reuse nothing. After them all but (1 - 0.1 e) of it is reused in epoch e,
        counted from 0, up to ``sparsity``. 0: no warm-up at all.
    first_layer_dense : bool
        Leave the first layer dense.

    Examples
    --------
    >>> import swatlib
    >>> print(swatlib.method("resprop", 0.9))
    ReSprop (every layer)
    forward W  forward X  input-grad W  input-grad G  weight-grad X  weight-grad G
    dense      dense      dense         reuse 0.9     dense          same mask
    between steps: WarmUp(sparsity=0.9, epochs=2)
    """
    g = Reuse(sparsity)
    recipe = Recipe(
        "ReSprop",
        input_grad_gradient=g,
        weight_grad_gradient=g,
        first_layer_dense=first_layer_dense,
    )
    return Method(
        recipe,
        linear=recipe.without_selectors,
        between=(WarmUp(sparsity, warmup),) if warmup else (),
    )


@checked(epoch=partial(checks.count, least=0), sparsity=checks.sparsity)
def reused(epoch: int, sparsity: float, warmup: int = 2) -> float:
    """Return the reuse-sparsity of an epoch, counted from 0.

    Examples
    --------
    >>> from swatlib.methods.resprop import reused
    >>> [reused(epoch, 0.45) for epoch in range(6)]
    [0.0, 0.0, 0.2, 0.3, 0.4, 0.45]
    """
    if epoch < warmup:
        return 0.0
    return min(sparsity, round(PER_EPOCH * epoch, 10)) if warmup else sparsity


@checked(sparsity=checks.sparsity)
def reuse_(model: nn.Module, sparsity: float) -> nn.Module:
    """Give the layers that reuse output gradients another reuse-sparsity.

    Examples
    --------
    >>> import swatlib, torch
    >>> from swatlib.methods.resprop import reuse_
    >>> model = swatlib.sparsify_(torch.nn.Conv2d(3, 4, 3), swatlib.method("resprop", 0.9))
    >>> str(reuse_(model, 0.5).recipe.input_grad_gradient)
    'reuse 0.5'
    """
    for _, layer in sparse_layers(model):
        changed: dict[str, Any] = layer.recipe.map(
            lambda s: s.at_sparsity(sparsity) if isinstance(s, Reuse) else s
        )
        layer.recipe = replace(layer.recipe, **changed)
    return model


@dataclass(frozen=True)
class WarmUp(Between):
    """Reuse nothing in the first epochs and more in each of the next ones, see :func:`reused`.

    Parameters
    ----------
    sparsity : float
        In [0, 1), after the warm-up.
    epochs : int
        That reuse nothing.
    """

    sparsity: float
    epochs: int = 2
    own_sparsity = True

    def __post_init__(self) -> None:
        checked_fields(self, sparsity=checks.sparsity, epochs=checks.count)

    def start(self, model: nn.Module, loss: Any) -> None:
        """Begin with nothing reused."""
        reuse_(model, reused(0, self.sparsity, self.epochs))

    def after_step(
        self, model: nn.Module, optimizer: torch.optim.Optimizer, progress: Progress
    ) -> None:
        """Reuse more, after the last step of an epoch."""
        done = progress.step + 1
        if done % progress.epoch_steps == 0:
            reuse_(model, reused(done // progress.epoch_steps, self.sparsity, self.epochs))
