"""Applying a choice: zero what a mask or a threshold leaves out."""

import torch
from torch import Tensor

from swatlib import checks
from swatlib.checked import explained
from swatlib.kernels.kth_magnitude import INTEGERS, above, keep_above


@explained(x=checks.dense, choice=checks.optional(checks.dense))
def keep(x: Tensor, choice: Tensor | None) -> Tensor:
    """Apply a choice: a bool mask, a threshold, or None for everything."""
    if choice is None:
        return x
    return masked(x, choice) if choice.dtype == torch.bool else keep_above(x, choice)


@explained(x=checks.dense, choice=checks.dense)
def as_mask(x: Tensor, choice: Tensor) -> Tensor:
    """Return the mask, of the shape of ``x``, of what :func:`keep` keeps; a new tensor."""
    if choice.dtype == torch.bool:
        return choice.expand_as(x).clone()
    return above(x, choice)


@explained(x=checks.dense, mask=checks.mask)
def masked(x: Tensor, mask: Tensor) -> Tensor:
    """Return ``x`` with zeros outside the mask, in the memory format of ``x``.

    Parameters
    ----------
    x : Tensor
        Floating.
    mask : Tensor, bool
        Shape of ``x``, or broadcastable to it.

    Returns
    -------
    Tensor
        A new tensor. NaN and infinities outside the mask become zero, as with ``torch.where``.

    Notes
    -----
    On a CPU neither ``torch.where`` nor ``masked_fill`` is vectorised. Where the two tensors lie in
    memory alike, a bitwise "and" with all ones or all zeros does the same some six times faster.
    """
    integer = INTEGERS.get(x.dtype)
    alike = mask.shape == x.shape and mask.stride() == x.stride()
    eager = x.device.type == "cpu" and not torch.compiler.is_compiling()
    differentiated = x.requires_grad and torch.is_grad_enabled()
    if integer is not None and alike and eager and not differentiated:
        ones = mask.to(integer).neg_()
        return ones.bitwise_and_(x.view(integer)).view(x.dtype)
    # In place on a copy, because torch.where would give the mask's memory format to the result.
    return x.clone().masked_fill_(~mask, 0)
