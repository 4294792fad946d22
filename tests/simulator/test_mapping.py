"""The three products as convolutions, against PyTorch's own convolution and its gradients."""

from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from simulator_shapes import layers_with_masks, small_layers
from torch import nn

from swatlib.accounting import trace
from swatlib.simulator import (
    Cartesian,
    Layer,
    Masks,
    Tactical,
    dense_masks,
    layers_of,
    simulate,
)
from swatlib.simulator.mapping import convolutions, fold_stride, forward


def as_float(mask: np.ndarray | None) -> torch.Tensor:
    assert mask is not None
    return torch.from_numpy(mask.astype(np.float64))


@settings(max_examples=60)
@given(layers_with_masks(streams=True))
def test_effectual_products_are_those_of_the_real_operation(case: tuple[Layer, Masks]) -> None:
    # With zeros and ones as values, the sum of a product's result is the number of
    # multiplications with no zero in them. The Cartesian machine counts exactly those.
    layer, masks = case
    w, x = as_float(masks.forward_weight), as_float(masks.weight_grad_activation)
    geometry = {"stride": layer.stride, "padding": layer.padding, "groups": layer.groups}
    expected = {
        "forward": torch.conv2d(as_float(masks.forward_activation), w, **geometry),
        "input_grad": torch.nn.grad.conv2d_input(
            layer.input_shape, w, as_float(masks.input_grad_gradient), **geometry
        ),
        "weight_grad": torch.nn.grad.conv2d_weight(
            x, layer.weight_shape, as_float(masks.weight_grad_gradient), **geometry
        ),
    }
    for name, result in expected.items():
        convs = convolutions(layer, name, masks.stationary(name), masks.stream(name))
        assert sum(c.macs for c in Cartesian(2).count(convs)) == int(result.sum())


@settings(max_examples=60, deadline=None)
@given(small_layers(most=4))
@example(Layer("padding around one pixel", 4, 4, (1, 1), (1, 1), (1, 1), 1, (1, 1), 1))
@example(Layer("padding and stride around one pixel", 4, 4, (1, 1), (3, 2), (2, 1), 2, (1, 1), 3))
@example(Layer("a kernel larger than its map", 2, 3, (4, 4), (1, 1), (3, 3), 1, (1, 2), 2))
@example(Layer("a stride larger than its map", 2, 3, (2, 2), (5, 5), (1, 0), 1, (2, 3), 1))
def test_multiplications_of_the_dense_layer_are_counted_by_loops(layer: Layer) -> None:
    (h, w), (oh, ow), (kh, kw) = layer.image, layer.output, layer.kernel
    (sh, sw), (ph, pw) = layer.stride, layer.padding
    forward = input_grad = weight_grad = 0
    for y, x in product(range(oh), range(ow)):
        for r, s in product(range(kh), range(kw)):
            forward += 1  # a window of the machine streams its padding too
            weight_grad += 0 <= y * sh + r - ph < h and 0 <= x * sw + s - pw < w
    for y, x in product(range(h), range(w)):
        for r, s in product(range(kh), range(kw)):
            # A pixel meets the taps of its own residue: others never reach an output.
            input_grad += (y + ph - r) % sh == 0 and (x + pw - s) % sw == 0
    each = layer.batch * layer.filters * layer.channels // layer.groups
    assert layer.macs == each * forward
    # The stationary operand is skipped where it is zero, the stream is not.
    counted = simulate([layer], [dense_masks(layer)], Tactical(), vs_self=False).counts
    assert {p: counted[p][0].macs for p in counted} == {
        "forward": each * forward,
        "input_grad": each * input_grad,
        "weight_grad": each * weight_grad,
    }


@given(
    st.builds(
        nn.Conv2d,
        st.just(4),
        st.sampled_from([2, 6]),
        st.tuples(st.integers(1, 4), st.integers(1, 4)),
        stride=st.integers(1, 5),
        padding=st.integers(0, 4),
        groups=st.sampled_from([1, 2]),
    ),
    st.integers(4, 6),
)
@settings(max_examples=30, deadline=None)
def test_a_models_layers_have_the_models_multiplications(conv: nn.Conv2d, image: int) -> None:
    shape = (2, 4, image, image)
    assert layers_of(conv, shape)[0].macs == trace(conv, shape).weighted[0].forward_macs


def test_stride_splits_the_input_gradient() -> None:
    layer = Layer("a", 4, 2, (3, 3), (2, 2), (1, 1), image=(6, 6))
    convs = convolutions(layer, "input_grad", np.ones(layer.weight_shape, bool))
    assert sorted(c.kernel for c in convs) == [(1, 1), (1, 2), (2, 1), (2, 2)]
    assert sum(c.windows for c in convs) == 6 * 6
    assert all(c.stride == (1, 1) for c in convs)


def test_a_strided_pointwise_layer_leaves_most_of_the_input_gradient_empty() -> None:
    layer = Layer("a", 4, 2, stride=(2, 2), image=(6, 6))
    convs = convolutions(layer, "input_grad", np.ones(layer.weight_shape, bool))
    assert [c.windows for c in convs] == [9]


def test_space_to_depth_keeps_every_weight_and_its_output() -> None:
    layer = Layer("a", 5, 3, (7, 7), (2, 2), (3, 3), image=(32, 32))
    rng = np.random.default_rng(0)
    conv = forward(layer, rng.random(layer.weight_shape) < 0.3)
    folded = fold_stride(conv)
    assert folded.mask.shape == (1, 5, 12, 4, 4)
    assert folded.mask.sum() == conv.mask.sum()
    assert (folded.out, folded.stride) == ((16, 16), (1, 1))
    for c, r, s in [(0, 0, 0), (1, 3, 6), (2, 6, 5)]:
        deep = (c * 2 + r % 2) * 2 + s % 2
        np.testing.assert_array_equal(
            folded.mask[0, :, deep, r // 2, s // 2], conv.mask[0, :, c, r, s]
        )


def test_a_wrong_mask_names_its_layer() -> None:
    layer = Layer("stage1.conv", 4, 2, image=(6, 6))
    with pytest.raises(ValueError, match=r"'stage1.conv': the stationary mask of forward .*\(4, 2"):
        convolutions(layer, "forward", np.ones((2, 4, 1, 1), bool))
    with pytest.raises(ValueError, match="product must be one of"):
        convolutions(layer, "backward", np.ones((4, 2, 1, 1), bool))
