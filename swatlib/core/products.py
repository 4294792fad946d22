"""The three products of a layer, each with a selector per operand.

    forward       Y  = W * X
    input grad    dX = W^T * G
    weight grad   dW = G * X^T

One autograd function runs them for a convolution or a linear layer. In the forward pass a threshold
or a mask is chosen for weights and activations. Each product applies it to its own operands.

The backward pass needs the tensors again. Mostly the tensor itself is saved, which neighbouring
layers tend to hold anyway. Where a backward product shares the forward product's choice, the sparse
tensor is saved instead. With :mod:`swatlib.storage.compression` a compressed copy of what survives
of X is saved, or nothing, where X can be made again.

Gradients go to every weight, active or not, as if no selection had happened (SWAT section 3.3).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from swatlib.core.maker import maker, remake
from swatlib.core.operands import PerOperand
from swatlib.core.recipe import Recipe
from swatlib.core.selector import Selector
from swatlib.core.selector_state import SelectorState
from swatlib.kernels.convolution import (
    PLAIN,
    Geometry,
    blank,
    convolution_backward,
    linear_backward,
)
from swatlib.kernels.keep import keep
from swatlib.kernels.packing import (
    Compressed,
    compress_once,
    pack_choice,
    restore,
    uncompressed,
    unpack_choice,
)

DENSE = Recipe("dense")


@dataclass(frozen=True, kw_only=True)
class Choices(PerOperand[Tensor | None]):
    """What survives of each weight and activation: threshold, mask, or None for all.

    The same object in two fields means the same choice. The fields of output gradients are always
    None, because those are chosen in the backward pass.
    """


ALL = Choices()
"""Nothing is dropped."""


@dataclass(frozen=True)
class Saving:
    """How a layer saves X for its backward pass.

    Parameters
    ----------
    compressed : bool
        False saves the tensor itself, or its sparse copy. True saves a compressed copy of X, masks
        as bits, and no copy of W.
    share : bool
        Whether layers that sparsify the same X alike share its copy.
    values : str
        How its values are stored, see :data:`swatlib.kernels.packing.VALUES`.
    remakes : bool
        Whether nothing is saved of an X that can be made again, see :mod:`swatlib.core.maker`.
    """

    compressed: bool = False
    share: bool = True
    values: str = "exact"
    remakes: bool = False


WHOLE = Saving()
"""Tensors are saved as they are."""


@dataclass(frozen=True)
class Remembered:
    """What choosing among output gradients may read from earlier steps and keep for later ones.

    Parameters
    ----------
    states : dict
        The layer's states, by the operand's name.
    training : bool
        The layer's mode in the forward pass.
    weight : Tensor
        The layer's own, by which steps are told.
    """

    states: dict[str, SelectorState]
    training: bool
    weight: Tensor


def differentiable_once(backward: Callable[..., Any]) -> Callable[..., Any]:
    """Return ``backward``, which raises whenever it is differentiated a second time.

    torch's ``once_differentiable`` raises only if the incoming gradient itself requires a gradient.
    That of a plain sum does not: the part that flows through the weights would be missing silently.
    """
    once = once_differentiable(backward)

    @wraps(backward)
    def checked(ctx: Any, grad: Tensor) -> Any:
        if torch.is_grad_enabled() and not torch.compiler.is_compiling():
            grad = grad.detach().requires_grad_()
        return once(ctx, grad)

    return checked


def convolution(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    geometry: Geometry = PLAIN,
    recipe: Recipe = DENSE,
    choices: Choices = ALL,
    saving: Saving = WHOLE,
    remembered: Remembered | None = None,
) -> Tensor:
    """Convolve with a selector per operand of each product (Eqs. 1-3 of SWAT).

    Parameters
    ----------
    x : Tensor, shape (N, Cin, H, W)
    weight : Tensor, shape (Cout, Cin / groups, kh, kw)
        May be of higher precision than ``x``: it is sparsified first and cast then.
    bias : Tensor, shape (Cout,), optional
        Its gradient always sums the whole output gradient.
    geometry : Geometry
    recipe : Recipe
        Its selectors of output gradients choose in the backward pass; equal ones share one choice.
    choices : Choices
        What was chosen among weights and activations. A choice for an operand that the recipe
        leaves dense is applied as well.
    saving : Saving
        How X is saved for the backward pass. Gradients are the same, to the bit.
    remembered : Remembered, optional
        For recipes that keep something of output gradients between steps.

    Returns
    -------
    Tensor, shape (N, Cout, Ho, Wo), dtype of ``x``
    """
    return _run(x, weight, bias, geometry, recipe, choices, saving, remembered)


def linear(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    recipe: Recipe = DENSE,
    choices: Choices = ALL,
    saving: Saving = WHOLE,
    remembered: Remembered | None = None,
) -> Tensor:
    """Multiply by a weight matrix with a selector per operand, as :func:`convolution` does.

    ``x`` has shape (..., in), ``weight`` (out, in), the result (..., out).
    """
    return _run(x, weight, bias, None, recipe, choices, saving, remembered)


def _run(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    geometry: Geometry | None,
    recipe: Recipe,
    choices: Choices,
    saving: Saving,
    remembered: Remembered | None,
) -> Tensor:
    # torch.compile cannot trace a Function that is given one tensor twice: where backward uses
    # forward's choice, pass None and a flag.
    same_w = choices.input_grad_weight is choices.forward_weight
    same_x = choices.weight_grad_activation is choices.forward_activation
    product = Product.apply if remembered is None and not saving.compressed else _in_eager_mode
    result: Tensor = product(
        x,
        weight,
        bias,
        choices.forward_weight,
        choices.forward_activation,
        None if same_w else choices.input_grad_weight,
        None if same_x else choices.weight_grad_activation,
        (same_w, same_x),
        geometry,
        recipe,
        saving,
        remembered,
    )
    return result


@torch.compiler.disable  # type: ignore[untyped-decorator]
def _in_eager_mode(*arguments: Any) -> Any:
    # Cannot be compiled: the size of a compressed copy depends on the data, and what is kept of
    # gradients is written in the backward pass.
    return Product.apply(*arguments)  # type: ignore[no-untyped-call]


class Product(Function):
    """The forward product and, in its backward pass, the other two, each as the recipe has it."""

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
        geometry: Geometry | None,
        recipe: Recipe,
        saving: Saving,
        remembered: Remembered | None,
    ) -> Tensor:
        x_used = _operand(recipe.forward_activation, x, forward_activation)
        w_used = _operand(recipe.forward_weight, weight, forward_weight).to(x.dtype)
        y = _forward_product(x_used, w_used, bias, geometry)

        # Where backward uses forward's choice, save the sparse tensor: no mask has to be kept.
        same_w, same_x = same
        x_saved = x_used if same_x else x
        columns = recipe.columns
        if columns is not None and geometry is not None:
            x_saved = columns.saved(x, weight.shape, geometry)
        w_saved = w_used if same_w else weight
        ctx.maker = maker(x) if saving.remakes and forward_activation is None else None
        if ctx.maker is not None:
            # X can be made again, and so can Y, from X.
            x_stored = uncompressed(x.new_empty(0))
            w_saved, input_grad_weight = weight, forward_weight if same_w else input_grad_weight
            weight_grad_activation = pack_choice(weight_grad_activation, x)
            ctx.remake, ctx.version, ctx.length = _made_again, y._version, ctx.maker.length + 1
        elif saving.compressed:
            # Of X only what survives is stored. W lives in the Parameter anyway: backward applies
            # the choice to it again instead of keeping a sparse copy.
            kept = weight_grad_activation
            thin = None if kept is None else _operand(recipe.weight_grad_activation, x_saved, kept)
            x_stored = compress_once(x_saved, kept, thin, saving.share, saving.values)
            weight_grad_activation = None
            w_saved, input_grad_weight = weight, forward_weight if same_w else input_grad_weight
        else:
            x_stored = uncompressed(x_saved)
        ctx.x_shape = x.shape
        ctx.x_layout = x_stored[2:]
        again: tuple[Tensor | None, ...] = (None, None)  # what only making Y again needs
        if ctx.maker is not None:
            again = (None if same_w else pack_choice(forward_weight, weight), bias)
        if saving.compressed:
            input_grad_weight = pack_choice(input_grad_weight, weight)
        ctx.save_for_backward(
            x_stored.values,
            x_stored.where,
            w_saved,
            weight_grad_activation,
            input_grad_weight,
            *again,
        )
        ctx.geometry, ctx.weight_dtype = geometry, weight.dtype
        ctx.bias_dtype = None if bias is None else bias.dtype
        ctx.recipe, ctx.same_w, ctx.remembered = recipe, same_w, remembered
        return y

    @staticmethod
    @differentiable_once
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        values, where, weight, x_choice, w_choice, *_ = ctx.saved_tensors
        recipe: Recipe = ctx.recipe
        if ctx.maker is None:
            x = restore(Compressed(values, where, *ctx.x_layout))
        else:
            x = remake(ctx.maker)
            x_choice = unpack_choice(x_choice, x)
            if recipe.columns is not None and ctx.geometry is not None:
                x = recipe.columns.saved(x, weight.shape, ctx.geometry)
        w_choice = unpack_choice(w_choice, weight)
        x = _operand(recipe.weight_grad_activation, x, x_choice)
        w_selector = recipe.forward_weight if ctx.same_w else recipe.input_grad_weight
        weight = _operand(w_selector, weight, w_choice).to(grad.dtype)
        g_input = _chosen(grad, "input_grad_gradient", recipe.input_grad_gradient, ctx.remembered)
        if recipe.weight_grad_gradient == recipe.input_grad_gradient:
            g_weight = g_input
        else:
            g_weight = _chosen(
                grad, "weight_grad_gradient", recipe.weight_grad_gradient, ctx.remembered
            )

        backward = linear_backward if ctx.geometry is None else convolution_backward
        needs = ctx.needs_input_grad[:3]
        columns = recipe.columns
        if columns is None or ctx.geometry is None:
            dx, dw, db = backward(grad, g_input, g_weight, x, weight, needs, ctx.geometry)
        else:
            dw = None
            if needs[1]:
                dw = columns.weight_gradient(g_weight, x, weight.shape, ctx.geometry)
            # dX needs only the shape of X. Where part of X was saved, pass a tensor of its shape.
            whole = x if x.shape == ctx.x_shape else blank(ctx.x_shape, x)
            needs = (needs[0], False, needs[2])
            dx, _, db = backward(grad, g_input, g_input, whole, weight, needs, ctx.geometry)
        return (
            dx,
            None if dw is None else dw.to(ctx.weight_dtype),
            None if db is None else db.to(ctx.bias_dtype),
            *(None,) * 9,
        )


def _forward_product(
    x: Tensor, weight: Tensor, bias: Tensor | None, geometry: Geometry | None
) -> Tensor:
    bias = None if bias is None else bias.to(x.dtype)
    if geometry is None:
        return torch.nn.functional.linear(x, weight, bias)
    g = geometry
    return torch.conv2d(x, weight, bias, g.stride, g.padding, g.dilation, g.groups)


def _made_again(ctx: Any) -> Tensor:
    """Return Y of a product that was given an X that can be made again."""
    _, _, weight, _, w_choice, forward_weight, bias = ctx.saved_tensors
    x, choice = remake(ctx.maker), w_choice if ctx.same_w else forward_weight
    choice = unpack_choice(choice, weight)
    weight = _operand(ctx.recipe.forward_weight, weight, choice).to(x.dtype)
    return _forward_product(x, weight, bias, ctx.geometry)


def _operand(selector: Selector | None, x: Tensor, choice: Tensor | None) -> Tensor:
    if choice is None:
        return x
    return keep(x, choice) if selector is None else selector.operand(x, choice)


def _chosen(
    grad: Tensor, name: str, selector: Selector | None, remembered: Remembered | None
) -> Tensor:
    # At sparsity 0 return the gradient itself: one backward call then computes both products.
    if selector is None or not selector.sparsity:
        return grad
    state = None if remembered is None else remembered.states.get(name)
    if remembered is None or state is None:
        return selector.operand(grad, selector.choose(grad))
    choice = selector.choose(grad, state, remembered.training, remembered.weight)
    return selector.operand(grad, choice, state)
