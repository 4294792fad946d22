"""Transposable masks against brute force over all patterns of a block."""

from functools import cache
from itertools import product

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from swatlib.core.selector_state import SelectorState
from swatlib.selectors.nm import nm_mask
from swatlib.selectors.transposable import (
    Transposable,
    row_patterns,
    transposable_mask,
    transposable_patterns,
)


@cache
def patterns_by_brute_force() -> list[tuple[int, ...]]:
    """Every 4 x 4 pattern of zeros and ones with two ones in each row and each column."""
    found = []
    for bits in product((0, 1), repeat=16):
        rows = [bits[4 * i : 4 * i + 4] for i in range(4)]
        if all(sum(r) == 2 for r in rows) and all(sum(c) == 2 for c in zip(*rows, strict=True)):
            found.append(bits)
    return found


def test_ninety_of_1296():
    """FST section 5.2: 1296 candidates with 2:4 rows, 90 of them transposable."""
    assert len(row_patterns()) == 1296
    got = {tuple(p.flatten().int().tolist()) for p in transposable_patterns()}
    assert len(transposable_patterns()) == len(got) == 90
    assert got == set(patterns_by_brute_force())


@pytest.mark.parametrize(
    ("n", "m", "count"), [(1, 2, 2), (1, 3, 6), (1, 4, 24), (3, 4, 24), (4, 4, 1)]
)
def test_other_patterns_are_counted(n, m, count):
    # One entry per row and column is a permutation, n! of them; n = m - 1 is its complement.
    assert len(transposable_patterns(n, m)) == count


def test_exact_is_the_best_of_ninety():
    blocks = torch.randn(30, 4, 4, dtype=torch.float64)
    for block in blocks:
        kept = block.abs()[transposable_mask(block)].sum()
        flat = block.abs().flatten().tolist()
        best = max(
            sum(v for v, taken in zip(flat, pattern, strict=True) if taken)
            for pattern in patterns_by_brute_force()
        )
        assert kept.item() == pytest.approx(best, rel=1e-12)


@pytest.mark.parametrize("exact", [True, False])
@settings(max_examples=30)
@given(
    shape=st.tuples(*[st.integers(1, 9)] * 2, *[st.integers(1, 3)] * 2),
    nm=st.sampled_from([(2, 4), (1, 4), (3, 4), (1, 2), (2, 3)]),
    dtype=st.sampled_from([torch.float32, torch.bfloat16]),
    last=st.booleans(),
)
def test_both_ways_at_most_n_of_m(exact, shape, nm, dtype, last):
    n, m = nm
    w = torch.randn(shape).to(dtype)
    if last:
        w = w.to(memory_format=torch.channels_last)
    mask = transposable_mask(w, n, m, exact)
    assert torch.equal(mask, transposable_mask(w.contiguous(), n, m, exact))
    matrix = mask.reshape(shape[0], -1)
    # It is N:M along both axes: choosing N:M of the mask itself drops nothing.
    for over in ("C", "N"):
        assert torch.equal(nm_mask(matrix.float(), n, m, over) & matrix, matrix)


def test_greedy_keeps_at_least_half_of_the_best():
    for block in torch.rand(100, 4, 4).pow(4):
        best = block[transposable_mask(block)].sum()
        assert block[transposable_mask(block, exact=False)].sum() >= best / 2


def test_seven_entries_may_beat_every_one_of_the_ninety():
    # Two per row and column of the 3 x 3 corner, and the opposite corner: no eighth entry has room,
    # so none of the 90 patterns contains these seven.
    block = torch.tensor([[1.0, 1, 0, 0], [0, 1, 1, 0], [1, 0, 1, 0], [0, 0, 0, 1]])
    assert block[transposable_mask(block)].sum() == 6
    assert block[transposable_mask(block, exact=False)].sum() == 7


def test_greedy_takes_by_falling_magnitude():
    # 9 and 8 fill row 0, 7 and 6 fill column 0; so 5 at (0, 2) and 4 at (3, 0) find no room.
    block = torch.tensor([[9.0, 8, 5, 0], [7, 0, 0, 3], [0, 2, 1, 0], [4, 0, 0, 0]])
    mask = transposable_mask(block, exact=False)
    assert mask[0].tolist() == [True, True, False, False]
    assert mask[:, 0].tolist() == [True, True, False, False]
    assert mask[1].tolist() == [True, False, False, True]
    assert mask[2].tolist() == [False, True, True, False]


def test_ties_take_the_first_pattern():
    assert torch.equal(transposable_mask(torch.ones(4, 4)), transposable_patterns()[0])


def test_blocks_are_cut_from_the_matrix_of_filters():
    w = torch.randn(8, 2, 2, 3)
    mask = transposable_mask(w).reshape(8, 12)
    for i, j in product(range(0, 8, 4), range(0, 12, 4)):
        block = w.reshape(8, 12)[i : i + 4, j : j + 4]
        assert torch.equal(mask[i : i + 4, j : j + 4], transposable_mask(block))


@pytest.mark.parametrize("exact", [True, False])
def test_nan_and_empty_still_give_a_mask(exact):
    w = torch.randn(4, 4)
    w[1, 2] = torch.nan
    assert (transposable_mask(w, exact=exact).sum(1) <= 2).all()
    assert transposable_mask(torch.empty(0, 4, 3, 3), exact=exact).shape == (0, 4, 3, 3)


def test_refreshed_every_period():
    first, second = torch.randn(4, 8), torch.randn(4, 8)
    memory = SelectorState(first, mask=True)
    selector = Transposable(period=3)
    assert torch.equal(selector.choose(second, memory, False), transposable_mask(second))
    third = second + 1
    for x, expected in ((first, first), (second, first), (third, first), (second, second)):
        assert torch.equal(selector.choose(x, memory), transposable_mask(expected))
        assert torch.equal(selector.choose(first, memory, False), transposable_mask(expected))


def test_text_and_defaults():
    assert str(Transposable()) == "2:4 transposable (period 40)"
    assert str(Transposable(exact=False, period=1)) == "2:4 transposable greedy"
    assert Transposable().sparsity == 0.5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n": 5}, r"n must be in \[1, 4\], got 5"),
        ({"n": 4, "m": 8}, "m must be at most 4 for an exact search, got 8"),
        ({"period": 0}, "period must be at least 1, got 0"),
    ],
)
def test_bad_values(arguments, message):
    with pytest.raises(ValueError, match=message):
        Transposable(**arguments)


def test_greedy_goes_beyond_four():
    mask = transposable_mask(torch.randn(16, 24), 4, 8, exact=False)
    assert (mask.reshape(16, 3, 8).sum(-1) <= 4).all()
    assert (mask.reshape(2, 8, 24).sum(1) <= 4).all()


def test_bad_tensors():
    with pytest.raises(TypeError, match="floating"):
        transposable_mask(torch.ones(4, 4, dtype=torch.int64))
    with pytest.raises(ValueError, match="at least 2 dimensions"):
        transposable_mask(torch.ones(4))
    with pytest.raises(ValueError, match="for weights"):
        Transposable().choose(torch.ones(4, 4), SelectorState(torch.ones(4, 8), mask=True))
