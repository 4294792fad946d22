"""Steps: telling one optimizer step from the next by the layer's weight."""

from functools import lru_cache

import torch
from torch import Tensor

LOOKED_AT = 64
"""Entries of a weight that are compared to tell whether it has changed."""

UNKNOWN = -2
"""A weight's version in a copy or a saved state: only the entries can be compared."""


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

    Called inside the operators that choose with a period. An optimizer that writes past the version
    counter (through ``.data``) is seen by the entries; they are compared, which waits for a GPU,
    only where the counter stands still.
    """
    now = 0 if weight.is_inference() else weight._version
    looked = look(weight)
    same = int(version) in (now, UNKNOWN) and torch.equal(looked, entries)
    version.fill_(now)
    if looked.shape == entries.shape:  # else the state was not made for a weight of this size
        entries.copy_(looked)
    return not same
