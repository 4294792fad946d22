"""Allocations keep the budget, stay in range and follow their formulas."""

from math import prod

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swatlib.core.allocation import erk, momentum, uniform

shapes = st.lists(
    st.tuples(st.integers(1, 64), st.integers(1, 64), st.integers(1, 7), st.integers(1, 7)),
    min_size=1,
    max_size=12,
)
sparsities = st.floats(0, 0.999)


@given(shapes, sparsities)
def test_uniform(shapes: list, sparsity: float) -> None:
    densities = uniform(shapes, sparsity)
    assert densities[0] == 1
    assert densities[1:] == [1 - sparsity] * (len(shapes) - 1)
    assert uniform(shapes, sparsity, first_dense=False) == [1 - sparsity] * len(shapes)


@given(shapes, sparsities)
def test_erk_meets_the_budget_exactly(shapes: list, sparsity: float) -> None:
    densities = erk(shapes, sparsity)
    sizes = [prod(shape) for shape in shapes]
    assert all(0 < d <= 1 for d in densities)
    active = sum(d * n for d, n in zip(densities, sizes, strict=True))
    assert active == pytest.approx((1 - sparsity) * sum(sizes), rel=1e-9)


@given(shapes, sparsities)
def test_erk_layers_below_one_follow_the_formula(shapes: list, sparsity: float) -> None:
    densities = erk(shapes, sparsity)
    eps = [d * prod(s) / sum(s) for d, s in zip(densities, shapes, strict=True) if d < 1]
    assert not eps or max(eps) == pytest.approx(min(eps), rel=1e-9)
    # A layer is dense only because the common eps would overfill it.
    if eps:
        for density, shape in zip(densities, shapes, strict=True):
            if density == 1:
                assert eps[0] * sum(shape) / prod(shape) >= 1 - 1e-9


def test_erk_by_hand() -> None:
    # (2, 2): raw density 4/4 = 1; (8, 8): 16/64 = 1/4. At sparsity 0.5 the budget is 34 of 68:
    # eps = 34 / (4 + 16) = 1.7 overfills the small layer, so it is dense and
    # the large one keeps 30 of 64.
    assert erk([(2, 2), (8, 8)], 0.5) == [1.0, pytest.approx(30 / 64)]


sizes_and_momenta = st.lists(
    st.tuples(st.integers(1, 5000), st.floats(0, 10)), min_size=1, max_size=10
).filter(lambda pairs: sum(m for _, m in pairs) > 1e-3)


@given(sizes_and_momenta, st.floats(0.01, 0.99))
def test_momentum_counts(pairs: list, sparsity: float) -> None:
    sizes = [n for n, _ in pairs]
    counts = momentum(sizes, [m for _, m in pairs], sparsity)
    assert all(0 <= k <= n for k, n in zip(counts, sizes, strict=True))
    budget = (1 - sparsity) * sum(sizes)
    # Rounding up adds at most one a layer, filling a layer at 0.99 at most 1 % of it; a layer that
    # owes what `full` rounded up cannot go below zero.
    assert sum(counts) <= budget + len(sizes) + 0.0102 * sum(sizes)
    assert sum(counts) >= budget - 1e-6 * sum(sizes)


def test_momentum_shares_in_proportion() -> None:
    # Budget 100 of 1000: shares 3/4 and 1/4.
    assert momentum([500, 500], [0.3, 0.1], 0.9) == [75, 25]


def test_momentum_overflow_is_shared_equally() -> None:
    # Budget 150 of 300. Shares 2/3, 1/6, 1/6: 100, 25, 25. The first holds 40: the other
    # 60 go 30 and 30.
    assert momentum([40, 130, 130], [4, 1, 1], 0.5) == [40, 55, 55]


def test_momentum_overflow_cascades() -> None:
    # Budget 180 of 300: 120, 30, 30; the first takes 40, the rest 80 gives 70 and 70; the
    # second holds 60, the last 10 go to the third.
    assert momentum([40, 60, 200], [4, 1, 1], 0.4) == [40, 60, 80]


@pytest.mark.parametrize("allocate", [uniform, erk])
@pytest.mark.parametrize(
    ("shapes", "sparsity", "message"),
    [
        ([], 0.5, "shapes must name at least one layer"),
        ([(4, 0)], 0.5, r"every layer must have weights, got shape \(4, 0\)"),
        ([(4, 4)], 1.0, r"sparsity must be in \[0, 1\), got 1.0"),
        ([(4, 4)], -0.1, r"sparsity must be in \[0, 1\)"),
        ([(4, 4)], float("nan"), r"sparsity must be in \[0, 1\)"),
    ],
)
def test_bad_input(allocate: object, shapes: list, sparsity: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        allocate(shapes, sparsity)


def test_bad_momentum() -> None:
    with pytest.raises(ValueError, match="one value per layer"):
        momentum([10, 10], [1.0], 0.5)
    with pytest.raises(ValueError, match="not all zero"):
        momentum([10, 10], [0.0, 0.0], 0.5)
    with pytest.raises(ValueError, match="not negative"):
        momentum([10, 10], [2.0, -1.0], 0.5)


def test_zero_sparsity_is_dense() -> None:
    assert erk([(8, 8, 3, 3), (4, 8)], 0.0) == pytest.approx([1.0, 1.0])
    assert momentum([10, 20], [1.0, 2.0], 0.0) == [10, 20]
