"""Groups: M consecutive entries of a tensor in a row of a matrix, and back again."""

from collections.abc import Callable
from math import prod

import torch
from torch import Tensor
from torch.nn import functional as F

from swatlib import checks
from swatlib.checked import explained
from swatlib.kernels.slices import DIMENSIONS, chosen_dims, floating


@explained(x=checks.tensor)
def in_groups(x: Tensor, m: int, over: str) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
    """Return the groups of ``m`` consecutive entries, and the way back from them.

    Parameters
    ----------
    x : Tensor
        Floating. Four dimensions are called N, C, H, W by position, two N, C. Any other number is
        seen as (tokens, features), that is again N, C.
    m : int
        At least 1.
    over : str
        The dimensions along which groups run, flattened in NCHW order whatever the memory format
        and padded with zeros to a multiple of ``m``. ``x`` must have at least one of them.

    Returns
    -------
    groups : Tensor, shape (number of groups, m)
    back : callable
        Takes a tensor of the shape of ``groups``, returns one of the shape of ``x``.

    Examples
    --------
    >>> import torch
    >>> from swatlib.kernels.groups import in_groups
    >>> groups, back = in_groups(torch.arange(6.0).reshape(3, 2), 2, "N")
    >>> groups.tolist()
    [[0.0, 2.0], [4.0, 0.0], [1.0, 3.0], [5.0, 0.0]]
    >>> back(groups).tolist()
    [[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]
    """
    chosen_dims(floating(x), over)
    if not x.ndim:
        raise ValueError("x must have at least one dimension, got a scalar")
    named = x if x.ndim in (2, 4) else x.reshape(-1, x.shape[-1])
    dims = [d for d in range(named.ndim) if DIMENSIONS[d] in over]
    if not dims:
        raise ValueError(f"over must name a dimension of x, {tuple(x.shape)}, got {over!r}")
    order = [d for d in range(named.ndim) if d not in dims] + dims
    laid_out = named.permute(order)
    along = prod([named.shape[d] for d in dims])
    lines = laid_out.reshape(prod(laid_out.shape[: named.ndim - len(dims)]), along)
    groups = F.pad(lines, (0, -along % m)).reshape(-1, m)

    def back(found: Tensor) -> Tensor:
        whole = found.reshape(len(lines), -1)[:, :along].reshape(laid_out.shape)
        return whole.permute([order.index(d) for d in range(named.ndim)]).reshape(x.shape)

    return groups, back


def without_each(groups: Tensor) -> Tensor:
    """Return for every entry the sum of the others of its group, without subtracting.

    In the difference of the whole sum and a large entry the small ones would be lost.

    Examples
    --------
    >>> import torch
    >>> from swatlib.kernels.groups import without_each
    >>> without_each(torch.tensor([[1e9, 1.0, 2.0]])).tolist()
    [[3.0, 1000000000.0, 1000000000.0]]
    """
    planes = list(groups.unbind(1))
    nothing = torch.zeros_like(planes[0])
    return torch.stack([sum(planes[:j] + planes[j + 1 :], nothing) for j in range(len(planes))], 1)
