"""N:M selection: in every group of M consecutive entries at most N survive.

The groups run along the axis a matrix product sums over, because that is where the hardware skips.
With the matrices of FST (section 3), W is (Cout, Cin kh kw),
X is (Cin kh kw, H W), G is (Cout, H W):

    product       operand   sums over     ``over``
    Y  = W X      W         Cin kh kw     "CHW" of a weight, NCHW order in every memory format
    dX = W^T G    W^T       Cout          "N" of a weight
    dX = W^T G    G         Cout          "C" of a gradient
    dW = G X^T    G         H W           "HW" of a gradient
    dW = G X^T    X^T       H W           of the unfolded X: :class:`UnfoldedNM`

A length that M does not divide is padded with zeros. Ties are broken by position: the first
survives.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from math import prod
from sys import byteorder
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from swatlib import checks
from swatlib.checked import checked, checked_fields, explained
from swatlib.memory import Memory, is_new_step
from swatlib.products import ColumnSelector, Convolution
from swatlib.selectors import DIMENSIONS, Selector

FIXED = 2**62
"""A period that never ends: the mask of the first training step stays, as ASP has it."""


CHUNK = 2**17
"""Entries worked on at a time on a CPU: what is made of them in between stays in the cache."""


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
        and padded with zeros to a multiple of ``m``. Dimensions that ``x`` lacks do not count: "HW"
        of a matrix leaves groups of one entry each, all kept.

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
    if not over or set(over) - set(DIMENSIONS):
        raise ValueError(f"over must name dimensions out of {DIMENSIONS!r}, got {over!r}")
    if not x.is_floating_point():
        raise TypeError(f"x must have a floating dtype, got {x.dtype}")
    if not x.ndim:
        raise ValueError("x must have at least one dimension, got a scalar")
    if not x.numel() or not _dims(x, over):
        return torch.ones_like(x, dtype=torch.bool)
    return _nm_mask(x.detach(), n, m, over)


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
            mask = torch.from_numpy(_two_of_four(values.reshape(-1)))
        else:
            mask = torch.from_numpy(_n_of_m(values.reshape(-1, m, after), n))
    else:
        magnitude = padded.abs().nan_to_num(nan=torch.inf, posinf=torch.inf)
        groups = magnitude.reshape(-1, m, after).transpose(0, 1)
        mask = (_beaten_by(groups, torch.zeros_like(groups, dtype=torch.int16)) < n).transpose(0, 1)
    return mask.reshape(before, -1, after)[:, :along]


def _beaten_by(planes: Any, count: Any) -> Any:
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
    """Return the mask of groups, shape (groups, m, after), along the middle."""
    mask = np.empty(groups.shape, dtype=bool)
    piece = max(1, CHUNK // prod(groups.shape[1:]))
    for start in range(0, len(groups), piece):
        part = slice(start, start + piece)
        planes = np.ascontiguousarray(_magnitude(groups[part]).swapaxes(0, 1))
        mask[part] = (
            _beaten_by(planes, np.zeros(planes.shape, np.min_scalar_type(planes.shape[0]))) < n
        ).swapaxes(0, 1)
    return mask


def _two_of_four(line: np.ndarray) -> np.ndarray:
    """Return the 2:4 mask of a line, shape (4 groups,), four entries at a time.

    Every entry is compared with the one, two and three places further on. Three bytes, 1 for a win,
    say it all for a group of four; a group's four bytes are seen as one integer and added up.
    """
    mask = np.empty(len(line), dtype=bool)
    for start in range(0, len(line), CHUNK):
        part = slice(start, start + CHUNK)
        magnitude = _magnitude(line[part])
        length = len(magnitude)
        wins = np.full(length // 4, 0x03_02_01_00, np.uint32)  # byte j: all j places before it lose
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
    magnitude = np.abs(x)
    if np.isnan(magnitude.max()):
        magnitude[np.isnan(magnitude)] = np.inf
    return magnitude


@checked
def periodic(name: str, arguments: str, choose: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Return ``choose`` as an operator that chooses on every ``period``-th optimizer step only.

    One opaque call for ``torch.compile``. Its arguments are ``x``, the layer's weight, those of
    ``arguments``, a period and, updated in place, the mask, steps, version and entries of a
    :class:`~swatlib.memory.Memory`.

    Parameters
    ----------
    name : str
        Of the operator, "namespace::name".
    arguments : str
        Between the weight and the period, as an operator's schema has them: "int n, int m".
    choose : callable
        Takes ``x`` and those arguments, returns a mask.
    """

    def refreshed(x: Tensor, weight: Tensor, *rest: Any) -> Tensor:
        *chosen_by, period, mask, steps, version, entries = rest
        if is_new_step(weight, version, entries):
            if steps.item() % period == 0:
                mask.copy_(choose(x, *chosen_by))
            steps.add_(1)
        return mask.clone()

    operator = torch.library.custom_op(
        name,
        refreshed,
        mutates_args=("mask", "steps", "version", "entries"),
        schema=f"(Tensor x, Tensor weight, {arguments}, int period, Tensor(a!) mask, "
        "Tensor(b!) steps, Tensor(c!) version, Tensor(d!) entries) -> Tensor",
    )
    operator.register_fake(lambda x, *rest: torch.empty_like(rest[-4]))
    return operator


@explained(x=checks.tensor, weight=checks.optional(checks.tensor))
def chosen_mask(
    choose: Callable[..., Tensor],
    refreshed: Callable[..., Tensor],
    arguments: tuple[Any, ...],
    period: int,
    x: Tensor,
    memory: Memory | None,
    training: bool,
    weight: Tensor | None,
) -> Tensor:
    """Return the mask for ``x`` from ``choose``, or with a period from what :func:`periodic` made.

    ``memory`` holds the mask between steps. Evaluation reads it and never writes it; before the
    first training call it uses a fresh one.

    Raises
    ------
    ValueError
        If the mask kept was made for another shape.
    """
    x = x.detach()
    if period == 1 or memory is None:
        return choose(x, *arguments)
    if memory.mask is None or memory.mask.shape != x.shape:
        kept = None if memory.mask is None else tuple(memory.mask.shape)
        raise ValueError(
            f"a mask with a period is for weights: kept shape {kept}, got {tuple(x.shape)}"
        )
    if training:
        told_by = x if weight is None else weight.detach()
        kept_in = (memory.mask, memory.steps, memory.version, memory.entries)
        return refreshed(x, told_by, *arguments, period, *kept_in)
    return torch.where((memory.steps > 0).to(x.device), memory.mask, choose(x, *arguments))


refreshed_nm = periodic("swatlib::refreshed_nm", "int n, int m, str over", nm_mask)


@dataclass(frozen=True)
class NM(Selector):
    """Keep the N largest magnitudes of every M consecutive entries (FST section 5.1).

    Parameters
    ----------
    n, m : int
        1 <= n <= m.
    over : str
        Along which dimensions, see :func:`nm_mask`: "CHW" for W as the forward product uses it, "N"
        for W^T, "C" and "HW" for G in the input and the weight gradient. Under grouped convolutions
        the groups of "N" and "C" run over all channels, not within each convolution group.
    period : int
        Choose anew on every ``period``-th optimizer step; :data:`FIXED` for once. Only for weights,
        whose shape stays.

    Raises
    ------
    ValueError
        For values out of range.
    """

    n: int = 2
    m: int = 4
    over: str = "CHW"
    period: int = 1
    keeps_mask: ClassVar[bool] = True

    def __post_init__(self) -> None:
        nm_mask(torch.empty(0, 0), self.n, self.m, self.over)
        checked_fields(self, period=checks.count)

    @property
    def sparsity(self) -> float:
        """Fraction of entries set to zero, up to padding."""
        return 1 - self.n / self.m

    @explained(x=checks.tensor, weight=checks.optional(checks.tensor))
    def criterion(
        self,
        x: Tensor,
        memory: Memory | None = None,
        training: bool = True,
        weight: Tensor | None = None,
    ) -> Tensor:
        """Return the mask for ``x``; with a period see :func:`chosen_mask`."""
        arguments = (self.n, self.m, self.over)
        return chosen_mask(
            nm_mask, refreshed_nm, arguments, self.period, x, memory, training, weight
        )

    def __str__(self) -> str:
        return f"{self.n}:{self.m} over {self.over}{period_text(self.period)}"


@checked
def period_text(period: int) -> str:
    """Say a period in a recipe's row."""
    if period == 1:
        return ""
    return " (fixed)" if period >= FIXED else f" (period {period})"


@dataclass(frozen=True)
class UnfoldedNM(ColumnSelector):
    """Keep N of M entries of the unfolded X along H W, by magnitude: S(X^T) of FST Eq. 4.

    Every copy that unfolding makes of a pixel is chosen on its own, so no mask on X itself can say
    it: the weight gradient is an explicit product with im2col(X). It is slow, as the paper reports
    (Table 2). H W runs over the output pixels of one sample in reading order, padded with zeros.
    A linear layer has no H W; there everything is kept.
    """

    n: int = 2
    m: int = 4

    def __post_init__(self) -> None:
        check_nm(self.n, self.m)
        checked_fields(self)

    @property
    def sparsity(self) -> float:
        """Fraction of entries set to zero, up to padding."""
        return 1 - self.n / self.m

    @explained(x=checks.tensor)
    def saved(self, x: Tensor, weight_shape: torch.Size, geometry: Convolution) -> Tensor:
        """Return what of ``x`` the backward pass needs: all of it."""
        return x

    @explained(grad=checks.tensor, saved=checks.tensor)
    def weight_gradient(
        self, grad: Tensor, saved: Tensor, weight_shape: torch.Size, geometry: Convolution
    ) -> Tensor:
        """Return dW = G S(X^T), shape ``weight_shape``."""
        dw = grad.new_zeros(
            geometry.groups, weight_shape[0] // geometry.groups, _rest(weight_shape)
        )
        pixels = grad.shape[2] * grad.shape[3]
        # So many samples at a time that the unfolded copies stay within some 64 MB.
        entries = max(1, saved.shape[1] * weight_shape[2] * weight_shape[3] * pixels)
        samples = max(1, 2**24 // entries)
        for g, x in zip(grad.split(samples), saved.split(samples), strict=True):
            if not len(x):
                continue
            g, columns = self.operands(g, x, weight_shape, geometry)
            g = g.reshape(len(g), geometry.groups, -1, pixels)
            dw += torch.einsum("ngop,ngkp->gok", g, columns)
        return dw.reshape(weight_shape)

    def operands(
        self, grad: Tensor, x: Tensor, weight_shape: torch.Size, geometry: Convolution
    ) -> tuple[Tensor, Tensor]:
        """Return G and im2col(X) with zeros for what is pruned; their product is dW."""
        columns = unfold(x, weight_shape, geometry)
        mask = nm_mask(columns.reshape(-1, columns.shape[-1]), self.n, self.m, "C")
        return grad, torch.where(mask.reshape(columns.shape), columns, 0)

    def __str__(self) -> str:
        return f"{self.n}:{self.m} of unfolded X over HW"


@explained(x=checks.tensor)
def unfold(x: Tensor, weight_shape: torch.Size, geometry: Convolution) -> Tensor:
    """Return im2col(X) of every sample, shape (N, groups, Cin / groups kh kw, Ho Wo)."""
    g = geometry
    columns = F.unfold(x, tuple(weight_shape[2:]), g.dilation, g.padding, g.stride)
    return columns.reshape(len(x), g.groups, _rest(weight_shape), columns.shape[-1])


def _rest(weight_shape: torch.Size) -> int:
    return weight_shape[1] * weight_shape[2] * weight_shape[3]
