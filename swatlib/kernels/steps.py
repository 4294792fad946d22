"""Steps: noticing a new optimizer step by a change of the layer's weight."""

from functools import lru_cache

import torch
from torch import Tensor

LOOKED_AT = 64
"""How many entries of a weight are compared to tell whether it has changed."""

UNKNOWN = -2
"""Stands for a weight's version in a copy or a loaded state.

The version counter says nothing there, so only the entries are compared.
"""


def look(weight: Tensor) -> Tensor:
    """Return entries at equal steps through a weight, in NCHW order: at most 64."""
    if weight.is_meta or not weight.numel():
        return weight.new_empty(min(LOOKED_AT, weight.numel()))
    return torch.take(weight.detach(), _positions(weight.numel(), weight.device))


@lru_cache(maxsize=1024)
def _positions(n: int, device: torch.device) -> Tensor:
    with torch.inference_mode(False):
        count = min(LOOKED_AT, n)
        return torch.arange(count, device=device) * (n // count)


def is_new_step(weight: Tensor, version: Tensor, entries: Tensor) -> bool:
    """Say whether ``weight`` has changed since the last training call, and note it as it is now.

    The operators that choose with a period call it. Some optimizers write through ``.data``, which
    leaves the version counter as it was; their steps are noticed by the entries. Comparing entries
    waits for a GPU, so it is done only where the counter has not changed.
    """
    now = 0 if weight.is_inference() else weight._version
    looked = look(weight)
    same = int(version) in (now, UNKNOWN) and torch.equal(looked, entries)
    version.fill_(now)
    if looked.shape == entries.shape:  # else the state was not made for a weight of this size
        entries.copy_(looked)
    return not same
