"""Soft N:M thresholds: what survives shrinks by what the group drops, so nothing jumps.

A hard 2:4 mask is not continuous: where the second and the third largest of four weights change
places, one weight falls to zero and another one appears. S-STE (Hu et al. 2024, 2409.09099,
section 4) subtracts the larger of the two dropped magnitudes from the group, so that a weight is
zero in the moment in which it enters or leaves. One factor for the whole layer makes up for the
shrinking.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from swatlib import checks
from swatlib.checked import checked_fields, explained
from swatlib.core.selector import Selector
from swatlib.core.selector_state import SelectorState
from swatlib.kernels.groups import in_groups
from swatlib.kernels.kth_magnitude import precision
from swatlib.kernels.nm import check_nm, nm_mask
from swatlib.kernels.slices import DIMENSIONS
from swatlib.kernels.steps import is_new_step


@explained(x=checks.tensor)
def soft_threshold(x: Tensor, n: int = 2, m: int = 4, over: str = "CHW") -> Tensor:
    """Return sign(x) max(abs(x) - t, 0), where t is the largest magnitude dropped in a group.

    Parameters
    ----------
    x : Tensor
        Floating.
    n, m : int
        1 <= n <= m; for n = m nothing is dropped and t is 0.
    over : str
        As in :func:`~swatlib.kernels.nm.nm_mask`.

    Returns
    -------
    Tensor, shape of ``x``
        With at most n of m nonzero entries; ties at t leave fewer.

    Examples
    --------
    >>> import torch
    >>> from swatlib.selectors.soft import soft_threshold
    >>> [round(w, 6) for w in soft_threshold(torch.tensor([[0.5, -0.1, 0.3, 0.2]]))[0].tolist()]
    [0.3, 0.0, 0.1, 0.0]
    """
    check_nm(n, m)
    if n == m or not x.numel():
        return x
    groups, back = in_groups(x, m, over)
    dropped = groups.abs().sort(1).values[:, m - n - 1 : m - n]
    soft = back(groups - groups.clamp(-dropped, dropped))
    return torch.empty_like(x).copy_(soft)


@explained(x=checks.tensor)
def soft_scale(x: Tensor, n: int = 2, m: int = 4, over: str = "CHW") -> Tensor:
    """Return the factor that brings the soft threshold S(x) nearest to ``x``: x S / norm(S)^2.

    Of weights that the threshold leaves nothing of it is 1.

    Returns
    -------
    Tensor, shape (), float32 (float64 for float64)

    Examples
    --------
    >>> import torch
    >>> from swatlib.selectors.soft import soft_scale
    >>> round(soft_scale(torch.tensor([[0.5, -0.1, 0.3, 0.2]])).item(), 6)
    1.8
    """
    check_nm(n, m)
    whole = x.detach().to(precision(x))
    if n == m:
        return whole.new_ones(())
    soft = soft_threshold(whole, n, m, over)
    norm = (soft * soft).sum()
    return torch.where(norm > 0, (whole * soft).sum() / norm, 1)


@torch.library.custom_op(
    "swatlib::kept_scale", mutates_args=("threshold", "steps", "version", "entries")
)
def kept_scale(
    x: Tensor,
    weight: Tensor,
    n: int,
    m: int,
    over: str,
    threshold: Tensor,
    steps: Tensor,
    version: Tensor,
    entries: Tensor,
) -> Tensor:
    """Return the factor of the first training call; one operator, which torch.compile leaves be.

    The last four are those of a :class:`~swatlib.core.selector_state.SelectorState`.
    """
    if is_new_step(weight, version, entries):
        if not steps.item():
            threshold.copy_(soft_scale(x, n, m, over))
        steps.add_(1)
    return threshold.clone()


@kept_scale.register_fake
def _(
    x: Tensor,
    weight: Tensor,
    n: int,
    m: int,
    over: str,
    threshold: Tensor,
    steps: Tensor,
    version: Tensor,
    entries: Tensor,
) -> Tensor:
    return torch.empty_like(threshold)


@dataclass(frozen=True)
class SoftNM(Selector):
    """Keep N of M entries, shrunk by the largest that is dropped, times a factor (S-STE).

    The factor is computed once, from the weights of the first training call, and kept: computed
    anew in every step it would make the masks flip more and more (section 4.3 of the paper). It is
    what :meth:`choose` returns, and what the layer's state holds as its ``threshold``.

    Parameters
    ----------
    n, m : int
        1 <= n <= m.
    over : str
        Along which dimensions, see :func:`~swatlib.kernels.nm.nm_mask`: "CHW" for W as the forward
        product uses it.

    Raises
    ------
    ValueError
        For values out of range.

    Examples
    --------
    >>> import torch
    >>> from swatlib.selectors import SoftNM
    >>> w = torch.tensor([[0.5, -0.1, 0.3, 0.2]])
    >>> factor = SoftNM().choose(w)
    >>> [round(x, 6) for x in SoftNM().operand(w, factor)[0].tolist()]
    [0.54, 0.0, 0.18, 0.0]
    """

    n: int = 2
    m: int = 4
    over: str = "CHW"
    period: ClassVar[int | None] = None
    fixed_sparsity: ClassVar[bool] = True
    changes_values: ClassVar[bool] = True

    def __post_init__(self) -> None:
        nm_mask(torch.empty(0, 0), self.n, self.m, self.over)
        checked_fields(self)

    @property
    def sparsity(self) -> float:
        """Fraction of entries set to zero, up to padding and ties."""
        return 1 - self.n / self.m

    @explained(x=checks.tensor, weight=checks.optional(checks.tensor))
    def choose(
        self,
        x: Tensor,
        state: SelectorState | None = None,
        training: bool = True,
        weight: Tensor | None = None,
    ) -> Tensor:
        """Return the factor, shape (). Evaluation before training sees that of the weights now."""
        x = x.detach()
        arguments = (self.n, self.m, self.over)
        if state is None:
            return soft_scale(x, *arguments)
        if training:
            told_by = x if weight is None else weight.detach()
            kept_in = (state.threshold, state.steps, state.version, state.entries)
            kept: Tensor = kept_scale(x, told_by, *arguments, *kept_in)
            return kept
        fresh = soft_scale(x, *arguments).to(state.threshold.dtype)
        return torch.where(state.threshold.isnan(), fresh, state.threshold)

    def operand(self, x: Tensor, choice: Tensor, state: SelectorState | None = None) -> Tensor:
        """Return the soft threshold of ``x`` times the factor."""
        return soft_threshold(x, self.n, self.m, self.over) * choice.to(x.dtype)

    def kept(self, x: Tensor, choice: Tensor) -> Tensor:
        """Return the mask of what is above its group's threshold."""
        if self.n == self.m:
            return torch.ones_like(x, dtype=torch.bool)
        return soft_threshold(x.detach(), self.n, self.m, self.over) != 0

    def acts_on(self, ndim: int) -> bool:
        """Say whether ``over`` names a dimension of such an operand."""
        return bool(set(self.over) & set(DIMENSIONS[: ndim if ndim == 4 else 2]))

    def __str__(self) -> str:
        return f"soft {self.n}:{self.m} over {self.over}"
