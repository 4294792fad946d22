"""The backward products of torch's own layers, and the unfolded input of a convolution."""

from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F

from swatlib import checks
from swatlib.checked import checked_fields, explained


@dataclass(frozen=True)
class Geometry:
    """Stride, padding, dilation and groups of a 2-D convolution, as torch has them."""

    stride: tuple[int, ...] = (1, 1)
    padding: tuple[int, ...] = (0, 0)
    dilation: tuple[int, ...] = (1, 1)
    groups: int = 1

    def __post_init__(self) -> None:
        pair = partial(checks.counts, length=2)
        checked_fields(
            self,
            stride=pair,
            padding=partial(pair, least=0),
            dilation=pair,
            groups=checks.count,
        )


PLAIN = Geometry()
"""Stride 1, no padding, no dilation, one group."""


def blank(shape: torch.Size, like: Tensor) -> Tensor:
    """Return a tensor of ``shape`` in the layout of ``like``, to be read for its shape only."""
    channels_last = like.is_contiguous(memory_format=torch.channels_last)
    layout = torch.channels_last if channels_last else torch.contiguous_format
    return torch.empty(shape, dtype=like.dtype, device=like.device, memory_format=layout)


Gradients = tuple[Tensor | None, Tensor | None, Tensor | None]
"""dX, dW and db."""


def convolution_backward(
    grad: Tensor,
    g_input: Tensor,
    g_weight: Tensor,
    x: Tensor,
    weight: Tensor,
    needs: tuple[bool, bool, bool],
    geometry: Geometry,
) -> Gradients:
    """Return dX, dW and db of a convolution: what ``needs`` asks for, else None.

    ``g_input`` and ``g_weight`` are the output gradient as the two products use it.
    """
    x, weight = _spared_onednn(x, weight, geometry)

    def products(g: Tensor, mask: list[bool]) -> Gradients:
        found: Gradients = torch.ops.aten.convolution_backward(
            g,
            x,
            weight,
            [weight.shape[0]],
            geometry.stride,
            geometry.padding,
            geometry.dilation,
            False,
            [0, 0],
            geometry.groups,
            mask,
        )
        return found

    if g_input is g_weight:
        # One call computes all that is needed. db is the sum of the whole gradient, so this call
        # gives it only where nothing was dropped.
        whole = g_input is grad
        dx, dw, db = products(g_input, [needs[0], needs[1], needs[2] and whole])
    else:
        whole = False
        dx = products(g_input, [needs[0], False, False])[0] if needs[0] else None
        dw = products(g_weight, [False, needs[1], False])[1] if needs[1] else None
        db = None
    return dx, dw, db if whole or not needs[2] else grad.sum((0, 2, 3))


def _spared_onednn(x: Tensor, weight: Tensor, geometry: Geometry) -> tuple[Tensor, Tensor]:
    # On a CPU, the weight gradient of a strided 1x1 convolution with fewer than 8 (AVX2) or 16
    # (AVX-512) channels-last input channels writes past its buffer and corrupts the heap
    # (github.com/uxlfoundation/oneDNN/issues/6035). In the NCHW format it does not. The tensors are
    # cloned, because "contiguous" leaves the strides of a 1x1 weight as they are, and from the
    # strides torch infers the format.
    strided_1x1 = weight.shape[2:] == (1, 1) and max(geometry.stride) > 1
    if x.device.type == "cpu" and strided_1x1 and x.shape[1] // geometry.groups < 16:
        nchw = torch.contiguous_format
        return x.clone(memory_format=nchw), weight.clone(memory_format=nchw)
    return x, weight


def linear_backward(
    grad: Tensor,
    g_input: Tensor,
    g_weight: Tensor,
    x: Tensor,
    weight: Tensor,
    needs: tuple[bool, bool, bool],
    geometry: None,
) -> Gradients:
    """Return dX, dW and db of a linear layer, as :func:`convolution_backward` does."""
    dx = g_input @ weight if needs[0] else None
    dw = db = None
    if needs[1]:
        dw = g_weight.reshape(-1, g_weight.shape[-1]).T @ x.reshape(-1, x.shape[-1])
    if needs[2]:
        db = grad.reshape(-1, grad.shape[-1]).sum(0)
    return dx, dw, db


@explained(x=checks.tensor)
def unfold(x: Tensor, weight_shape: torch.Size, geometry: Geometry) -> Tensor:
    """Return im2col(X) of every sample, shape (N, groups, Cin / groups kh kw, Ho Wo)."""
    g = geometry
    columns = F.unfold(x, tuple(weight_shape[2:]), g.dilation, g.padding, g.stride)
    return columns.reshape(len(x), g.groups, row_length(weight_shape), columns.shape[-1])


def row_length(weight_shape: torch.Size) -> int:
    """Return Cin / groups kh kw, the entries that one output pixel sums over."""
    return weight_shape[1] * weight_shape[2] * weight_shape[3]
