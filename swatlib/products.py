"""The three products of a layer, each with a selector per operand.

    forward       Y  = W * X
    input grad    dX = W^T * G
    weight grad   dW = G * X^T

One autograd function runs them for a convolution or a linear layer. Weights and activations are
chosen in the forward pass, as a threshold or a mask, and zeroed where a product uses them; what is
saved for backward is the tensor itself, which its neighbours in the network mostly hold anyway, or,
where they do not (:mod:`swatlib.compression`), a compressed copy of what survives.
Gradients go to every weight, active or not, as if no selection had happened (SWAT section 3.3).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial, wraps
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable
from torch.utils.weak import WeakTensorKeyDictionary

from swatlib import checks
from swatlib.checked import checked_fields
from swatlib.masks import keep
from swatlib.packing import Compressed, compress, restore, uncompressed
from swatlib.selectors import Selector


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

    def __post_init__(self) -> None:
        pair = partial(checks.counts, length=2)
        checked_fields(
            self,
            stride=pair,
            padding=partial(pair, least=0),
            dilation=pair,
            groups=checks.count,
        )


class ColumnSelector(Selector):
    """A selector of entries of im2col(X), which no mask on X can say.

    It stands in the slot weight-grad X of convolutions, decides what of X is saved, and brings its
    own product. ``sparsity`` is the fraction of entries of im2col(X) set to zero.
    """

    def saved(self, x: Tensor, weight_shape: torch.Size, geometry: Convolution) -> Tensor:
        """Return what of ``x`` the backward pass needs."""
        raise NotImplementedError

    def weight_gradient(
        self, grad: Tensor, saved: Tensor, weight_shape: torch.Size, geometry: Convolution
    ) -> Tensor:
        """Return dW from the output gradient and what was saved."""
        raise NotImplementedError

    def operands(
        self, grad: Tensor, x: Tensor, weight_shape: torch.Size, geometry: Convolution
    ) -> tuple[Tensor, Tensor]:
        """Return G and im2col(X) with zeros for what is dropped; dW is their product.

        G keeps its shape, im2col(X) has that of :func:`swatlib.nm.unfold`. Only what looks at the
        zeros needs it, as the simulator does; training does not.
        """
        raise NotImplementedError


def differentiable_once(backward: Callable[..., Any]) -> Callable[..., Any]:
    """Let a second derivative through a backward function raise, always.

    torch's ``once_differentiable`` raises only if the incoming gradient itself requires one. That
    of a plain sum does not, and what flows through the weights would be missing without a word.
    """
    once = once_differentiable(backward)

    @wraps(backward)
    def checked(ctx: Any, grad: Tensor) -> Any:
        if torch.is_grad_enabled() and not torch.compiler.is_compiling():
            grad = grad.detach().requires_grad_()
        return once(ctx, grad)

    return checked


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
    columns: ColumnSelector | None = None,
    compressed: bool = False,
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
    columns : ColumnSelector, optional
        Computes the weight gradient from a part of the unfolded X.
    compressed : bool
        Save X for backward in the fewest bytes, and of W no copy. Gradients are the same, to the
        bit.

    Returns
    -------
    Tensor, shape (N, Cout, Ho, Wo), dtype of ``x``
    """
    selectors = (input_grad_gradient, weight_grad_gradient)
    return _run(x, weight, bias, criteria, geometry, selectors, columns, compressed)


def linear(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    criteria: Criteria = NOTHING_DROPPED,
    input_grad_gradient: Selector | None = None,
    weight_grad_gradient: Selector | None = None,
    compressed: bool = False,
) -> Tensor:
    """Multiply by a weight matrix with a selector per operand, as :func:`convolution` does.

    ``x`` has shape (..., in), ``weight`` (out, in), the result (..., out).
    """
    selectors = (input_grad_gradient, weight_grad_gradient)
    return _run(x, weight, bias, criteria, None, selectors, None, compressed)


def _run(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    criteria: Criteria,
    geometry: Convolution | None,
    gradient_selectors: tuple[Selector | None, Selector | None],
    columns: ColumnSelector | None,
    compressed: bool,
) -> Tensor:
    # Sameness is told by two flags and not by passing a tensor twice, which no compiler traces.
    forward_weight, forward_activation, input_grad_weight, weight_grad_activation = criteria
    same_w = input_grad_weight is forward_weight
    same_x = weight_grad_activation is forward_activation
    product = _in_eager_mode if compressed else _Product.apply
    return product(
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
        columns,
        compressed,
    )


@torch.compiler.disable
def _in_eager_mode(*arguments: Any) -> Tensor:
    # How many entries survive is known only from the data, so there is no graph to compile.
    return _Product.apply(*arguments)


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
        columns: ColumnSelector | None,
        compressed: bool,
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
        x_saved = x_used if same_x else x
        if columns is not None and geometry is not None:
            x_saved = columns.saved(x, weight.shape, geometry)
        w_saved = w_used if same_w else weight
        if compressed:
            # Zeros are made now, to be left out; W is there anyway and is thinned once more later.
            x_stored = _compressed(x_saved, weight_grad_activation)
            weight_grad_activation = None
            w_saved, input_grad_weight = weight, forward_weight if same_w else input_grad_weight
        else:
            x_stored = uncompressed(x_saved)
        ctx.columns, ctx.x_shape = columns, x.shape
        ctx.x_layout = x_stored.shape, x_stored.stride
        ctx.save_for_backward(
            x_stored.values, x_stored.where, w_saved, weight_grad_activation, input_grad_weight
        )
        ctx.geometry, ctx.weight_dtype = geometry, weight.dtype
        ctx.bias_dtype = None if bias is None else bias.dtype
        ctx.gradient_selectors = gradient_selectors
        return y

    @staticmethod
    @differentiable_once
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        values, where, weight, x_criterion, w_criterion = ctx.saved_tensors
        x = keep(restore(Compressed(values, where, *ctx.x_layout)), x_criterion)
        weight = keep(weight, w_criterion).to(grad.dtype)
        for_input, for_weight = ctx.gradient_selectors
        g_input = _selected(grad, for_input)
        g_weight = g_input if for_weight == for_input else _selected(grad, for_weight)

        backward = _linear_backward if ctx.geometry is None else _convolution_backward
        needs = ctx.needs_input_grad[:3]
        if ctx.columns is None:
            dx, dw, db = backward(grad, g_input, g_weight, x, weight, needs, ctx.geometry)
        else:
            dw = None
            if needs[1]:
                dw = ctx.columns.weight_gradient(g_weight, x, weight.shape, ctx.geometry)
            # Of X the input gradient needs the shape only, which a part of X does not have.
            whole = x if x.shape == ctx.x_shape else _blank(ctx.x_shape, x)
            needs = (needs[0], False, needs[2])
            dx, _, db = backward(grad, g_input, g_input, whole, weight, needs, ctx.geometry)
        return (
            dx,
            None if dw is None else dw.to(ctx.weight_dtype),
            None if db is None else db.to(ctx.bias_dtype),
            *(None,) * 9,
        )


def _selected(grad: Tensor, selector: Selector | None) -> Tensor:
    # At sparsity 0 the gradient itself, so that the dense layer's one call serves all products.
    if selector is None or not selector.sparsity:
        return grad
    return keep(grad, selector.criterion(grad))


# Compressed copies of activations that are still in use, so that layers with a common input (a
# block and its shortcut; query, key and value) share one. An entry goes with its activation.
_copies = WeakTensorKeyDictionary()


def _compressed(x: Tensor, criterion: Tensor | None) -> Compressed:
    if not x.requires_grad:
        return compress(keep(x, criterion))
    version, chosen, stored = _copies.get(x, (None, None, None))
    if version == x._version and _equal(chosen, criterion):
        return stored
    stored = compress(keep(x, criterion))
    if stored.where is not None:  # else it may be x itself, which would then hold itself
        _copies[x] = (x._version, criterion, stored)
    return stored


def _equal(a: Tensor | None, b: Tensor | None) -> bool:
    return a is b or (a is not None and b is not None and torch.equal(a, b))


def _blank(shape: torch.Size, like: Tensor) -> Tensor:
    # Allocated in the layout of ``like`` and never read.
    channels_last = like.is_contiguous(memory_format=torch.channels_last)
    layout = torch.channels_last if channels_last else torch.contiguous_format
    return torch.empty(shape, dtype=like.dtype, device=like.device, memory_format=layout)


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
    x, weight = _spared_onednn(x, weight, geometry)

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


def _spared_onednn(x: Tensor, weight: Tensor, geometry: Convolution) -> tuple[Tensor, Tensor]:
    # On a CPU, the weight gradient of a strided 1x1 convolution with fewer than 8 (AVX2) or 16
    # (AVX-512) channels-last input channels writes past its buffer and corrupts the heap
    # (github.com/uxlfoundation/oneDNN/issues/6035). In the NCHW format it does not; a copy, because
    # "contiguous" leaves the strides of a 1x1 weight as they are, and torch reads the format there.
    strided_1x1 = weight.shape[2:] == (1, 1) and max(geometry.stride) > 1
    if x.device.type == "cpu" and strided_1x1 and x.shape[1] // geometry.groups < 16:
        nchw = torch.contiguous_format
        return x.clone(memory_format=nchw), weight.clone(memory_format=nchw)
    return x, weight


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
