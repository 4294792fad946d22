"""Slices: the parts of a tensor whose entries compete with one another."""

from math import prod

from torch import Tensor

DIMENSIONS = "NCHW"
"""The names of a tensor's dimensions, by position."""


def chosen_dims(x: Tensor, over: str) -> list[int]:
    """Return the dimensions of ``x`` that ``over`` names; ValueError if it names others."""
    if not over or set(over) - set(DIMENSIONS):
        raise ValueError(f"over must name dimensions out of {DIMENSIONS!r}, got {over!r}")
    if set(over) == set(DIMENSIONS):
        return list(range(x.ndim))
    return [d for d in range(x.ndim) if d < 4 and DIMENSIONS[d] in over]


def floating(x: Tensor) -> Tensor:
    """Return ``x``; TypeError if it does not hold floating-point numbers."""
    if not x.is_floating_point():
        raise TypeError(f"x must have a floating dtype, got {x.dtype}")
    return x


def in_slices(x: Tensor, over: str) -> tuple[Tensor, list[int]]:
    """Return ``x`` as (slices, entries per slice), and the shape of one value per slice.

    That shape broadcasts to ``x``.
    """
    dims = chosen_dims(x, over)
    if len(dims) == x.ndim:
        # Order does not matter to a threshold: read memory as it lies, whatever the memory format.
        by_stride = sorted(range(x.ndim), key=lambda d: x.stride(d), reverse=True)
        return x.permute(by_stride).reshape(1, -1), [1] * x.ndim
    others = [d for d in range(x.ndim) if d not in dims]
    shape = [1 if d in dims else x.shape[d] for d in range(x.ndim)]
    rows = prod([x.shape[d] for d in others])
    # Nor does it within a slice: a slice that lies in one piece is not copied.
    dims = sorted(dims, key=x.stride, reverse=True)
    return x.permute(*others, *dims).reshape(rows, -1 if x.numel() else 0), shape
