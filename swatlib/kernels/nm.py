"""N:M masks: the N largest magnitudes of every M consecutive entries."""

from itertools import combinations
from math import prod
from sys import byteorder
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from swatlib import checks
from swatlib.checked import checked, explained
from swatlib.kernels.slices import DIMENSIONS, chosen_dims, floating

CHUNK = 2**17
"""Entries worked on at a time on a CPU: few enough for intermediate results to stay in cache."""


@checked
def check_nm(n: int, m: int) -> None:
    """Raise ValueError or TypeError, naming the argument, unless 1 <= n <= m are integers."""
    checks.count("n", n, most=checks.count("m", m))


@explained(x=checks.tensor)
def nm_mask(x: Tensor, n: int = 2, m: int = 4, over: str = "CHW") -> Tensor:
    """Return the mask that keeps the ``n`` largest magnitudes of every ``m`` consecutive entries.

    Parameters
    ----------
    x : Tensor
        Floating. Four dimensions are called N, C, H, W by position, two N, C. Any other number is
        seen as (tokens, features), that is again N, C.
    n, m : int
        1 <= n <= m.
    over : str
        The dimensions along which groups run, flattened in NCHW order whatever the memory format
        and padded with zeros to a multiple of ``m``. Dimensions that ``x`` lacks do not count. If
        it lacks them all, as a matrix lacks "HW", everything is kept.

    Returns
    -------
    Tensor, bool, shape of ``x``
        Ties go to the entry that comes first; NaN counts as infinite.

    Raises
    ------
    ValueError
        For n, m or ``over`` out of range.
    TypeError
        For an integer tensor.
    """
    check_nm(n, m)
    chosen_dims(floating(x), over)
    if not x.ndim:
        raise ValueError("x must have at least one dimension, got a scalar")
    if not x.numel() or not _dims(x, over):
        return torch.ones_like(x, dtype=torch.bool)
    mask: Tensor = _nm_mask(x.detach(), n, m, over)
    return mask


def _dims(x: Tensor, over: str) -> list[int]:
    return [d for d in range(x.ndim if x.ndim == 4 else 2) if DIMENSIONS[d] in over]


@torch.library.custom_op("swatlib::nm_mask", mutates_args=())
def _nm_mask(x: Tensor, n: int, m: int, over: str) -> Tensor:
    named = x if x.ndim in (2, 4) else x.reshape(-1, x.shape[-1])
    dims = _dims(x, over)
    # Where the grouped dimensions are neighbours in memory, groups are cut from memory as it lies.
    order = sorted(range(named.ndim), key=named.stride().__getitem__, reverse=True)
    first = order.index(dims[0])
    if order[first : first + len(dims)] != dims:
        order = [d for d in range(named.ndim) if d not in dims] + dims
        first = order.index(dims[0])
    laid_out = named.permute(order).contiguous()
    end = first + len(dims)
    lines = laid_out.reshape(
        prod(laid_out.shape[:first]), prod(laid_out.shape[first:end]), prod(laid_out.shape[end:])
    )
    mask = _mask_lines(lines, n, m).reshape(laid_out.shape)
    mask = mask.permute([order.index(d) for d in range(named.ndim)]).reshape(x.shape)
    # In the memory format of ``x``, in which it will be applied.
    like = torch.empty_like(x, dtype=torch.bool)
    return mask if mask.stride() == like.stride() else like.copy_(mask)


@_nm_mask.register_fake
def _(x: Tensor, n: int, m: int, over: str) -> Tensor:
    return torch.empty_like(x, dtype=torch.bool)


def _mask_lines(lines: Tensor, n: int, m: int) -> Tensor:
    """Return the mask of lines, shape (before, along, after), whose groups run along the middle."""
    before, along, after = lines.shape
    padded = F.pad(lines, (0, 0, 0, -along % m)) if along % m else lines
    if padded.dtype != torch.float64:
        padded = padded.float()
    if padded.device.type == "cpu":
        values = padded.numpy()
        if (n, m, after) == (2, 4, 1) and byteorder == "little":
            mask = torch.from_numpy(two_of_four(values.reshape(-1)))
        else:
            mask = torch.from_numpy(_n_of_m(values.reshape(-1, m, after), n))
    else:
        magnitude = padded.abs().nan_to_num(nan=torch.inf, posinf=torch.inf)
        groups = magnitude.reshape(-1, m, after).transpose(0, 1)
        mask = (beaten_by(groups, torch.zeros_like(groups, dtype=torch.int16)) < n).transpose(0, 1)
    return mask.reshape(before, -1, after)[:, :along]


def beaten_by(planes: Any, count: Any) -> Any:
    """Count, for each entry, how many of its group beat it; arrays of numpy or torch.

    One plane per place in the group: m (m - 1) / 2 comparisons of whole planes are far cheaper than
    sorting many short groups.
    """
    for first, second in combinations(range(len(planes)), 2):
        wins = planes[first] >= planes[second]
        count[second] += wins
        count[first] += ~wins
    return count


def _n_of_m(groups: np.ndarray, n: int) -> np.ndarray:
    """Return the mask of ``groups``, shape (groups, m, after); members lie along the middle."""
    mask = np.empty(groups.shape, dtype=bool)
    piece = max(1, CHUNK // prod(groups.shape[1:]))
    for start in range(0, len(groups), piece):
        part = slice(start, start + piece)
        planes = np.ascontiguousarray(_magnitude(groups[part]).swapaxes(0, 1))
        mask[part] = (
            beaten_by(planes, np.zeros(planes.shape, np.min_scalar_type(planes.shape[0]))) < n
        ).swapaxes(0, 1)
    return mask


def two_of_four(line: np.ndarray) -> np.ndarray:
    """Return the 2:4 mask of a line, shape (4 groups,), four entries at a time.

    Every entry is compared with the one, two and three places further on; a win is a byte of 1. A
    group's four bytes are seen as one integer, in which comparisons that leave the group are masked
    out. Added up, byte j counts the wins of the group's entry j. Two wins or more survive.
    """
    mask = np.empty(len(line), dtype=bool)
    for start in range(0, len(line), CHUNK):
        part = slice(start, start + CHUNK)
        magnitude = _magnitude(line[part])
        length = len(magnitude)
        wins = np.full(length // 4, 0x03_02_01_00, np.uint32)  # byte j: as if it beat the j before
        for distance, pairs in ((1, 0x00_01_01_01), (2, 0x00_00_01_01), (3, 0x00_00_00_01)):
            won = np.zeros(length, dtype=bool)
            np.greater_equal(
                magnitude[:-distance], magnitude[distance:], out=won[: length - distance]
            )
            words = won.view(np.uint32)
            words &= np.uint32(pairs)  # comparisons within the group
            wins += words
            words <<= np.uint32(8 * distance)
            wins -= words
        wins >>= np.uint32(1)  # two or three wins: the second bit
        wins &= np.uint32(0x01_01_01_01)
        mask[part] = wins.view(bool)
    return mask


def _magnitude(x: np.ndarray) -> np.ndarray:
    magnitude: np.ndarray = np.abs(x)
    if np.isnan(magnitude.max()):
        magnitude[np.isnan(magnitude)] = np.inf
    return magnitude
