"""Masks from the first batch: what pruning before training shares (SNIP, GraSP).

A score of every weight is computed once, from the dense network and one batch. The weights of all
layers compete for the sum of their sizes, and the masks stay for good.
"""

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from swatlib import checks
from swatlib.checked import checked, checked_fields
from swatlib.core.selector import kept_count
from swatlib.methods.held_weight import held
from swatlib.methods.keep import best
from swatlib.methods.method import Between
from swatlib.surgery.sparsify import sparse_layers

Loss = Callable[[], Tensor]
"""The loss of the first batch."""

Gradients = Callable[[nn.Module, Loss, Sequence[Tensor]], list[Tensor]]
"""From a model, the loss of its first batch and weights to what a score multiplies each with."""


@contextmanager
def as_dense(model: nn.Module) -> Iterator[None]:
    """Let the sparse layers of a model compute as torch's own within the block.

    What they keep stays. A sparse layer can be differentiated once; a dense one twice. The ranks
    of DistributedDataParallel do not wait for each other, see :func:`averaged`.
    """
    kinds: list[tuple[Any, type]] = [(layer, type(layer)) for _, layer in sparse_layers(model)]
    quiet = model.no_sync() if isinstance(model, DistributedDataParallel) else None
    try:
        for layer, _ in kinds:
            layer.__class__ = layer.dense
        if quiet is None:
            yield
        else:
            with quiet:
                yield
    finally:
        for layer, kind in kinds:
            layer.__class__ = kind


def averaged(model: nn.Module, tensors: Sequence[Tensor | None], like: Sequence[Tensor]) -> Any:
    """Return gradients as means over the ranks that train ``model``; zeros where one is None."""
    whole = [
        torch.zeros_like(w) if t is None else t.detach() for t, w in zip(tensors, like, strict=True)
    ]
    if isinstance(model, DistributedDataParallel):
        for t in whole:
            dist.all_reduce(t, group=model.process_group)
            t /= dist.get_world_size(model.process_group)
    return whole


def gradients(model: nn.Module, loss: Loss, weights: Sequence[Tensor]) -> list[Tensor]:
    """Return the gradients of the dense network on the first batch; no ``.grad`` is touched."""
    with as_dense(model):
        found = torch.autograd.grad(loss(), weights, allow_unused=True)
    means: list[Tensor] = averaged(model, found, weights)
    return means


@checked(sparsity=checks.sparsity)
@torch.no_grad()
def best_of_all(scores: Sequence[Tensor], sparsity: float) -> list[Tensor]:
    """Return masks of the largest scores among all entries of several tensors, exact in number.

    Examples
    --------
    >>> import torch
    >>> from swatlib.methods.first_batch import best_of_all
    >>> best_of_all([torch.tensor([3.0, 1.0]), torch.tensor([2.0, 0.0])], 0.5)
    [tensor([ True, False]), tensor([ True, False])]
    """
    flat = torch.cat([score.reshape(-1) for score in scores])
    mask = best(flat, torch.ones_like(flat, dtype=torch.bool), kept_count(len(flat), sparsity))
    pieces = mask.split([score.numel() for score in scores])
    return [piece.reshape(score.shape) for piece, score in zip(pieces, scores, strict=True)]


@checked(sparsity=checks.sparsity)
def keep_by_first_batch_(
    model: nn.Module,
    loss: Loss,
    sparsity: float,
    factors: Gradients = gradients,
    score: Callable[[Tensor], Tensor] = torch.abs,
) -> nn.Module:
    """Keep the weights with the largest scores of the first batch: make all held masks at once.

    Weights, their gradients and random states stay as they are.

    Parameters
    ----------
    model : nn.Module
        With held masks, in training mode.
    loss : callable
        Returns the loss of the first batch.
    sparsity : float
        Of all weights with held masks together, in [0, 1).
    factors : callable
        What weights are multiplied with, such as :func:`gradients`.
    score : callable
        From weight times factor to its score.

    Raises
    ------
    ValueError
        If a score is not finite.

    Warns
    -----
    UserWarning
        If a layer is left without any weight.
    """
    owners = held(model)
    if not owners:
        return model
    weights = [one.weight for one in owners]
    found = factors(model, loss, weights)
    scores = [score(w.detach() * f) for w, f in zip(weights, found, strict=True)]
    if not all(bool(one.isfinite().all()) for one in scores):
        raise ValueError("scores of the first batch must be finite, got NaN or infinity")
    empty = []
    for one, mask in zip(owners, best_of_all(scores, sparsity), strict=True):
        one.become(mask)
        empty += [] if mask.any() else [one.name]
    if empty:
        warnings.warn(
            f"layers {', '.join(empty)} are left without any weight at sparsity {sparsity:g}: "
            "their output is constant; take a lower sparsity",
            stacklevel=2,
        )
    return model


@dataclass(frozen=True)
class KeepByFirstBatch(Between):
    """Make all masks before the first step, see :func:`keep_by_first_batch_`.

    Parameters
    ----------
    sparsity : float
        Of all weights with held masks together, in [0, 1).
    """

    sparsity: float
    own_sparsity: ClassVar[bool] = True
    own_start: ClassVar[bool] = True

    def __post_init__(self) -> None:
        checked_fields(self, sparsity=checks.sparsity)

    def start(self, model: nn.Module, loss: Loss) -> None:
        """Make the masks."""
        keep_by_first_batch_(model, loss, self.sparsity)
