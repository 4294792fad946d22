"""N:M selection: in every group of M consecutive entries at most N survive.

The groups run along the axis that a matrix product sums over: along it the hardware skips zeros.
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

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from swatlib import checks
from swatlib.checked import checked_fields, explained
from swatlib.core.periodic import chosen_mask, period_text, periodic
from swatlib.core.selector import ColumnSelector, Selector
from swatlib.core.selector_state import SelectorState
from swatlib.kernels.convolution import Geometry, row_length, unfold
from swatlib.kernels.nm import check_nm, nm_mask
from swatlib.kernels.slices import DIMENSIONS

refreshed_nm = periodic("swatlib::refreshed_nm", "int n, int m, str over", nm_mask)


@dataclass(frozen=True)
class NM(Selector):
    """Keep the N largest magnitudes of every M consecutive entries (FST section 5.1).

    Parameters
    ----------
    n, m : int
        1 <= n <= m.
    over : str
        Along which dimensions, see :func:`~swatlib.kernels.nm.nm_mask`: "CHW" for W as the forward
        product uses it, "N" for W^T, "C" for G in the input gradient, "HW" for G in the weight
        gradient. In a grouped convolution the groups of "N" and "C" run over all channels, not
        within each convolution group.
    period : int or None
        Choose anew on every ``period``-th optimizer step; None: once. A period other than 1 is for
        weights only, whose shape stays.

    Raises
    ------
    ValueError
        For values out of range.

    Examples
    --------
    >>> import torch
    >>> from swatlib import NM
    >>> NM().choose(torch.tensor([[1.0, -4.0, 3.0, 2.0]]))
    tensor([[False,  True,  True, False]])
    """

    n: int = 2
    m: int = 4
    over: str = "CHW"
    period: int | None = 1
    fixed_sparsity: ClassVar[bool] = True
    mask: ClassVar[bool] = True

    def __post_init__(self) -> None:
        nm_mask(torch.empty(0, 0), self.n, self.m, self.over)
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
        """Return the mask for ``x``; see :func:`~swatlib.core.periodic.chosen_mask`."""
        arguments = (self.n, self.m, self.over)
        return chosen_mask(
            nm_mask, refreshed_nm, arguments, self.period, x, state, training, weight
        )

    def acts_on(self, ndim: int) -> bool:
        """Say whether ``over`` names a dimension of such an operand.

        Anything without four dimensions, such as a sequence of tokens, counts as a matrix.
        """
        return bool(set(self.over) & set(DIMENSIONS[: ndim if ndim == 4 else 2]))

    def __str__(self) -> str:
        return f"{self.n}:{self.m} over {self.over}{period_text(self.period)}"


@dataclass(frozen=True)
class UnfoldedNM(ColumnSelector):
    """Keep N of M entries of the unfolded X along H W, by magnitude: S(X^T) of FST Eq. 4.

    Unfolding copies a pixel several times, and every copy is chosen on its own. A mask on X cannot
    express that, so the weight gradient is an explicit product with im2col(X). It is slow, as the
    paper reports (Table 2). H W runs over the output pixels of one sample in reading order, padded
    with zeros. A linear layer has no H W; there everything is kept.
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
    def saved(self, x: Tensor, weight_shape: torch.Size, geometry: Geometry) -> Tensor:
        """Return what of ``x`` the backward pass needs: all of it."""
        return x

    @explained(grad=checks.tensor, saved=checks.tensor)
    def weight_gradient(
        self, grad: Tensor, saved: Tensor, weight_shape: torch.Size, geometry: Geometry
    ) -> Tensor:
        """Return dW = G S(X^T), shape ``weight_shape``."""
        dw = grad.new_zeros(
            geometry.groups, weight_shape[0] // geometry.groups, row_length(weight_shape)
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
        self, grad: Tensor, x: Tensor, weight_shape: torch.Size, geometry: Geometry
    ) -> tuple[Tensor, Tensor]:
        """Return G and im2col(X) with zeros for what is pruned; their product is dW."""
        columns = unfold(x, weight_shape, geometry)
        mask = nm_mask(columns.reshape(-1, columns.shape[-1]), self.n, self.m, "C")
        return grad, torch.where(mask.reshape(columns.shape), columns, 0)

    def __str__(self) -> str:
        return f"{self.n}:{self.m} of unfolded X over HW"
