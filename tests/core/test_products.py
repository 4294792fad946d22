"""The three products against sums over explicit index triples in float64.

A convolution is a set of triples (y, w, x): "weight w links input x to output y". Every product
is a sum over the same triples, Y[y] += W[w] X[x], dX[x] += W[w] G[y], dW[w] += G[y] X[x], whatever
the stride, padding, dilation and groups. A linear layer is the 1x1 convolution of 1x1 images.
"""

from math import ceil, prod
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.autograd import gradcheck

from swatlib.core.products import Choices, convolution, linear
from swatlib.core.selector import ColumnSelector
from swatlib.kernels.convolution import Geometry
from swatlib.methods import Recipe, meprop, saw, sparse_backward, sparse_forward, swat
from swatlib.selectors import RandomK, Selector, TopColumns, TopK

Array = NDArray[np.float64]
SLOTS = tuple(Recipe("dense").named())


# The reference


def triples(x_shape: tuple, w_shape: tuple, g: Geometry) -> tuple[Any, tuple]:
    """Return every (y, w, x) of a convolution as flat indices, and the shape of Y."""
    n, _, height, width = x_shape
    outputs, per_group, kh, kw = w_shape
    ho = (height + 2 * g.padding[0] - g.dilation[0] * (kh - 1) - 1) // g.stride[0] + 1
    wo = (width + 2 * g.padding[1] - g.dilation[1] * (kw - 1) - 1) // g.stride[1] + 1
    y_shape = (n, outputs, ho, wo)
    links = []
    for sample, o, i, j in np.ndindex(*y_shape):
        group = o // (outputs // g.groups)
        y = np.ravel_multi_index((sample, o, i, j), y_shape)
        for c, a, b in np.ndindex(per_group, kh, kw):
            p = i * g.stride[0] - g.padding[0] + a * g.dilation[0]
            q = j * g.stride[1] - g.padding[1] + b * g.dilation[1]
            if 0 <= p < height and 0 <= q < width:
                w = np.ravel_multi_index((o, c, a, b), w_shape)
                x = np.ravel_multi_index((sample, group * per_group + c, p, q), x_shape)
                links.append((y, w, x))
    return np.array(links, dtype=int).reshape(-1, 3).T, y_shape


def survivors(x: Array, selector: Selector | ColumnSelector | None) -> Array:
    """Return ``x`` with what a Top-K selector drops set to zero, by sorting."""
    if selector is None or not x.size:
        return x
    if isinstance(selector, TopColumns):
        strength = np.abs(x).sum(0)
        return np.where(strength >= kth(strength, selector.sparsity), x, 0)
    assert isinstance(selector, TopK)
    if selector.over == "CHW":
        return np.stack([survivors(part, TopK(selector.sparsity)) for part in x])
    return np.where(np.abs(x) >= kth(np.abs(x), selector.sparsity), x, 0)


def kth(magnitude: Array, sparsity: float) -> float:
    k = ceil(round((1 - sparsity) * magnitude.size, 6))
    return float(np.sort(magnitude, axis=None)[-k])


def reference(
    x: Array, w: Array, bias: Array | None, g: Array, links: Any, recipe: Recipe
) -> dict[str, Array]:
    """Return the three products and the bias gradient of a recipe, summed over ``links``."""
    y_index, w_index, x_index = links
    s = recipe

    def total(shape: tuple, index: NDArray[np.int_], terms: Array) -> Array:
        result = np.zeros(prod(shape))
        np.add.at(result, index, terms)
        return result.reshape(shape)

    w_forward = survivors(w, s.forward_weight).ravel()[w_index]
    x_forward = survivors(x, s.forward_activation).ravel()[x_index]
    w_back = survivors(w, s.input_grad_weight).ravel()[w_index]
    g_input = survivors(g, s.input_grad_gradient).ravel()[y_index]
    x_back = survivors(x, s.weight_grad_activation).ravel()[x_index]
    g_weight = survivors(g, s.weight_grad_gradient).ravel()[y_index]
    channel = (1, -1, 1, 1) if g.ndim == 4 else (-1,)
    b = 0 if bias is None else bias.reshape(channel)
    others = (0, 2, 3) if g.ndim == 4 else tuple(range(g.ndim - 1))
    return {
        "y": total(g.shape, y_index, w_forward * x_forward) + b,
        "x": total(x.shape, x_index, w_back * g_input),
        "w": total(w.shape, w_index, g_weight * x_back),
        # The bias always gets the whole gradient.
        "bias": g.sum(others),
    }


def choices(recipe: Recipe, x: Tensor, w: Tensor) -> Choices:
    def chosen(selector: Selector | ColumnSelector | None, operand: Tensor) -> Tensor | None:
        return None if selector is None else selector.choose(operand)  # type: ignore[union-attr]

    fw, fx = chosen(recipe.forward_weight, w), chosen(recipe.forward_activation, x)
    same_w = recipe.input_grad_weight == recipe.forward_weight
    same_x = recipe.weight_grad_activation == recipe.forward_activation
    return Choices(
        forward_weight=fw,
        forward_activation=fx,
        input_grad_weight=fw if same_w else chosen(recipe.input_grad_weight, w),
        weight_grad_activation=fx if same_x else chosen(recipe.weight_grad_activation, x),
    )


def check(x: Tensor, w: Tensor, bias: Tensor | None, recipe: Recipe, g: Geometry | None) -> None:
    """Compare the library's product and its gradients with the reference."""
    operands = [x, w] if bias is None else [x, w, bias]
    for operand in operands:
        operand.requires_grad_()
    chosen = choices(recipe, x, w)
    if g is None:
        rows = prod(x.shape[:-1])
        links, _ = triples((rows, x.shape[-1], 1, 1), (*w.shape, 1, 1), Geometry())
        y_shape = (*x.shape[:-1], w.shape[0])
        y = linear(x, w, bias, recipe, chosen)
    else:
        links, y_shape = triples(tuple(x.shape), tuple(w.shape), g)
        y = convolution(x, w, bias, g, recipe, chosen)
    assert y.shape == y_shape
    upstream = torch.randn(y_shape, dtype=x.dtype)
    found = dict(
        zip(("x", "w", "bias"), torch.autograd.grad(y, operands, upstream), strict=False), y=y
    )
    array_x, array_w, array_g = (t.detach().double().numpy() for t in (x, w, upstream))
    array_b = None if bias is None else bias.detach().double().numpy()
    expected = reference(array_x, array_w, array_b, array_g, links, recipe)
    tolerance = {torch.float64: 1e-10, torch.float32: 1e-4}[x.dtype]
    for name, value in found.items():
        assert value.dtype == x.dtype
        np.testing.assert_allclose(
            value.detach().double().numpy(), expected[name], tolerance, tolerance, err_msg=name
        )


# Recipes: each slot alone, and the methods of the papers

ALONE = [Recipe(slot, **{slot: TopK(0.7)}) for slot in SLOTS]  # type: ignore[arg-type]
METHODS = [
    Recipe("dense"),
    swat(0.8),
    swat(0.7, 0.9),
    swat(0.8, over="CHW"),
    saw(0.8),
    meprop(0.8),
    meprop(0.8, unified=True),
    sparse_forward(0.6, 0.7),
    sparse_forward(0.6, 0.7, matched=True),
    sparse_backward(0.5, 0.6, 0.7),
    Recipe("two gradients", input_grad_gradient=TopK(0.5), weight_grad_gradient=TopK(0.9)),
]
recipes = pytest.mark.parametrize("recipe", ALONE + METHODS, ids=lambda r: r.name)


@recipes
@pytest.mark.parametrize("geometry", [Geometry(), Geometry((2, 1), (1, 2), (1, 2), 2)])
def test_convolution_follows_every_slot(recipe: Recipe, geometry: Geometry) -> None:
    x = torch.randn(2, 4, 6, 5, dtype=torch.float64)
    w = torch.randn(6, 4 // geometry.groups, 3, 2, dtype=torch.float64)
    check(x, w, torch.randn(6, dtype=torch.float64), recipe, geometry)


@recipes
@pytest.mark.parametrize("rows", [(5,), (3, 4)])
def test_linear_follows_every_slot(recipe: Recipe, rows: tuple) -> None:
    x, w = (torch.randn(*shape, dtype=torch.float64) for shape in ((*rows, 7), (6, 7)))
    check(x, w, torch.randn(6, dtype=torch.float64), recipe, None)


@st.composite
def convolutions(draw: st.DrawFn) -> tuple[tuple, tuple, Geometry]:
    """Draw fitting shapes of X and W and a geometry: 1x1 to 5x5, odd sizes, batch 0 to 2."""
    groups = draw(st.sampled_from([1, 1, 2, 3]))
    kernel = [draw(st.integers(1, 5)) for _ in "hw"]
    padding = [draw(st.integers(0, 2)) for _ in "hw"]
    dilation = [draw(st.integers(1, 2)) for _ in "hw"]
    stride = [draw(st.integers(1, 3)) for _ in "hw"]
    least = [
        max(1, d * (k - 1) + 1 - 2 * p) for d, k, p in zip(dilation, kernel, padding, strict=True)
    ]
    size = [n + draw(st.integers(0, 3)) for n in least]
    x = (draw(st.integers(0, 2)), groups * draw(st.integers(1, 2)), *size)
    w = (groups * draw(st.integers(1, 2)), x[1] // groups, *kernel)
    return x, w, Geometry(tuple(stride), tuple(padding), tuple(dilation), groups)


@given(
    convolutions(),
    st.sampled_from(ALONE + METHODS),
    st.booleans(),
    st.booleans(),
    st.sampled_from([torch.float64, torch.float32]),
)
@hypothesis_settings(max_examples=30)
def test_convolution_of_any_shape(
    shapes: tuple, recipe: Recipe, with_bias: bool, channels_last: bool, dtype: torch.dtype
) -> None:
    _, w_shape, geometry = shapes
    memory = torch.channels_last if channels_last else torch.contiguous_format
    x, w = (torch.randn(s, dtype=dtype).contiguous(memory_format=memory) for s in shapes[:2])
    bias = torch.randn(w_shape[0], dtype=dtype) if with_bias else None
    check(x, w, bias, recipe, geometry)


# Sharing


def test_equal_gradient_selectors_share_one_mask() -> None:
    # Two draws would differ: dX and dW of a 1x1 identity show which entries of G survived.
    for first, second, shared in (
        (RandomK(0.5), RandomK(0.5), True),
        (RandomK(0.5), RandomK(0.6), False),
    ):
        x = torch.eye(64, requires_grad=True)
        w = torch.eye(64, requires_grad=True)
        recipe = Recipe("two", input_grad_gradient=first, weight_grad_gradient=second)
        y = linear(x, w, None, recipe)
        for_input, for_weight = torch.autograd.grad(y, (x, w), torch.randn(64, 64))
        assert torch.equal(for_input != 0, for_weight.T != 0) == shared


# Gradients by finite differences, where the backward products are those of the forward function


@pytest.mark.parametrize("bias", [False, True])
def test_dense_gradients_are_the_derivative(bias: bool) -> None:
    x = torch.randn(2, 4, 5, 4, dtype=torch.float64, requires_grad=True)
    w = torch.randn(4, 2, 3, 2, dtype=torch.float64, requires_grad=True)
    b = torch.randn(4, dtype=torch.float64, requires_grad=True) if bias else None
    geometry = Geometry((2, 1), (1, 0), (1, 2), 2)
    leaves = (x, w) if b is None else (x, w, b)
    assert gradcheck(lambda x, w, b=None: convolution(x, w, b, geometry), leaves)
    v = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
    assert gradcheck(linear, (torch.randn_like(v).requires_grad_(), v))


def test_matched_masks_give_the_derivative_of_the_sparse_network() -> None:
    # With fixed masks and backward operands as in the forward product, dX is the derivative for a
    # masked W and dW that for a masked X.
    x = torch.randn(2, 3, 5, 5, dtype=torch.float64)
    w = torch.randn(4, 3, 3, 3, dtype=torch.float64)
    w_mask, x_mask = torch.rand_like(w) < 0.3, torch.rand_like(x) < 0.3
    only_w = Choices(forward_weight=w_mask, input_grad_weight=w_mask)
    only_x = Choices(forward_activation=x_mask, weight_grad_activation=x_mask)
    pad = Geometry(padding=(1, 1))
    assert gradcheck(
        lambda x: convolution(x, w, None, pad, choices=only_w), x.clone().requires_grad_()
    )
    assert gradcheck(
        lambda w: convolution(x, w, None, pad, choices=only_x), w.clone().requires_grad_()
    )
    v, u = w[:, :, 0, 0].clone(), x[0, :, :, 0].T.clone()
    only_v = Choices(forward_weight=v > 0, input_grad_weight=v > 0)
    assert gradcheck(lambda u: linear(u, v, None, choices=only_v), u.clone().requires_grad_())


def test_every_weight_gets_a_gradient_active_or_not() -> None:
    w = torch.randn(8, 8, requires_grad=True)
    threshold = TopK(0.9).choose(w)
    linear(
        torch.randn(4, 8),
        w,
        None,
        choices=Choices(forward_weight=threshold, input_grad_weight=threshold),
    ).sum().backward()
    assert w.grad is not None
    assert w.grad.count_nonzero() == 64


def test_there_is_no_second_derivative() -> None:
    x, w = torch.randn(2, 3, requires_grad=True), torch.randn(4, 3, requires_grad=True)
    (gradient,) = torch.autograd.grad(linear(x, w).square().sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="differentiate twice"):
        gradient.sum().backward()


@pytest.mark.parametrize("recipe", METHODS, ids=lambda r: r.name)
def test_only_gradients_that_are_asked_for(recipe: Recipe) -> None:
    # A frozen weight, an input that needs none: what is left does not change.
    geometry = Geometry(padding=(1, 1))
    x, w, b = torch.randn(2, 3, 5, 5), torch.randn(4, 3, 3, 3), torch.randn(4)
    upstream = torch.randn(2, 4, 5, 5)
    found = []
    for needs in ((1, 1, 1), (1, 0, 0), (0, 1, 0), (0, 0, 1)):
        leaves = [t.clone().requires_grad_(bool(n)) for t, n in zip((x, w, b), needs, strict=True)]
        y = convolution(
            leaves[0],
            leaves[1],
            leaves[2],
            geometry,
            recipe,
            choices(recipe, x, w),
        )
        y.backward(upstream)
        found.append([leaf.grad for leaf in leaves])
    for i, alone in enumerate(found[1:]):
        assert [gradient is not None for gradient in alone] == [i == j for j in range(3)]
        torch.testing.assert_close(alone[i], found[0][i])


def test_a_weight_may_be_of_higher_precision() -> None:
    # As under autocast: chosen in float32, cast then, and the gradient comes back in float32.
    x = torch.randn(2, 5, dtype=torch.bfloat16)
    w, b = nn.Parameter(torch.randn(3, 5)), nn.Parameter(torch.randn(3))
    threshold = TopK(0.5).choose(w)
    y = linear(x, w, b, choices=Choices(forward_weight=threshold, input_grad_weight=threshold))
    assert y.dtype == torch.bfloat16
    y.sum().backward()
    assert w.grad is not None
    assert b.grad is not None
    assert (w.grad.dtype, b.grad.dtype) == (torch.float32, torch.float32)
    kept = torch.where(w.abs() >= threshold, w, 0).detach().bfloat16()
    assert torch.equal(y, nn.functional.linear(x, kept, b.detach().bfloat16()))
