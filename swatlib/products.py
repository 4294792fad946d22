"""The three products of a layer, each with a selector per operand.

    forward       Y  = W * X
    input grad    dX = W^T * G
    weight grad   dW = G * X^T

One autograd function runs them for a convolution or a linear layer. Weights and activations are
chosen in the forward pass, as a threshold or a mask, and zeroed where a product uses them; what is
saved for backward is the tensor itself, which its neighbours in the network mostly hold anyway.
Gradients go to every weight, active or not, as if no selection had happened (SWAT section 3.3).
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from swatlib.selectors import Selector, keep


class Criteria(NamedTuple):
    """What survives of each weight and activation operand: threshold, mask, or None for all.

    The same object in two places means the same mask.
    """

    forward_weight: Tensor | None = None
    forward_activation: Tensor | None = None
    input_grad_weight: Tensor | None = None
    weight_grad_activation: Tensor | None = None


@dataclass(frozen=True)
class Convolution:
    """Geometry of a 2-D convolution."""

    stride: tuple[int, ...] = (1, 1)
    padding: tuple[int, ...] = (0, 0)
    dilation: tuple[int, ...] = (1, 1)
    groups: int = 1


NOTHING_DROPPED = Criteria()
PLAIN = Convolution()


def convolution(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    geometry: Convolution = PLAIN,
    criteria: Criteria = NOTHING_DROPPED,
    input_grad_gradient: Selector | None = None,
    weight_grad_gradient: Selector | None = None,
) -> Tensor:
    """Convolve with a selector per operand of each product (Eqs. 1-3 of SWAT).

    Parameters
    ----------
    x : Tensor, shape (N, Cin, H, W)
    weight : Tensor, shape (Cout, Cin / groups, kh, kw)
        May be of higher precision than ``x``: it is sparsified first and cast then.
    bias : Tensor, shape (Cout,), optional
        Its gradient always sums the whole output gradient.
    geometry : Convolution
    criteria : Criteria
        What survives of weights and activations.
    input_grad_gradient, weight_grad_gradient : Selector, optional
        Applied to the output gradient in the two backward products; equal selectors share one mask.

    Returns
    -------
    Tensor, shape (N, Cout, Ho, Wo), dtype of ``x``
    """
    return _run(x, weight, bias, criteria, geometry, input_grad_gradient, weight_grad_gradient)


def linear(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    criteria: Criteria = NOTHING_DROPPED,
    input_grad_gradient: Selector | None = None,
    weight_grad_gradient: Selector | None = None,
) -> Tensor:
    """Multiply by a weight matrix with a selector per operand, as :func:`convolution` does.

    ``x`` has shape (..., in), ``weight`` (out, in), the result (..., out).
    """
    return _run(x, weight, bias, criteria, None, input_grad_gradient, weight_grad_gradient)


def _run(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    criteria: Criteria,
    geometry: Convolution | None,
    *gradient_selectors: Selector | None,
) -> Tensor:
    # Sameness is told by two flags and not by passing a tensor twice, which no compiler traces.
    forward_weight, forward_activation, input_grad_weight, weight_grad_activation = criteria
    same_w = input_grad_weight is forward_weight
    same_x = weight_grad_activation is forward_activation
    return _Product.apply(
        x,
        weight,
        bias,
        forward_weight,
        forward_activation,
        None if same_w else input_grad_weight,
        None if same_x else weight_grad_activation,
        (same_w, same_x),
        geometry,
        gradient_selectors,
    )


class _Product(Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        forward_weight: Tensor | None,
        forward_activation: Tensor | None,
        input_grad_weight: Tensor | None,
        weight_grad_activation: Tensor | None,
        same: tuple[bool, bool],
        geometry: Convolution | None,
        gradient_selectors: tuple[Selector | None, Selector | None],
    ) -> Tensor:
        x_used = keep(x, forward_activation)
        w_used = keep(weight, forward_weight).to(x.dtype)
        b_used = None if bias is None else bias.to(x.dtype)
        if geometry is None:
            y = torch.nn.functional.linear(x_used, w_used, b_used)
        else:
            g = geometry
            y = torch.conv2d(x_used, w_used, b_used, g.stride, g.padding, g.dilation, g.groups)

        # A criterion shared with the forward product is spent: save the sparse operand itself.
        same_w, same_x = same
        ctx.save_for_backward(
            x_used if same_x else x,
            w_used if same_w else weight,
            weight_grad_activation,
            input_grad_weight,
        )
        ctx.geometry, ctx.weight_dtype = geometry, weight.dtype
        ctx.bias_dtype = None if bias is None else bias.dtype
        ctx.gradient_selectors = gradient_selectors
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, x_criterion, w_criterion = ctx.saved_tensors
        x = keep(x, x_criterion)
        weight = keep(weight, w_criterion).to(grad.dtype)
        for_input, for_weight = ctx.gradient_selectors
        g_input = keep(grad, for_input.criterion(grad)) if for_input else grad
        if for_weight == for_input:
            g_weight = g_input
        else:
            g_weight = keep(grad, for_weight.criterion(grad)) if for_weight else grad

        backward = _linear_backward if ctx.geometry is None else _convolution_backward
        needs = ctx.needs_input_grad[:3]
        dx, dw, db = backward(grad, g_input, g_weight, x, weight, needs, ctx.geometry)
        return (
            dx,
            None if dw is None else dw.to(ctx.weight_dtype),
            None if db is None else db.to(ctx.bias_dtype),
            *(None,) * 7,
        )


Gradients = tuple[Tensor | None, Tensor | None, Tensor | None]


def _convolution_backward(
    grad: Tensor,
    g_input: Tensor,
    g_weight: Tensor,
    x: Tensor,
    weight: Tensor,
    needs: tuple[bool, bool, bool],
    geometry: Convolution,
) -> Gradients:
    def products(g: Tensor, mask: list[bool]) -> Gradients:
        return torch.ops.aten.convolution_backward(
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

    if g_input is g_weight:
        # One call computes what is needed; the bias wants the whole gradient, not a selection.
        whole = g_input is grad
        dx, dw, db = products(g_input, [needs[0], needs[1], needs[2] and whole])
    else:
        whole = False
        dx = products(g_input, [needs[0], False, False])[0] if needs[0] else None
        dw = products(g_weight, [False, needs[1], False])[1] if needs[1] else None
        db = None
    return dx, dw, db if whole or not needs[2] else grad.sum((0, 2, 3))


def _linear_backward(
    grad: Tensor,
    g_input: Tensor,
    g_weight: Tensor,
    x: Tensor,
    weight: Tensor,
    needs: tuple[bool, bool, bool],
    geometry: None,
) -> Gradients:
    dx = g_input @ weight if needs[0] else None
    dw = db = None
    if needs[1]:
        dw = g_weight.reshape(-1, g_weight.shape[-1]).T @ x.reshape(-1, x.shape[-1])
    if needs[2]:
        db = grad.reshape(-1, grad.shape[-1]).sum(0)
    return dx, dw, db
