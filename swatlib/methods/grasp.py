"""GraSP: picking tickets by gradient flow (Wang et al. 2020, Algorithm 1).

Removing a weight changes the squared norm of the gradient by about -W * Hg, with H the Hessian and
g the gradient (Eqs. 7 and 8). What removal would lower least, or would raise, goes: the weights of
the largest scores, in all layers together. Hg is the gradient of a product of gradients, so that H
is never formed.

Where paper and public code differ:

- The code divides the network's outputs by 200 before the softmax, which the experiments of the
  paper rest on; ``temperature`` does so.
- The code computes g from two half batches and Hg from sums over both, and samples ten images per
  class; the paper has one batch. Here it is the first batch of the run.
- The code's comparison removes one weight less than asked; here the number is exact.
- The code draws the linear layers anew before it scores. We score the weights that are trained.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from swatlib import checks
from swatlib.checked import checked, checked_fields
from swatlib.methods.first_batch import (
    KeepByFirstBatch,
    Loss,
    as_dense,
    averaged,
    keep_by_first_batch_,
)
from swatlib.methods.held_weight import Hold
from swatlib.methods.method import Method
from swatlib.methods.static import held_recipe

positive = partial(checks.number, above=0)


@checked(temperature=positive)
def hessian_gradient(
    model: nn.Module, loss: Loss, weights: Sequence[Tensor], temperature: float = 1.0
) -> list[Tensor]:
    """Return Hg for some weights: the Hessian of the first batch's loss times its gradient.

    Parameters
    ----------
    model : nn.Module
    loss : callable
        Returns the loss of the first batch, computed by calling ``model``.
    weights : sequence of Tensor
        H and g are with respect to these.
    temperature : float
        Divides the model's output.

    Raises
    ------
    TypeError
        If the model's output is not a tensor, and the temperature not 1.
    """

    def cooled(module: nn.Module, args: Any, output: Any) -> Any:
        if not isinstance(output, Tensor):
            raise TypeError(
                f"temperature must be 1 for a model that returns {type(output).__name__}, "
                f"got {temperature:g}"
            )
        return output / temperature

    handle = model.register_forward_hook(cooled) if temperature != 1 else None
    try:
        with as_dense(model):
            along = torch.autograd.grad(loss(), weights, create_graph=True, allow_unused=True)
            whole = averaged(model, along, weights)
            parts = [(a * w).sum() for a, w in zip(along, whole, strict=True) if a is not None]
            product = torch.stack(parts).sum()
            found = torch.autograd.grad(product, weights, allow_unused=True)
    finally:
        if handle is not None:
            handle.remove()
    means: list[Tensor] = averaged(model, found, weights)
    return means


@dataclass(frozen=True)
class KeepGradientFlow(KeepByFirstBatch):
    """Make all masks before the first step, so that gradients flow.

    Parameters
    ----------
    sparsity : float
        Of all weights with held masks together, in [0, 1).
    temperature : float
        See :func:`hessian_gradient`.
    """

    temperature: float = 200.0

    def __post_init__(self) -> None:
        checked_fields(self, sparsity=checks.sparsity, temperature=positive)

    def start(self, model: nn.Module, loss: Loss) -> None:
        """Make the masks: what has the largest -W * Hg goes."""
        factors = partial(hessian_gradient, temperature=self.temperature)
        keep_by_first_batch_(model, loss, self.sparsity, factors, torch.clone)


@checked(sparsity=checks.sparsity, temperature=positive)
def grasp(sparsity: float, temperature: float = 200.0, first_layer_dense: bool = False) -> Method:
    """Return GraSP: the weights without which the first batch's gradient would flow less, for good.

    Layers compete, so that each has a sparsity of its own, known after the start.

    Parameters
    ----------
    sparsity : float
        Of all weights together, in [0, 1).
    temperature : float
        Divides the network's outputs when weights are scored.
    first_layer_dense : bool
        Leave the first layer dense.

    Examples
    --------
    >>> import swatlib
    >>> [str(one) for one in swatlib.method("grasp", 0.9).between]
    ['KeepGradientFlow(sparsity=0.9, temperature=200.0)', 'Hold()']
    """
    return Method(
        held_recipe("GraSP", sparsity, "dense", first_layer_dense),
        between=(KeepGradientFlow(sparsity, temperature), Hold()),
    )
