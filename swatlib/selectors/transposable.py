"""Transposable N:M masks: one mask that is N:M for W and for W^T at once.

Every M x M block of the weight matrix (Cout, Cin kh kw) keeps N entries in each row and in each
column (Hubara et al. 2021, which FST calls TSM, section 5.2). For 2:4 there are 90 such patterns of
a block, out of 6**4 = 1296 whose rows alone are 2:4.
"""

from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations, product
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from swatlib import checks
from swatlib.checked import checked, checked_fields, explained
from swatlib.core.periodic import chosen_mask, period_text, periodic
from swatlib.core.selector import Selector
from swatlib.core.selector_state import SelectorState
from swatlib.kernels.kth_magnitude import precision
from swatlib.kernels.nm import check_nm


@checked
@lru_cache(maxsize=16)
def row_patterns(n: int = 2, m: int = 4) -> Tensor:
    """Return every m x m pattern with n entries per row: bool, shape (count, m, m)."""
    check_nm(n, m)
    rows = torch.zeros(0, m, dtype=torch.bool)
    for places in combinations(range(m), n):
        row = torch.zeros(1, m, dtype=torch.bool)
        row[0, list(places)] = True
        rows = torch.cat([rows, row])
    choices = torch.tensor(list(product(range(len(rows)), repeat=m)))
    return rows[choices]


@checked
@lru_cache(maxsize=16)
def transposable_patterns(n: int = 2, m: int = 4) -> Tensor:
    """Return those of :func:`row_patterns` with n entries per column as well: 90 for 2:4."""
    patterns = row_patterns(n, m)
    return patterns[(patterns.sum(1) == n).all(1)]


@checked(weight=checks.tensor)
def transposable_mask(weight: Tensor, n: int = 2, m: int = 4, exact: bool = True) -> Tensor:
    """Return a mask that is N:M along the rows and along the columns of the weight matrix.

    Parameters
    ----------
    weight : Tensor, shape (Cout, ...)
        Floating; seen as a matrix (Cout, Cin kh kw) in NCHW order whatever the memory format,
        padded with zeros to multiples of ``m`` both ways.
    n, m : int
        1 <= n <= m.
    exact : bool
        True: of all patterns with n in every row and column the one that keeps the largest sum of
        magnitudes, the first on ties; for m up to 4. False: entries are taken by falling magnitude
        (by position on ties) while their row and column have room. That keeps at least half of the
        best sum. A row and a column can end with fewer than n entries, if the entry in which they
        meet is already taken. Such a mask is no full pattern, and its sum is sometimes even larger.

    Returns
    -------
    Tensor, bool, shape of ``weight``

    Raises
    ------
    ValueError
        For n, m out of range, a weight without rows and columns, or an exact search with m above 4.
    TypeError
        For an integer tensor.
    """
    check_nm(n, m)
    if exact and m > 4:
        raise ValueError(f"m must be at most 4 for an exact search, got {m}; use exact=False")
    if not weight.is_floating_point():
        raise TypeError(f"weight must have a floating dtype, got {weight.dtype}")
    if weight.ndim < 2:
        raise ValueError(f"weight must have at least 2 dimensions, got {weight.ndim}")
    if not weight.numel():
        return torch.ones_like(weight, dtype=torch.bool)
    matrix = weight.detach().abs().reshape(len(weight), -1)
    rows, columns = matrix.shape
    padded = F.pad(matrix, (0, -columns % m, 0, -rows % m))
    down, across = padded.shape[0] // m, padded.shape[1] // m
    blocks = padded.reshape(down, m, across, m).transpose(1, 2).reshape(-1, m * m)
    chosen = best_pattern(blocks, n, m) if exact else _greedy(blocks, n, m)
    mask = chosen.reshape(down, across, m, m).transpose(1, 2).reshape(padded.shape)
    return mask[:rows, :columns].reshape(weight.shape)


def best_pattern(blocks: Tensor, n: int, m: int) -> Tensor:
    """Return, for blocks of m x m magnitudes in rows, the pattern of largest sum, as bool."""
    patterns = transposable_patterns(n, m).to(blocks.device).reshape(-1, m * m)
    # Scored in float32: in float16 different sums round alike. Where a block holds NaN, all its
    # scores are NaN and argmax takes pattern 0; infinity does the same, because inf * 0 is NaN.
    scores = blocks.to(precision(blocks)) @ patterns.to(precision(blocks)).T
    return patterns[scores.argmax(1)]


def _greedy(blocks: Tensor, n: int, m: int) -> Tensor:
    order = blocks.sort(dim=1, descending=True, stable=True).indices
    each = torch.arange(len(blocks), device=blocks.device)
    chosen = torch.zeros_like(blocks, dtype=torch.bool)
    in_row = torch.zeros(len(blocks), m, dtype=torch.int64, device=blocks.device)
    in_column = torch.zeros_like(in_row)
    for place in order.unbind(1):
        row, column = place // m, place % m
        room = (in_row[each, row] < n) & (in_column[each, column] < n)
        chosen[each, place] = room
        in_row[each, row] += room
        in_column[each, column] += room
    return chosen


refreshed_transposable = periodic(
    "swatlib::refreshed_transposable", "int n, int m, bool exact", transposable_mask
)


@dataclass(frozen=True)
class Transposable(Selector):
    """Keep a transposable N:M pattern of a weight; one choice serves W and W^T.

    Parameters
    ----------
    n, m : int
        1 <= n <= m; m at most 4 if ``exact``.
    exact : bool
        Best pattern, or the greedy choice; see :func:`transposable_mask`.
    period : int or None
        Choose anew on every ``period``-th optimizer step; None: once. TSM does so every 40
        iterations.

    Examples
    --------
    >>> import torch
    >>> from swatlib import Transposable
    >>> mask = Transposable().choose(torch.randn(4, 4))
    >>> mask.sum(0), mask.sum(1)
    (tensor([2, 2, 2, 2]), tensor([2, 2, 2, 2]))
    """

    n: int = 2
    m: int = 4
    exact: bool = True
    period: int | None = 40
    fixed_sparsity: ClassVar[bool] = True
    mask: ClassVar[bool] = True

    def __post_init__(self) -> None:
        transposable_mask(torch.empty(0, 0), self.n, self.m, self.exact)
        checked_fields(self, period=checks.optional(checks.count))

    @property
    def sparsity(self) -> float:
        """Fraction of entries set to zero, up to padding."""
        return 1 - self.n / self.m

    @explained(x=checks.tensor, weight=checks.optional(checks.tensor))
    def choose(
        self,
        x: Tensor,
        state: SelectorState | None = None,
        training: bool = True,
        weight: Tensor | None = None,
    ) -> Tensor:
        """Return the mask for the weight ``x``; see :func:`~swatlib.core.periodic.chosen_mask`."""
        arguments = (self.n, self.m, self.exact)
        return chosen_mask(
            transposable_mask,
            refreshed_transposable,
            arguments,
            self.period,
            x,
            state,
            training,
            weight,
        )

    def __str__(self) -> str:
        greedy = "" if self.exact else " greedy"
        return f"{self.n}:{self.m} transposable{greedy}{period_text(self.period)}"
