"""Top-K: the entries of largest magnitude survive; also random entries, or whole columns.

Top-K is the selector of SWAT (section 3.1). Figure 3 of its ICLR 2020 submission also has Top-K
within slices, and random selection as the null hypothesis.
"""

from dataclasses import dataclass
from math import prod
from typing import ClassVar

import torch
from torch import Tensor

from swatlib import checks
from swatlib.checked import checked, checked_fields, explained
from swatlib.core.selector import Selector, kept_count
from swatlib.core.selector_state import SelectorState
from swatlib.kernels.kth_magnitude import (
    SAMPLE,
    directly,
    kth_magnitude,
    kth_mask,
    refreshed_magnitude,
    sampled_magnitude,
)
from swatlib.kernels.slices import DIMENSIONS, chosen_dims, floating, in_slices


@explained(x=checks.tensor, sparsity=checks.sparsity)
def topk_threshold(
    x: Tensor, sparsity: float, over: str = DIMENSIONS, sample: int | None = None
) -> Tensor:
    """Return the K-th largest magnitude, one per slice.

    Parameters
    ----------
    x : Tensor
        Floating, not empty; by position its dimensions are called N, C, H, W.
    sparsity : float
        Fraction to zero, in [0, 1).
    over : str
        Dimensions that compete for the same K: "NCHW" the whole tensor, "CHW" each sample (or
        filter), "HW" each channel of each sample, or any other subset.
    sample : int, optional
        Estimate from so many entries (whole tensors only); exact if not given.

    Returns
    -------
    Tensor, float32 (float64 for float64)
        A scalar for a whole tensor, else broadcastable to ``x``.

    Raises
    ------
    ValueError
        For an empty tensor, a sparsity outside [0, 1), an unknown dimension, or a sample of slices.
    TypeError
        For an integer tensor.
    """
    rows, shape = in_slices(floating(x).detach(), over)
    if not x.numel():
        raise ValueError(f"x must not be empty, got shape {tuple(x.shape)}")
    k = kept_count(rows.shape[1], sparsity)
    if sample:
        sample = checks.count("sample", sample)
        _check_whole("sample", sample, over)
        return directly(sampled_magnitude, rows[0], k, sample)
    threshold = directly(kth_magnitude, rows, k)
    return threshold.reshape(shape) if set(over) != set(DIMENSIONS) else threshold[0]


@explained(x=checks.tensor, sparsity=checks.sparsity)
def topk_mask(x: Tensor, sparsity: float, over: str = DIMENSIONS) -> Tensor:
    """Return the mask of exactly K entries of largest magnitude per slice.

    Ties at the K-th magnitude are broken by position: the first in NCHW order survive, on every
    device and in every memory format. Parameters and errors as in :func:`topk_threshold`.

    Returns
    -------
    Tensor, bool, shape of ``x``
    """
    dims = chosen_dims(floating(x), over)
    others = [d for d in range(x.ndim) if d not in dims]
    laid_out = x.detach().permute((*others, *dims))
    rows = laid_out.reshape(prod(list(laid_out.shape[: len(others)])), -1 if x.numel() else 0)
    if not rows.numel():
        return torch.ones_like(x, dtype=torch.bool)
    k = kept_count(rows.shape[1], sparsity)
    back = [(*others, *dims).index(d) for d in range(x.ndim)]
    untied = kth_mask(rows, k)
    if untied is not None:
        return untied.reshape(laid_out.shape).permute(back)
    threshold = directly(kth_magnitude, rows, k)[:, None]
    magnitude = rows.abs().to(threshold.dtype)
    # NaN is the largest magnitude: it beats every threshold but NaN, which it equals.
    above = ~(magnitude <= threshold) & ~threshold.isnan()
    equal = (magnitude == threshold) | (magnitude.isnan() & threshold.isnan())
    missing = k - above.sum(1, keepdim=True)
    mask = above | (equal & (equal.cumsum(1) <= missing))
    return mask.reshape(laid_out.shape).permute(back)


@checked(x=checks.tensor, sparsity=checks.sparsity)
def random_mask(
    x: Tensor,
    sparsity: float,
    over: str = DIMENSIONS,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Return a mask of exactly K entries per slice, drawn uniformly without replacement."""
    if generator is None:  # torch.compile takes symbolic sizes only without the keyword
        scores = torch.rand(x.shape, device=x.device)
    else:
        scores = torch.rand(x.shape, generator=generator, device=x.device)
    return topk_mask(scores, sparsity, over)


def _check_whole(name: str, value: object, over: str) -> None:
    if set(over) != set(DIMENSIONS):
        raise ValueError(f"{name}={value} needs over={DIMENSIONS!r} (one threshold), got {over!r}")


@dataclass(frozen=True)
class TopK(Selector):
    """Keep the K entries of largest magnitude (SWAT section 3.1).

    Parameters
    ----------
    sparsity : float
        Fraction to zero, in [0, 1).
    over : str
        Dimensions that compete, see :func:`topk_threshold`.
    exact : bool
        True keeps exactly K entries, by a mask; ties are broken by position. False, the default,
        keeps every entry that reaches the K-th magnitude. It is faster and keeps more than K on
        ties.
    sample : int
        Estimate the threshold from so many entries (0: exactly). ``True`` takes the default sample.
    period : int
        Recompute the threshold on every ``period``-th optimizer step (section 3.3.3). Further calls
        with the same weights belong to the same step.

    Raises
    ------
    ValueError
        For values outside their range, or for ``exact``, slices and a sample or a period together.

    Examples
    --------
    >>> import torch
    >>> from swatlib import TopK
    >>> selector, x = TopK(0.5), torch.tensor([1.0, -4.0, 3.0, 2.0])
    >>> threshold = selector.choose(x)
    >>> threshold
    tensor(3.)
    >>> selector.operand(x, threshold)
    tensor([ 0., -4.,  3.,  0.])
    """

    sparsity: float
    over: str = DIMENSIONS
    exact: bool = False
    sample: int = 0
    period: int = 1

    def __post_init__(self) -> None:
        if self.sample is True:
            object.__setattr__(self, "sample", SAMPLE)
        checked_fields(
            self, sparsity=checks.sparsity, sample=checks.at_least_0, period=checks.count
        )
        chosen_dims(torch.empty(0), self.over)
        for name, value in (("sample", self.sample > 0), ("period", self.period > 1)):
            if value:
                _check_whole(name, getattr(self, name), self.over)
                if self.exact:
                    raise ValueError(f"{name} needs a threshold: exact must be False, got True")

    @explained(x=checks.tensor, weight=checks.optional(checks.tensor))
    def choose(
        self,
        x: Tensor,
        state: SelectorState | None = None,
        training: bool = True,
        weight: Tensor | None = None,
    ) -> Tensor:
        """Return the threshold (or, if ``exact``, the mask) for ``x``.

        With a period, ``state`` holds the threshold between steps. Evaluation reads it and never
        writes it. Before the first training call evaluation computes an exact one.
        """
        x = floating(x.detach())
        if self.exact or not x.numel():
            return topk_mask(x, self.sparsity, self.over)
        if not self.sparsity:  # a threshold of 0 drops nothing; none is estimated or kept
            return x.new_zeros((), dtype=torch.promote_types(x.dtype, torch.float32))
        if self.period == 1 or state is None:
            return topk_threshold(x, self.sparsity, self.over, self.sample)
        rows, _ = in_slices(x, self.over)
        k = kept_count(rows.shape[1], self.sparsity)
        if training:
            return directly(
                refreshed_magnitude,
                rows[0],
                (x if weight is None else weight).detach(),
                k,
                self.sample,
                self.period,
                state.threshold,
                state.steps,
                state.version,
                state.entries,
            )
        fresh = directly(kth_magnitude, rows, k)[0]
        return torch.where(state.threshold.isnan(), fresh, state.threshold)

    def acts_on(self, ndim: int) -> bool:
        """Say whether an operand of so many dimensions has one of those named by ``over``."""
        return bool(set(self.over) & set(DIMENSIONS[:ndim]))

    def __str__(self) -> str:
        slices = "" if set(self.over) == set(DIMENSIONS) else f" over {self.over}"
        how = [
            *(["exact K"] if self.exact else []),
            *([f"sample {self.sample}"] if self.sample else []),
            *([f"period {self.period}"] if self.period > 1 else []),
        ]
        return f"TopK {self.sparsity:g}{slices}" + (f" ({', '.join(how)})" if how else "")


@dataclass(frozen=True)
class RandomK(Selector):
    """Keep K entries at random positions, new ones on every call.

    The null hypothesis of Figure 3 of the ICLR 2020 submission. Positions come from torch's global
    random state.

    Examples
    --------
    >>> import torch
    >>> from swatlib import RandomK
    >>> int(RandomK(0.75).choose(torch.randn(10, 10)).sum())
    25
    """

    sparsity: float
    over: str = DIMENSIONS
    period: int = 1
    draws: ClassVar[bool] = True

    def __post_init__(self) -> None:
        checked_fields(self, sparsity=checks.sparsity, period=checks.count)
        chosen_dims(torch.empty(0), self.over)
        if self.period != 1:
            raise ValueError(f"period of a random selector must be 1, got {self.period}")

    @explained(x=checks.tensor, weight=checks.optional(checks.tensor))
    def choose(
        self,
        x: Tensor,
        state: SelectorState | None = None,
        training: bool = True,
        weight: Tensor | None = None,
    ) -> Tensor:
        """Return a mask of exactly K random entries per slice."""
        return random_mask(x.detach(), self.sparsity, self.over)

    def acts_on(self, ndim: int) -> bool:
        """Say whether an operand of so many dimensions has one of those named by ``over``."""
        return bool(set(self.over) & set(DIMENSIONS[:ndim]))

    def __str__(self) -> str:
        slices = "" if set(self.over) == set(DIMENSIONS) else f" over {self.over}"
        return f"RandomK {self.sparsity:g}{slices}"


@dataclass(frozen=True)
class TopColumns(Selector):
    """Keep the columns of a batch of gradients with the largest sum of magnitudes over the batch.

    A column is one position in all dimensions but the first. This is the unified form of meProp:
    every sample keeps the same entries, so the products could be dense and small.

    Examples
    --------
    >>> import torch
    >>> from swatlib import TopColumns
    >>> TopColumns(0.5).choose(torch.tensor([[1.0, -5.0], [2.0, 0.0]]))
    tensor([[False,  True]])
    """

    sparsity: float
    period: int = 1

    def __post_init__(self) -> None:
        checked_fields(self, sparsity=checks.sparsity, period=checks.count)
        if self.period != 1:
            raise ValueError(f"period of a unified selector must be 1, got {self.period}")

    @explained(x=checks.tensor, weight=checks.optional(checks.tensor))
    def choose(
        self,
        x: Tensor,
        state: SelectorState | None = None,
        training: bool = True,
        weight: Tensor | None = None,
    ) -> Tensor:
        """Return a mask of exactly K columns, broadcastable over the batch."""
        return topk_mask(x.detach().abs().sum(0, keepdim=True), self.sparsity)

    def __str__(self) -> str:
        return f"TopK {self.sparsity:g} columns of the batch"
