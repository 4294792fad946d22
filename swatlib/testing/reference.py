"""The three products of a layer as plain matrix products of its unfolded operands."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from swatlib.core.selector import Selector


def products(layer: Any, x: Tensor, grad: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
    """Return Y, dX and dW of a layer by matrix products of its unfolded operands."""
    recipe, w = layer.recipe, layer.weight.detach()
    computed = layer.computed(*layer.laid_out(x))
    computed = torch.ones_like(grad) if computed is None else computed.to(grad.dtype)
    grad = grad * computed
    forward_w = layer.choose("forward_weight", w)
    forward_x = layer.choose("forward_activation", x)
    backward_w, backward_x = forward_w, forward_x
    if recipe.input_grad_weight != recipe.forward_weight:
        backward_w = layer.choose("input_grad_weight", w)
    if recipe.weight_grad_activation != recipe.forward_activation:
        backward_x = layer.choose("weight_grad_activation", x)
    for_input, for_weight = recipe.input_grad_gradient, recipe.weight_grad_gradient
    g_input = _used(for_input, grad, for_input.choose(grad)) if for_input else grad
    g_weight = g_input
    if for_weight != for_input:
        g_weight = _used(for_weight, grad, for_weight.choose(grad)) if for_weight else grad
    w_y, x_y = (
        _used(recipe.forward_weight, w, forward_w),
        _used(recipe.forward_activation, x, forward_x),
    )
    w_dx = _used(recipe.input_grad_weight, w, backward_w)
    x_dw = _used(recipe.weight_grad_activation, x, backward_x)

    if isinstance(layer, nn.Linear):
        y = x_y @ w_y.T + layer.bias.detach()
        dx = g_input @ w_dx
        dw = g_weight.T @ x_dw
    else:
        y = _convolved(layer, x_y, w_y)
        dx = _spread(layer, g_input, w_dx, x.shape)
        dw = _correlated(layer, g_weight, x_dw)
    if recipe.decay:
        dw = dw + recipe.decay * (w - w_y)
    by_columns = recipe.columns is not None and isinstance(layer, nn.Conv2d)
    return y * computed, dx, None if by_columns else dw


def _used(selector: Selector | None, x: Tensor, choice: Tensor | None) -> Tensor:
    return x if selector is None or choice is None else selector.operand(x, choice)


def _columns(layer: nn.Conv2d, x: Tensor) -> Tensor:
    """Return im2col(X): (N, groups, Cin / groups kh kw, Ho Wo)."""
    size, padding = layer.kernel_size, layer.padding
    columns = F.unfold(x, size, layer.dilation, padding, layer.stride)  # type: ignore[arg-type]
    return columns.reshape(len(x), layer.groups, -1, columns.shape[-1])


def _convolved(layer: nn.Conv2d, x: Tensor, w: Tensor) -> Tensor:
    matrix = w.reshape(layer.groups, w.shape[0] // layer.groups, -1)
    y = torch.einsum("gok,ngkp->ngop", matrix, _columns(layer, x))
    down = (x.shape[2] + 2 * layer.padding[0] - layer.kernel_size[0]) // layer.stride[0] + 1  # type: ignore[operator]
    assert layer.bias is not None
    return y.reshape(len(x), w.shape[0], down, -1) + layer.bias.detach()[:, None, None]


def _spread(layer: nn.Conv2d, g: Tensor, w: Tensor, shape: torch.Size) -> Tensor:
    matrix = w.reshape(layer.groups, w.shape[0] // layer.groups, -1)
    grouped = g.reshape(len(g), layer.groups, -1, g.shape[2] * g.shape[3])
    columns = torch.einsum("gok,ngop->ngkp", matrix, grouped).flatten(1, 2)
    size, padding = layer.kernel_size, layer.padding
    return F.fold(columns, shape[2:], size, layer.dilation, padding, layer.stride)  # type: ignore[arg-type]


def _correlated(layer: nn.Conv2d, g: Tensor, x: Tensor) -> Tensor:
    grouped = g.reshape(len(g), layer.groups, -1, g.shape[2] * g.shape[3])
    dw = torch.einsum("ngop,ngkp->gok", grouped, _columns(layer, x))
    return dw.reshape(layer.weight.shape)
