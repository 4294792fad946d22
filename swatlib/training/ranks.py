"""What the processes of one training tell each other; alone, a process has nobody to tell.

Where a process group of torch.distributed is there, its processes train one network together. Each
computes its part of every batch, DistributedDataParallel (Li et al. 2020) averages the gradients,
and so weights and all that is made of weights stay equal to the bit. What is made of activations is
each rank's own.
"""

import io
from collections.abc import Iterator
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from swatlib.core.operands import WEIGHT, operand
from swatlib.core.recipe import OUTPUT
from swatlib.core.selector_state import SelectorState
from swatlib.surgery.sparsify import sparse_layers


def size() -> int:
    """Return how many processes train together."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def rank() -> int:
    """Return which of them this is, from 0."""
    return dist.get_rank() if size() > 1 else 0


def together(model: nn.Module) -> nn.Module:
    """Return what computes as ``model`` and averages gradients over the ranks."""
    return model if size() == 1 else DistributedDataParallel(model)


def part(batch: Tensor) -> tuple[slice, float]:
    """Return this rank's part of a batch, and the weight of its mean.

    With it the mean over the ranks of their weighted means is the mean over the batch: the weight
    is n_r R / n for n_r of n images on one of R ranks.
    """
    images, ranks = len(batch), size()
    first, end = (images * number // ranks for number in (rank(), rank() + 1))
    return slice(first, end), (end - first) * ranks / images


def mean(values: Tensor) -> Tensor:
    """Return the mean over the ranks."""
    if size() > 1:
        dist.all_reduce(values)
        values = values / size()
    return values


def share_buffers_(model: nn.Module) -> None:
    """Give the buffers of all ranks, statistics of normalisation, the values of the first."""
    if size() > 1:
        for buffer in model.buffers():
            dist.broadcast(buffer, 0)


def first_says(flag: bool) -> bool:
    """Return what the first rank says."""
    said = [flag]
    if size() > 1:
        dist.broadcast_object_list(said, 0)
    return said[0]


def gathered(own: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what every rank has, plain values and tensors, on the CPU."""
    if size() == 1:
        return [own]
    content = io.BytesIO()
    torch.save(own, content)
    every: list[Any] = [None] * size()
    dist.all_gather_object(every, content.getvalue())
    return [torch.load(io.BytesIO(one), "cpu", weights_only=True) for one in every]


def alike(model: nn.Module) -> Iterator[Tensor]:
    """Yield what must be equal to the bit on all ranks: weights, and what is made of weights."""
    for parameter in model.parameters():
        yield parameter.detach()
    for _, layer in sparse_layers(model):
        for name, state in layer.states.items():
            for tensor in _made_of_weights(name, state):
                yield tensor.nan_to_num()


def _made_of_weights(name: str, state: SelectorState) -> list[Tensor]:
    if name == OUTPUT:  # what ranks outputs; which ones are computed is each rank's own
        return [] if state.values is None else [state.values]
    if operand(name).tensor != WEIGHT:  # activations are each rank's own
        return []
    return [state.threshold if state.mask is None else state.mask]
