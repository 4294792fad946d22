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
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from swatlib.products import Convolution
from swatlib.selectors import DIMENSIONS, Memory

FIXED = 2**62
"""A period that never ends: the mask of the first training call stays, as ASP has it."""


def check_nm(n: int, m: int) -> None:
    """Raise ValueError, naming the argument, unless 1 <= n <= m are integers."""
    if not isinstance(m, int) or m < 1:
        raise ValueError(f"m must be an integer of at least 1, got {m!r}")
    if not isinstance(n, int) or not 1 <= n <= m:
        raise ValueError(f"n must be an integer between 1 and m={m}, got {n!r}")


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
    named = x.detach() if x.ndim in (2, 4) else x.detach().reshape(-1, x.shape[-1])
    dims = [d for d in range(named.ndim) if DIMENSIONS[d] in over]
    if not dims or not x.numel():
        return torch.ones_like(x, dtype=torch.bool)
    order = [d for d in range(named.ndim) if d not in dims] + dims
    laid_out = named.permute(order)
    lines = laid_out.flatten(len(order) - len(dims))
    mask = _mask_lines(lines.reshape(-1, lines.shape[-1]), n, m).reshape(laid_out.shape)
    return mask.permute([order.index(d) for d in range(named.ndim)]).reshape(x.shape)


def _mask_lines(lines: Tensor, n: int, m: int) -> Tensor:
    length = lines.shape[1]
    magnitude = lines.abs().nan_to_num(nan=torch.inf, posinf=torch.inf)
    groups = F.pad(magnitude, (0, -length % m)).reshape(len(lines), -1, m)
    # One plane per place in the group. An entry's rank is how many of its group beat it: m (m - 1)
    # / 2 comparisons of whole planes, far cheaper than sorting many short groups.
    planes = groups.movedim(-1, 0).contiguous()
    rank = torch.zeros_like(planes, dtype=torch.int16)
    for first, second in combinations(range(m), 2):
        wins = planes[first] >= planes[second]
        rank[second] += wins
        rank[first] += ~wins
    return (rank < n).movedim(0, -1).reshape(len(lines), -1)[:, :length]


def refresh_mask(choose: Callable[[], Tensor], period: int, mask: Tensor, calls: Tensor) -> Tensor:
    """Choose a mask on every ``period``-th call, else return the kept one; count calls in place."""
    if calls.item() % period == 0:
        mask.copy_(choose())
    calls.add_(1)
    return mask.clone()


def kept_mask(memory: Memory, x: Tensor) -> Tensor:
    """Return the mask in ``memory``; ValueError unless it was made for tensors shaped as ``x``."""
    if memory.mask is None or memory.mask.shape != x.shape:
        kept = None if memory.mask is None else tuple(memory.mask.shape)
        raise ValueError(
            f"a mask with a period is for weights: kept shape {kept}, got {tuple(x.shape)}"
        )
    return memory.mask


@torch.library.custom_op("swatlib::refreshed_nm", mutates_args=("mask", "calls"), device_types=None)
def refreshed_nm(
    x: Tensor, n: int, m: int, over: str, period: int, mask: Tensor, calls: Tensor
) -> Tensor:
    """Return :func:`nm_mask`, chosen anew on every ``period``-th call only.

    One opaque call for ``torch.compile``. ``mask`` (bool, shape of ``x``) and ``calls`` (int64
    scalar on the CPU) are updated in place.
    """
    return refresh_mask(lambda: nm_mask(x, n, m, over), period, mask, calls)


@refreshed_nm.register_fake
def _(x: Tensor, n: int, m: int, over: str, period: int, mask: Tensor, calls: Tensor) -> Tensor:
    return torch.empty_like(mask)


@dataclass(frozen=True)
class NM:
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
        Choose anew on every ``period``-th training call of the layer; :data:`FIXED` for once. Only
        for weights, whose shape stays.

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
        if self.period < 1:
            raise ValueError(f"period must be at least 1, got {self.period}")

    @property
    def sparsity(self) -> float:
        """Fraction of entries set to zero, up to padding."""
        return 1 - self.n / self.m

    def criterion(self, x: Tensor, memory: Memory | None = None, training: bool = True) -> Tensor:
        """Return the mask for ``x``.

        With a period, ``memory`` holds the mask between calls. Evaluation reads it and never writes
        it; before the first training call it uses a fresh one.
        """
        x = x.detach()
        if self.period == 1 or memory is None:
            return nm_mask(x, self.n, self.m, self.over)
        kept = kept_mask(memory, x)
        if training:
            return refreshed_nm(x, self.n, self.m, self.over, self.period, kept, memory.calls)
        fresh = nm_mask(x, self.n, self.m, self.over)
        return torch.where((memory.calls > 0).to(x.device), kept, fresh)

    def __str__(self) -> str:
        return f"{self.n}:{self.m} over {self.over}{period_text(self.period)}"


def period_text(period: int) -> str:
    """Say a period in a recipe's row."""
    if period == 1:
        return ""
    return " (fixed)" if period >= FIXED else f" (period {period})"


@dataclass(frozen=True)
class UnfoldedNM:
    """Keep N of M entries of the unfolded X along H W, by magnitude: S(X^T) of FST Eq. 4.

    Every copy that unfolding makes of a pixel is chosen on its own, so no mask on X itself can say
    it: the weight gradient is an explicit product with im2col(X). It is slow, as the paper reports
    (Table 2). H W runs over the output pixels of one sample in reading order, padded with zeros.
    A linear layer has no H W; there everything is kept.
    """

    n: int = 2
    m: int = 4
    period: ClassVar[int] = 1

    def __post_init__(self) -> None:
        check_nm(self.n, self.m)

    @property
    def sparsity(self) -> float:
        """Fraction of entries set to zero, up to padding."""
        return 1 - self.n / self.m

    def saved(self, x: Tensor, weight_shape: torch.Size, geometry: Convolution) -> Tensor:
        """Return what of ``x`` the backward pass needs: all of it."""
        return x

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
            columns = unfold(x, weight_shape, geometry)
            mask = nm_mask(columns.reshape(-1, pixels), self.n, self.m, "C")
            columns = torch.where(mask.reshape(columns.shape), columns, 0)
            g = g.reshape(len(g), geometry.groups, -1, pixels)
            dw += torch.einsum("ngop,ngkp->gok", g, columns)
        return dw.reshape(weight_shape)

    def __str__(self) -> str:
        return f"{self.n}:{self.m} of unfolded X over HW"


def unfold(x: Tensor, weight_shape: torch.Size, geometry: Convolution) -> Tensor:
    """Return im2col(X) of every sample, shape (N, groups, Cin / groups kh kw, Ho Wo)."""
    g = geometry
    columns = F.unfold(x, tuple(weight_shape[2:]), g.dilation, g.padding, g.stride)
    return columns.reshape(len(x), g.groups, _rest(weight_shape), columns.shape[-1])


def _rest(weight_shape: torch.Size) -> int:
    return weight_shape[1] * weight_shape[2] * weight_shape[3]
