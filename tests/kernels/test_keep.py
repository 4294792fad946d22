"""Applying a mask, bit by bit or entry by entry, is torch.where."""

import pytest
import torch

from swatlib.kernels.keep import keep, masked


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("alike", [True, False])
def test_zeros_outside_and_nothing_else(dtype, layout, alike):
    x = torch.randn(3, 4, 5, 6).to(dtype).contiguous(memory_format=layout)
    x[0, 0, 0, :3] = torch.tensor([torch.nan, torch.inf, -0.0])
    x[2, 3, 4, 3:] = torch.tensor([torch.nan, -torch.inf, 1e-7])
    before = x.clone()
    mask = torch.rand(3, 4, 5, 6) < 0.5
    mask[0, 0, 0], mask[2, 3, 4] = True, False
    other = torch.contiguous_format if layout is torch.channels_last else torch.channels_last
    mask = mask.contiguous(memory_format=layout if alike else other)
    got = masked(x, mask)
    assert got.dtype == dtype
    assert got.stride() == x.stride()
    torch.testing.assert_close(
        got, torch.where(mask, before, 0), rtol=0, atol=0, equal_nan=True, check_stride=False
    )
    torch.testing.assert_close(x, before, rtol=0, atol=0, equal_nan=True)


def test_broadcast_strided_empty():
    x = torch.randn(4, 3, 2, 2)
    one = torch.rand(1, 3, 2, 2) < 0.5
    assert torch.equal(masked(x, one), x * one)
    part, mask = torch.randn(6, 8)[:, ::2], torch.rand(6, 8)[:, ::2] < 0.5
    assert torch.equal(masked(part, mask), part * mask)
    assert masked(x[:0], one[:0]).shape == (0, 3, 2, 2)


def test_gradients_pass_where_the_mask_is():
    x = torch.randn(5, requires_grad=True)
    mask = torch.tensor([True, False, True, True, False])
    masked(x, mask).sum().backward()
    assert torch.equal(x.grad, mask.float())


def test_keep_takes_a_mask_a_threshold_or_nothing():
    x = torch.tensor([3.0, -1, 2])
    assert keep(x, None) is x
    assert keep(x, torch.tensor([True, False, False])).tolist() == [3, 0, 0]
    assert keep(x, torch.tensor(2.0)).tolist() == [3, 0, 2]
