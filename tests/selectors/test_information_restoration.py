"""The fast weight gradient against Eq. 10 letter by letter: im2col and the explicit matrix T."""

import warnings

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from torch import Tensor

from swatlib.kernels import fastest
from swatlib.kernels.convolution import Geometry
from swatlib.methods.fst import fst
from swatlib.selectors import information_restoration
from swatlib.selectors.information_restoration import (
    FixedColumns,
    columns_needed,
    kept_pixels,
    pair_sum,
    shift_matrix,
    weight_gradient,
)
from swatlib.surgery.sparsify import sparsify_


def by_definition(
    grad: Tensor, x: Tensor, weight: tuple[int, ...], g: Geometry, restore: bool
) -> Tensor:
    """Return (G + G T) S(X^T), or G S(X^T), in float64, sample by sample and group by group."""
    grad, x = grad.double(), x.double()
    height, width = grad.shape[2:]
    keep, shift = torch.zeros(height * width), torch.zeros(height * width, height * width)
    for pixel in range(height * width):
        if pixel % width % 2 == 0:
            keep[pixel] = 1
        else:
            shift[pixel, pixel - 1] = 1
    dw = torch.zeros(g.groups, weight[0] // g.groups, weight[1] * weight[2] * weight[3])
    dw = dw.double()
    for sample, sample_grad in zip(x, grad, strict=True):
        for group in range(g.groups):
            channels = sample.chunk(g.groups)[group][None]
            # torch's own unfold, checked against loops in test_nm, is im2col.
            xt = torch.nn.functional.unfold(channels, weight[2:], g.dilation, g.padding, g.stride)
            s = keep.double()[:, None] * xt[0].T
            gradient = sample_grad.chunk(g.groups)[group].flatten(1)
            if restore:
                gradient = gradient + gradient @ shift.double()
            dw[group] += gradient @ s
    return dw.reshape(weight)


def problem(size, kernel, geometry, batch=2, channels=(1, 1), dtype=torch.float64):
    """Return grad, x and the weight's shape of a convolution with channels per group."""
    g = geometry
    x = torch.randn(batch, channels[0] * g.groups, *size, dtype=dtype)
    weight = torch.randn(channels[1] * g.groups, channels[0], *kernel, dtype=dtype)
    y = torch.conv2d(x, weight, None, g.stride, g.padding, g.dilation, g.groups)
    return torch.randn_like(y), x, weight.shape


@pytest.mark.filterwarnings("ignore:a depthwise")
@given(
    size=st.tuples(st.integers(1, 11), st.integers(1, 11)),
    kernel=st.tuples(st.integers(1, 7), st.integers(1, 7)),
    stride=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    padding=st.tuples(st.integers(0, 3), st.integers(0, 3)),
    dilation=st.tuples(st.integers(1, 2), st.integers(1, 2)),
    groups=st.integers(1, 3),
    channels=st.tuples(st.integers(1, 3), st.sampled_from([1, 2, 70])),
    last=st.booleans(),
    restore=st.booleans(),
    way=st.sampled_from(["", "dense", "doubled stride", "unfolded", "windows"]),
)
def test_every_way_is_the_definition(
    size, kernel, stride, padding, dilation, groups, channels, last, restore, way
):
    for n, k, p, d in zip(size, kernel, padding, dilation, strict=True):
        assume(n + 2 * p >= d * (k - 1) + 1)
    geometry = Geometry(stride, padding, dilation, groups)
    grad, x, shape = problem(size, kernel, geometry, channels=channels)
    if last:
        grad, x = (t.to(memory_format=torch.channels_last) for t in (grad, x))
    with pytest.MonkeyPatch.context() as patch:
        if way:
            patch.setattr(fastest, "way", lambda p, o, ways, rule, m: way if way in ways else rule)
        got = weight_gradient(grad, x, shape, geometry, restore)
    torch.testing.assert_close(got, by_definition(grad, x, shape, geometry, restore))


@pytest.mark.parametrize("setting", fastest.SETTINGS)
def test_every_setting_is_the_definition(setting):
    """A layer that the rule unfolds, one whose stride it doubles, a 1x1 and a depthwise one."""
    fastest.forget()
    for pixels, kernel, groups in ((2, 3, 1), (8, 3, 1), (8, 1, 1), (8, 3, 4)):
        geometry = Geometry((1, 1), (kernel // 2,) * 2, groups=groups)
        grad, x, shape = problem((pixels, pixels), (kernel, kernel), geometry, channels=(2, 8))
        with fastest.products(setting):
            got = weight_gradient(grad, x, shape, geometry)
            assert torch.equal(got, weight_gradient(grad, x, shape, geometry))
        torch.testing.assert_close(got, by_definition(grad, x, shape, geometry, True))
    found = fastest.choices()
    assert len(found) == (4 if setting == "auto" else 0)
    for choice, ways in zip(found, (4, 4, 4, 2), strict=False):
        assert len(choice.seconds) == ways
    fastest.forget()


@pytest.mark.parametrize("setting", fastest.SETTINGS)
def test_a_layer_trains_alike_in_every_setting(setting):
    torch.manual_seed(0)
    x = torch.randn(2, 3, 6, 6)
    layer = sparsify_(torch.nn.Conv2d(3, 4, 3, padding=1), fst(decay=0))
    layer(x).square().sum().backward()
    by_rule, layer.weight.grad = layer.weight.grad, None
    with fastest.products(setting):
        layer(x).square().sum().backward()
    torch.testing.assert_close(layer.weight.grad, by_rule)


@pytest.mark.parametrize("restore", [True, False])
@pytest.mark.parametrize("last", [True, False])
@pytest.mark.parametrize("kernel", [1, 2, 3, 5, 7])
@pytest.mark.parametrize("width", [7, 8])
def test_single_precision_agrees_to_rounding(kernel, width, last, restore):
    geometry = Geometry(padding=(kernel // 2,) * 2)
    grad, x, shape = problem(
        (width, width), (kernel, kernel), geometry, channels=(8, 16), dtype=torch.float32
    )
    if last:
        grad, x = (t.to(memory_format=torch.channels_last) for t in (grad, x))
    got = weight_gradient(grad, x, shape, geometry, restore)
    expected = by_definition(grad, x, shape, geometry, restore)
    torch.testing.assert_close(got.double(), expected, rtol=1e-4, atol=1e-4)
    assert got.dtype == torch.float32


def test_half_precision_runs():
    geometry = Geometry(padding=(1, 1))
    grad, x, shape = problem((8, 8), (3, 3), geometry, channels=(4, 4), dtype=torch.float32)
    got = weight_gradient(grad.bfloat16(), x.bfloat16(), shape, geometry)
    assert got.dtype == torch.bfloat16
    expected = by_definition(grad, x, shape, geometry, True)
    assert (got.double() - expected).norm() < 0.02 * expected.norm()


def test_figure_3_keeps_the_first_of_two_columns():
    """FST Figure 3: input [2, 5, 5], kernel 2 x 2, so 4 x 4 pixels; the second column is pruned."""
    assert kept_pixels(4, 4).tolist() == [True, False] * 8
    x = torch.arange(1.0, 51).reshape(1, 2, 5, 5)
    columns = torch.nn.functional.unfold(x, 2)[0]
    # The column indices that section 5.3 prints.
    assert columns[:, 0].tolist() == [1, 2, 6, 7, 26, 27, 31, 32]
    assert columns[:, 1].tolist() == [2, 3, 7, 8, 27, 28, 32, 33]
    restored = shift_matrix(4, 4) @ (kept_pixels(4, 4)[:, None] * columns.T)
    assert restored[1].tolist() == columns[:, 0].tolist()
    assert not restored[0].any()


def test_pairs_stay_within_a_row_and_the_last_odd_pixel_is_alone():
    assert kept_pixels(2, 3).tolist() == [True, False, True, True, False, True]
    expected = torch.zeros(6, 6)
    expected[1, 0] = expected[4, 3] = 1
    assert torch.equal(shift_matrix(2, 3), expected)
    grad = torch.tensor([[1.0, 20, 300], [4, 50, 600]])
    assert pair_sum(grad).tolist() == [[21, 300], [54, 600]]
    assert torch.equal(pair_sum(grad), (grad + (grad.flatten() @ expected).reshape(2, 3))[:, ::2])


def test_even_rows_are_two_of_four_everywhere():
    for height, width in ((3, 6), (5, 4), (1, 8)):
        kept = kept_pixels(height, width)
        assert (torch.nn.functional.pad(kept, (0, -len(kept) % 4)).reshape(-1, 4).sum(1) <= 2).all()


@pytest.mark.parametrize("width", [1, 2, 5, 6])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_pair_sum_keeps_layout_and_leaves_its_argument(width, layout):
    grad = torch.randn(2, 3, 4, width).to(memory_format=layout)
    before = grad.clone()
    total = pair_sum(grad)
    assert torch.equal(grad, before)
    assert total.shape == (2, 3, 4, (width + 1) // 2)
    assert total.is_contiguous(memory_format=layout)


def test_columns_alike_in_pairs_lose_nothing():
    """Eq. 9 is exact when the second column equals the first: restored is then dense."""
    x = torch.randn(2, 3, 5, 4, dtype=torch.float64).repeat_interleave(2, dim=3)
    shape = torch.Size((4, 3, 1, 1))
    grad = torch.randn(2, 4, 5, 8, dtype=torch.float64)
    dense = torch.nn.grad.conv2d_weight(x, shape, grad)
    torch.testing.assert_close(weight_gradient(grad, x, shape), dense)
    assert not torch.allclose(weight_gradient(grad, x, shape, restore=False), dense)


def test_width_one_is_dense():
    geometry = Geometry(padding=(1, 1))
    grad, x, shape = problem((6, 1), (3, 3), geometry, channels=(2, 3))
    dense = torch.nn.grad.conv2d_weight(x, shape, grad, padding=1)
    for restore in (True, False):
        torch.testing.assert_close(weight_gradient(grad, x, shape, geometry, restore), dense)


@pytest.mark.parametrize("kernel", [1, 3])
@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("setting", fastest.SETTINGS)
def test_empty_batch(kernel, groups, setting):
    geometry = Geometry((2, 2), (kernel // 2,) * 2, groups=groups)
    grad, x, shape = problem((6, 6), (kernel, kernel), geometry, batch=0, channels=(2, 3))
    with fastest.products(setting):
        got = weight_gradient(grad, x, shape, geometry)
    assert got.shape == shape
    assert not got.any()


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_a_pointwise_kernel_needs_only_the_kept_pixels(layout):
    x = torch.randn(2, 4, 6, 7).to(memory_format=layout)
    needed = columns_needed(x, torch.Size((8, 4, 1, 1)), Geometry())
    assert torch.equal(needed, x[..., ::2])
    assert needed.is_contiguous(memory_format=layout)
    assert needed.untyped_storage().nbytes() == 2 * 4 * 6 * 4 * 4
    strided = columns_needed(x, torch.Size((8, 4, 1, 1)), Geometry((3, 2)))
    assert torch.equal(strided, x[:, :, ::3, ::4])
    assert columns_needed(x, torch.Size((8, 4, 3, 3)), Geometry(padding=(1, 1))) is x


@pytest.mark.parametrize(
    ("grad", "x", "weight", "geometry", "message"),
    [
        ((2, 4, 8), (2, 3, 8, 8), (4, 3, 1, 1), Geometry(), "grad must have 4 dimensions"),
        ((2, 4, 8, 8), (2, 3, 8, 8), (4, 3), Geometry(), "weight_shape must have 4"),
        ((2, 4, 8, 7), (2, 3, 8, 8), (4, 3, 1, 1), Geometry(), "grad must have shape"),
        ((2, 4, 8, 8), (2, 3, 8, 8), (4, 2, 1, 1), Geometry(), "does not fit 3 input channels"),
        ((2, 4, 8, 8), (2, 6, 8, 8), (4, 2, 1, 1), Geometry(groups=3), "in 3 groups"),
        ((1, 4, 8, 8), (2, 3, 8, 8), (4, 3, 1, 1), Geometry(), "grad must have shape"),
    ],
)
def test_shapes_that_do_not_fit(grad, x, weight, geometry, message):
    with pytest.raises(ValueError, match=message):
        weight_gradient(torch.zeros(grad), torch.zeros(x), torch.Size(weight), geometry)


@pytest.mark.parametrize(("height", "width", "name"), [(0, 3, "height"), (3, -1, "width")])
def test_bad_sizes(height, width, name):
    with pytest.raises(ValueError, match=f"{name} must be at least 1"):
        shift_matrix(height, width)


def test_text():
    assert str(FixedColumns()) == "fixed columns, restored"
    assert str(FixedColumns(restore=False)) == "fixed columns"
    assert FixedColumns().sparsity == 0.5


def test_depthwise_under_a_stride_falls_back_and_says_so_once():
    information_restoration._say_once.cache_clear()
    geometry = Geometry((2, 2), (1, 1), groups=4)
    grad, x, shape = problem((7, 9), (3, 3), geometry, channels=(1, 2))
    with pytest.warns(UserWarning, match="depthwise convolution under a stride"):
        got = weight_gradient(grad, x, shape, geometry)
    with warnings.catch_warnings(action="error"):
        weight_gradient(grad, x, shape, geometry)
    torch.testing.assert_close(got, by_definition(grad, x, shape, geometry, True))


@pytest.mark.parametrize("width", [1, 2])
@pytest.mark.parametrize("batch", [0, 2])
def test_a_layer_of_narrow_or_empty_batches_trains(width, batch):
    layer = sparsify_(torch.nn.Conv2d(3, 4, 3, padding=1), fst(decay=0))
    layer(torch.randn(batch, 3, 5, width)).sum().backward()
    assert layer.weight.grad.isfinite().all()
    assert layer.weight.grad.any() == (batch > 0)


def test_a_pointwise_depthwise_kernel_under_a_stride_is_cut_and_not_slow():
    information_restoration._say_once.cache_clear()
    geometry = Geometry((2, 2), groups=4)
    grad, x, shape = problem((7, 9), (1, 1), geometry)
    with warnings.catch_warnings(action="error"):
        got = weight_gradient(grad, x, shape, geometry)
    torch.testing.assert_close(got, by_definition(grad, x, shape, geometry, True))
