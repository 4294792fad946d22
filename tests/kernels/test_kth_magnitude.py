"""Thresholds against sorting, sampled ones against the binomial law, periods against a count."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor

from swatlib.core.selector_state import SelectorState
from swatlib.kernels.kth_magnitude import (
    BRACKET,
    SAMPLE,
    keep_above,
    kth_magnitude,
    kth_mask,
    refreshed_magnitude,
    sampled_magnitude,
)

DTYPES = (torch.float32, torch.float64, torch.float16, torch.bfloat16)


def by_sorting(x: Tensor, k: int) -> NDArray[np.float64]:
    """Return the k-th largest magnitude of every row, by sorting in float64."""
    magnitude = np.abs(x.double().numpy())
    return -np.sort(-magnitude, axis=1)[:, k - 1]


@given(
    rows=st.integers(1, 4),
    n=st.integers(1, 60),
    position=st.floats(0, 1),
    dtype=st.sampled_from(DTYPES),
    values=st.sampled_from(["normal", "few", "constant", "zero"]),
    seed=st.integers(0, 100),
)
@hypothesis_settings(max_examples=30)
def test_is_the_kth_entry_of_the_sorted_magnitudes(
    rows: int, n: int, position: float, dtype: torch.dtype, values: str, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    x = {
        "normal": torch.randn(rows, n, generator=generator),
        "few": torch.randint(-2, 3, (rows, n), generator=generator).float(),
        "constant": torch.full((rows, n), -0.7),
        "zero": torch.zeros(rows, n),
    }[values].to(dtype)
    k = 1 + round(position * (n - 1))
    before = x.clone()
    threshold = kth_magnitude(x, k)
    assert threshold.shape == (rows,)
    assert threshold.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    np.testing.assert_array_equal(threshold.numpy(), by_sorting(x, k))
    assert torch.equal(x, before)


@pytest.mark.parametrize("n", [300, 2000, 20_000])
@pytest.mark.parametrize("dtype", DTYPES)
def test_every_way_to_select_finds_the_same(n: int, dtype: torch.dtype) -> None:
    # Distinct and equal entries, short and long rows are selected from in different ways.
    normal = torch.randn(3, n)
    for x in (normal, normal.relu(), normal.clamp(-0.3, 0.3), (normal > 0).float(), normal * 0):
        x = x.to(dtype)
        for k in (1, n // 10, n):
            kth = by_sorting(x, k)
            np.testing.assert_array_equal(kth_magnitude(x, k).numpy(), kth)
            mask = kth_mask(x, k)
            reached = np.abs(x.double().numpy()) >= kth[:, None]
            assert (mask is None) == bool((reached.sum(1) != k).any())
            if mask is not None:
                np.testing.assert_array_equal(mask.numpy(), reached)


def test_a_nan_leaves_the_mask_open() -> None:
    assert kth_mask(torch.tensor([[torch.nan, 1.0]]), 1) is None


def test_reads_a_strided_view() -> None:
    x = torch.randn(6, 40)[::2, ::3]
    np.testing.assert_array_equal(kth_magnitude(x, 4).numpy(), by_sorting(x, 4))
    x = torch.randn(40, 3).T
    np.testing.assert_array_equal(kth_magnitude(x, 4).numpy(), by_sorting(x, 4))


def test_nan_and_infinity_are_the_largest_magnitudes() -> None:
    nan, inf = torch.nan, torch.inf
    x = torch.tensor([[1.0, nan, -3.0, -inf, 2.0]])
    expected = [nan, inf, 3.0, 2.0, 1.0]
    found = [kth_magnitude(x, k).item() for k in range(1, 6)]
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("dtype", DTYPES)
def test_operators_keep_their_contract_with_the_compiler(dtype: torch.dtype) -> None:
    # Schema, fake tensors and mutation, checked by torch itself.
    x = torch.randn(300).to(dtype)
    kept, weight = SelectorState(x), torch.randn(7)
    memory = (kept.threshold, kept.steps, kept.version, SelectorState(weight).entries)
    tests = ("test_schema", "test_faketensor")
    torch.library.opcheck(kth_magnitude, (x.reshape(3, 100), 7), test_utils=tests)
    torch.library.opcheck(sampled_magnitude, (x, 30, 16), test_utils=tests)
    torch.library.opcheck(refreshed_magnitude, (x, weight, 30, 0, 4, *memory), test_utils=tests)


# Sampling


def test_a_short_vector_is_not_sampled() -> None:
    x = torch.randn(2 * 500 - 1)
    assert sampled_magnitude(x, 100, 500) == kth_magnitude(x[None], 100)[0]


@pytest.mark.parametrize("density", [0.5, 0.1, 0.02])
@pytest.mark.parametrize("shape", [(400_000,), (100, 4000)])
def test_sampled_density_is_within_the_binomial_error(
    density: float, shape: tuple[int, ...]
) -> None:
    # The law: realised density - d is normal with standard error sqrt(d (1 - d) / sample). A bias
    # shows in the mean of many draws, a wrong sample size in their spread.
    sample, draws = 4096, 40
    k = round(density * 400_000)
    errors = []
    for _ in range(draws):
        x = torch.randn(shape).reshape(-1)
        threshold = sampled_magnitude(x, k, sample)
        errors.append((x.abs() >= threshold).double().mean().item() - density)
    standard_error = (density * (1 - density) / sample) ** 0.5
    assert abs(np.mean(errors)) < 4 * standard_error / draws**0.5
    assert 0.6 < np.std(errors) / standard_error < 1.5


def test_the_default_sample_has_the_stated_error() -> None:
    x = torch.randn(1_000_000)
    threshold = sampled_magnitude(x, 100_000, SAMPLE)
    realised = (x.abs() >= threshold).double().mean().item()
    assert 0 < abs(realised - 0.1) < 4 * (0.1 * 0.9 / SAMPLE) ** 0.5


def test_sampling_repeats_and_leaves_the_random_state_alone() -> None:
    x = torch.randn(100_000)
    before = torch.get_rng_state()
    first = sampled_magnitude(x, 10_000, 1000)
    assert sampled_magnitude(x, 10_000, 1000) == first
    assert torch.equal(torch.get_rng_state(), before)


# Periods


@pytest.mark.parametrize("sample", [0, 1000])
def test_is_refreshed_on_every_period_th_step(sample: int) -> None:
    weight = torch.randn(3)
    memory = SelectorState(weight)
    kept = (memory.threshold, memory.steps, memory.version, memory.entries)
    found, fresh = [], []
    for step in range(10):
        x = torch.randn(5000) * (step + 1)
        weight += 1
        found.append(refreshed_magnitude(x, weight, 500, sample, 4, *kept).item())
        exact = sampled_magnitude(x, 500, sample) if sample else kth_magnitude(x[None], 500)[0]
        fresh.append(exact.item())
    assert found == [fresh[0]] * 4 + [fresh[4]] * 4 + [fresh[8]] * 2
    assert memory.steps.item() == 10
    assert memory.threshold.item() == fresh[8]


def test_a_returned_threshold_does_not_change_later() -> None:
    one, two = torch.ones(10), torch.full((10,), 2.0)
    memory = SelectorState(one)
    kept = (memory.threshold, memory.steps, memory.version, memory.entries)
    first = refreshed_magnitude(one, one, 3, 0, 1, *kept)
    refreshed_magnitude(two, two, 3, 0, 1, *kept)
    assert first.item() == 1


# Applying a threshold


@given(
    shape=st.lists(st.integers(0, 5), min_size=1, max_size=5),
    dtype=st.sampled_from(DTYPES),
    values=st.sampled_from(["normal", "few", "zero"]),
    threshold=st.sampled_from([0.0, 0.5, 1.0, 7.0]),
)
@hypothesis_settings(max_examples=30)
def test_keeps_what_reaches_the_threshold(
    shape: list[int], dtype: torch.dtype, values: str, threshold: float
) -> None:
    x = {
        "normal": torch.randn(shape),
        "few": torch.randint(-2, 3, shape).float() / 2,
        "zero": torch.zeros(shape),
    }[values].to(dtype)
    kept = keep_above(x, torch.tensor(threshold))
    reference = x.double().numpy()
    assert kept.dtype == dtype
    expected = np.where(np.abs(reference) >= threshold, reference, 0)
    np.testing.assert_array_equal(kept.double().numpy(), expected)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("one_per_slice", [False, True])
def test_nan_and_infinity_survive(dtype: torch.dtype, one_per_slice: bool) -> None:
    nan, inf = torch.nan, torch.inf
    x = torch.tensor([[1.0, nan, -inf, 0.5, 0.0]] * 20, dtype=dtype)
    for bound, kept in (
        (1.0, [1.0, nan, -inf, 0, 0]),
        (inf, [0, nan, -inf, 0, 0]),
        (nan, [1.0, nan, -inf, 0.5, 0]),
    ):
        threshold = torch.full((20, 1), bound) if one_per_slice else torch.tensor(bound)
        found = keep_above(x, threshold).double().numpy()
        np.testing.assert_array_equal(found, [kept] * 20)


def test_neighbouring_numbers_are_told_apart() -> None:
    # float32 and float64 take a path of their own on a CPU: one step below the threshold is out.
    for dtype in (torch.float32, torch.float64):
        one = torch.ones(1, dtype=dtype)
        below, above = (torch.nextafter(one, one * bound) for bound in (0, 2))
        x = torch.cat([below, one, above, -below, -one, -above]).repeat(5)
        kept = keep_above(x, one[0])
        assert (kept != 0).tolist() == [False, True, True] * 10
        assert torch.equal(kept[kept != 0], x[kept != 0])


@pytest.mark.parametrize("dtype", DTYPES)
def test_memory_format_stays(dtype: torch.dtype) -> None:
    x = torch.randn(2, 6, 5, 3).to(dtype).to(memory_format=torch.channels_last)
    for threshold in (torch.tensor(0.5), torch.full((2, 1, 1, 1), 0.5)):
        kept = keep_above(x, threshold)
        assert kept.is_contiguous(memory_format=torch.channels_last)
        assert torch.equal(kept, torch.where(x.abs() >= 0.5, x, 0))


def test_one_threshold_per_slice() -> None:
    x = torch.tensor([[1.0, -2.0, 3.0], [10.0, 20.0, -30.0]])
    kept = keep_above(x, torch.tensor([[2.0], [15.0]]))
    assert kept.tolist() == [[0, -2, 3], [0, 20, -30]]


def _awkward(kind, n, dtype):
    x = torch.randn(n, generator=torch.Generator().manual_seed(0))
    made = {
        "gaussian": x,
        "rectified": (x - 0.5).relu(),
        "clamped": x.clamp(-0.3, 0.3),
        "binary": (x > 0).float(),
        "constant": torch.full((n,), 0.7),
        "zero": torch.zeros(n),
        "sorted": x.sort().values,
        "falling": x.sort(descending=True).values,
        "one_large": torch.cat([torch.ones(1) * 9, torch.zeros(n - 1)]),
        "with_NaN": torch.where(x > 2, torch.nan, x),
        "with_infinity": torch.where(x > 2, -torch.inf, x),
        # What equal steps through memory see least of.
        "periodic": torch.arange(n).remainder(17).float(),
    }
    return made[kind].to(dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16, torch.float64])
@pytest.mark.parametrize(
    "kind",
    [
        "gaussian",
        "rectified",
        "clamped",
        "binary",
        "constant",
        "zero",
        "sorted",
        "falling",
        "one_large",
        "with_NaN",
        "with_infinity",
        "periodic",
    ],
)
def test_long_rows_of_any_kind(kind, dtype):
    n = 5 * BRACKET + 3
    x = _awkward(kind, n, dtype)
    magnitude = x.double().abs().nan_to_num(nan=torch.inf, posinf=torch.inf).sort().values
    for k in (1, 2, 7, n // 10, n // 2, n - 2 * BRACKET, n - 1, n):
        kth = kth_magnitude(torch.stack([x, x.flip(0)]), k).double()
        assert torch.equal(kth.nan_to_num(nan=torch.inf, posinf=torch.inf), magnitude[[-k, -k]])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16, torch.float64])
@pytest.mark.parametrize("bound", [0.0, -1.0, 1e-40, 0.1, 0.7, 3.0, float("inf"), float("nan")])
def test_keeping_is_comparing_in_every_dtype(bound, dtype):
    x = torch.cat([torch.randn(500), torch.tensor([0.0, -0.0, torch.inf, -torch.inf, torch.nan])])
    x = x.to(dtype)
    threshold = torch.tensor(
        bound, dtype=torch.float64 if dtype == torch.float64 else torch.float32
    )
    wanted = torch.where(x.abs().to(threshold.dtype) < threshold, 0, x)
    assert torch.equal(keep_above(x, threshold).nan_to_num(), wanted.nan_to_num())
    assert torch.equal(keep_above(x, threshold).isnan(), wanted.isnan())
    for entry in x[:9]:  # thresholds that are entries
        kept = keep_above(x, entry.abs().to(threshold.dtype))
        assert torch.equal(kept != 0, (x.abs() >= entry.abs()) & (x != 0) | x.isnan())
