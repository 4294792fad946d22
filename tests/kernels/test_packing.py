"""A tensor stored by its survivors comes back to the bit, in its layout, and never grows."""

from itertools import pairwise
from math import prod

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from swatlib.kernels.packing import compress, pack_bits, restore, unpack_bits

DTYPES = [torch.float64, torch.float32, torch.bfloat16, torch.float16]


def bits(x: Tensor) -> Tensor:
    """Return the bytes of a tensor in NCHW order, so that NaN and -0.0 compare."""
    return x.contiguous().reshape(-1).view(torch.uint8)


def same(a: Tensor, b: Tensor) -> bool:
    alike = (a.dtype, a.shape, a.stride()) == (b.dtype, b.shape, b.stride())
    return alike and torch.equal(bits(a), bits(b))


def with_zeros(shape: tuple[int, ...], density: float, dtype: torch.dtype) -> Tensor:
    x = torch.randn(shape, dtype=torch.float64)
    return torch.where(torch.rand(shape) < density, x, 0).to(dtype)


# Bits


@given(st.lists(st.booleans(), max_size=70))
def test_bits_are_those_of_numpy(entries: list[bool]) -> None:
    mask = torch.tensor(entries, dtype=torch.bool)
    packed = pack_bits(mask)
    expected = np.packbits(np.array(entries, dtype=bool), bitorder="little")
    assert packed.dtype == torch.uint8
    assert packed.tolist() == expected.tolist()
    assert unpack_bits(packed, len(entries)).tolist() == entries


def test_every_byte_is_packed_and_unpacked() -> None:
    everything = torch.arange(256, dtype=torch.uint8)
    assert torch.equal(pack_bits(unpack_bits(everything, 8 * 256)), everything)


# Tensors


@given(
    st.lists(st.integers(0, 9), max_size=4).map(tuple),
    st.sampled_from([0.0, 0.02, 0.1, 0.5, 0.97, 1.0]),
    st.sampled_from(DTYPES),
    st.permutations(range(4)),
)
def test_any_tensor_comes_back_and_never_grows(
    shape: tuple[int, ...], density: float, dtype: torch.dtype, order: list[int]
) -> None:
    # Every memory format: any order of the dimensions, channels-last among them.
    order = [d for d in order if d < len(shape)]
    x = with_zeros(tuple(shape[d] for d in order), density, dtype)
    x = x.permute([order.index(d) for d in range(len(shape))])
    stored = compress(x)
    assert same(restore(stored), x)
    assert stored.nbytes <= x.nbytes


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("density", [0.01, 0.03, 0.05, 0.08, 0.5, 0.9, 0.999])
def test_the_smallest_form_is_taken(density: float, dtype: torch.dtype) -> None:
    x = with_zeros((8, 16, 24, 24), density, dtype)
    kept = int(x.count_nonzero())
    sizes = {
        "bits": kept * x.itemsize + -(-x.numel() // 8),
        "gaps": kept * (x.itemsize + 2),
        "whole": x.nbytes,
    }
    stored = compress(x)
    assert stored.nbytes == min(sizes.values())
    form = min(sizes, key=lambda name: sizes[name])
    assert (stored.where is None) == (form == "whole")
    assert form != "gaps" or (stored.where is not None and stored.where.dtype == torch.int16)
    assert form != "bits" or (stored.where is not None and stored.where.dtype == torch.uint8)
    assert same(restore(stored), x)


def test_wide_gaps_take_more_bits() -> None:
    limit = torch.iinfo(torch.int16).max
    for gap, dtype in ((limit, torch.int16), (limit + 1, torch.int32)):
        x = torch.zeros(4 * limit)
        x[gap - 1 :: gap] = 1
        stored = compress(x)
        assert stored.where is not None
        assert stored.where.dtype == dtype
        positions = [-1, *x.nonzero()[:, 0].tolist()]
        assert stored.where.tolist() == [b - a for a, b in pairwise(positions)]
        assert same(restore(stored), x)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("value", [0.0, -0.0, 1.0, float("nan"), float("-inf"), 1e-40])
def test_constants_and_odd_values(dtype: torch.dtype, value: float) -> None:
    for shape in ((3, 5, 7), (1,), ()):
        constant = torch.full(shape, value, dtype=dtype)
        assert same(restore(compress(constant)), constant)
    one = torch.zeros(1000, dtype=dtype)
    one[17] = value
    stored = compress(one)
    assert stored.nbytes < one.nbytes
    assert same(restore(stored), one)


def test_zeros_take_no_memory() -> None:
    assert compress(torch.zeros(5, 7)).nbytes == 0


def test_a_slice_is_stored_as_it_is() -> None:
    x = torch.zeros(4, 6, 5)
    for part in (x[:, ::2], x[:, :3], x[:1].expand(9, 6, 5)):
        stored = compress(part)
        assert stored.where is None
        assert stored.values is part
        assert restore(stored) is part


def test_what_is_stored_is_no_part_of_what_was_given() -> None:
    x = with_zeros((prod((4, 5)),), 0.3, torch.float32)
    before = x.clone()
    stored = compress(x)
    x.fill_(7)
    assert same(restore(stored), before)
