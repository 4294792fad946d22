"""MVUE: N of M entries survive by chance, scaled so that on average nothing changes.

Chmiel et al. (2023) prune the output gradient of the weight gradient in this way. To keep the
largest entries would bias it, and training suffers. "Minimum variance unbiased estimator" is their
name. It is not for weights: every draw computes another network.

Of M entries with magnitudes a, entry i survives with probability p_i and becomes a_i / p_i:

    1:M   p_i = t_i, so that the survivor has the magnitude sum(a)
    2:M   p_i = t_i + sum over j != i of t_j t_i / (1 - t_j)

where t = a / sum(a). For 1:M this is the estimator of least variance. For 2:M it is the paper's
approximation: two entries are drawn one after the other, without putting back, each with a
probability in proportion to a.
"""

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import torch
from torch import Tensor

from swatlib import checks
from swatlib.checked import checked, checked_fields, explained
from swatlib.core.selector import Selector
from swatlib.core.selector_state import SelectorState
from swatlib.kernels.groups import in_groups, without_each
from swatlib.kernels.kth_magnitude import precision
from swatlib.kernels.nm import check_nm, nm_mask
from swatlib.kernels.slices import chosen_dims


@checked(groups=partial(checks.tensor, shape=(None, None)))
def survival(groups: Tensor, n: int = 2) -> Tensor:
    """Return the probability with which each entry of a group survives.

    Parameters
    ----------
    groups : Tensor, shape (number of groups, M)
        Floating.
    n : int
        1, 2 or M: how many survive.

    Returns
    -------
    Tensor, shape of ``groups``, float32 (float64 for float64)
        A group's probabilities add up to ``n``, or to the number of its nonzero entries if those
        are fewer.

    Examples
    --------
    >>> import torch
    >>> from swatlib.selectors.mvue import survival
    >>> [round(p, 4) for p in survival(torch.tensor([[4.0, 2.0, 1.0, 1.0]]))[0].tolist()]
    [0.8095, 0.5714, 0.3095, 0.3095]
    """
    _check_n(n, groups.shape[-1])
    if n == groups.shape[-1]:
        return torch.ones_like(groups, dtype=precision(groups))
    share = _shares(groups)
    if n == 1:
        return share
    others = without_each(share)
    # If j is drawn first, the others share what j has left. Nothing is left where j is alone.
    after = torch.where(others > 0, share / others, 0)
    return (share + share * without_each(after)).clamp(max=1)


def _shares(groups: Tensor) -> Tensor:
    magnitude = groups.detach().abs().to(precision(groups))
    total = magnitude.sum(1, keepdim=True)
    return magnitude / torch.where(total == 0, 1, total)


def _check_n(n: int, m: int) -> None:
    check_nm(n, m)
    if n > 2 and n != m:
        raise ValueError(f"n must be 1, 2 or m={m}, got {n}")


@dataclass(frozen=True)
class MVUE(Selector):
    """Keep N of M entries at random, without bias (Chmiel et al. 2023).

    It is a recipe's ``weight_grad_gradient``. Its random numbers come from torch's global random
    state, new ones in every backward pass.

    The code of Hu et al. (2024) adds 1.2e-7 to the sums it divides by, which biases small
    gradients. Here a sum that leaves an entry out is added up without it, so nothing has to be
    added: a group of zeros stays zero, and one with no more than N nonzero entries is kept as it
    is.

    Parameters
    ----------
    n, m : int
        1, 2 or M entries of every M survive.
    over : str
        Dimensions along which groups run, see :func:`~swatlib.kernels.groups.in_groups`: "NHW", as
        the weight gradient sums over samples and pixels, or, in a linear layer, over samples or
        tokens.

    Raises
    ------
    ValueError
        For values out of range.

    Examples
    --------
    >>> import torch
    >>> from swatlib.selectors import MVUE
    >>> grad = torch.tensor([[4.0], [2.0], [1.0], [1.0]])
    >>> kept = [MVUE().operand(grad, MVUE().choose(grad)) for _ in range(1000)]
    >>> bool(((torch.stack(kept) != 0).sum(1) == 2).all())
    True
    """

    n: int = 2
    m: int = 4
    over: str = "NHW"
    draws: ClassVar[bool] = True
    fixed_sparsity: ClassVar[bool] = True
    changes_values: ClassVar[bool] = True

    def __post_init__(self) -> None:
        _check_n(self.n, self.m)
        checked_fields(self)
        chosen_dims(torch.empty(0), self.over)
        if "N" not in self.over:
            raise ValueError(f"over must name N, which every gradient has, got {self.over!r}")

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
        """Return the mask of what is drawn."""
        if self.n == self.m or not x.numel():
            return torch.ones_like(x, dtype=torch.bool)
        groups, back = in_groups(x.detach(), self.m, self.over)
        share = _shares(groups)
        # The largest of shares over exponential numbers is an entry drawn in proportion to them,
        # the next one an entry drawn in the same way among the rest.
        waiting = -torch.log1p(-torch.rand(share.shape, dtype=share.dtype, device=share.device))
        raced = torch.where(share == 0, 0, share / waiting)
        return back(nm_mask(raced, self.n, self.m, "C"))

    def operand(self, x: Tensor, choice: Tensor, state: SelectorState | None = None) -> Tensor:
        """Return what was drawn, divided by its probability; zero elsewhere."""
        if self.n == self.m or not x.numel():
            return x
        groups, back = in_groups(x, self.m, self.over)
        chance = back(survival(groups, self.n))
        found = torch.where(choice & (x != 0), x / torch.where(chance == 0, 1, chance), 0)
        # In the memory format of ``x``, in which the products expect it.
        return torch.empty_like(x).copy_(found)

    def __str__(self) -> str:
        return f"{self.n}:{self.m} MVUE over {self.over}"
