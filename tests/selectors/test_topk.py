"""Selectors keep what their definition says; a period counts training steps and nothing else."""

from dataclasses import FrozenInstanceError
from math import ceil

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor

from swatlib.core.selector_state import SelectorState
from swatlib.kernels.keep import keep
from swatlib.kernels.kth_magnitude import SAMPLE
from swatlib.selectors import (
    RandomK,
    TopColumns,
    TopK,
    kept_count,
    random_mask,
    topk_mask,
    topk_threshold,
)

DTYPES = (torch.float32, torch.float64, torch.float16, torch.bfloat16)
OVER = ("NCHW", "CHW", "HW", "C", "NHW")

shapes = st.lists(st.integers(1, 5), min_size=1, max_size=5)
sparsities = st.sampled_from([0.0, 0.3, 0.5, 0.8, 0.9, 0.99])


def tensor(values: str, shape: list[int], dtype: torch.dtype) -> Tensor:
    return {
        "normal": torch.randn(shape),
        "few": torch.randint(-2, 3, shape).float(),
        "constant": torch.full(shape, 0.7),
        "zero": torch.zeros(shape),
    }[values].to(dtype)


def slices(x: NDArray, over: str) -> list[tuple]:
    """Return the index of every slice whose entries compete: a loop over the other dimensions."""
    # A fifth dimension is a slice of its own unless the whole tensor competes.
    together = [over == "NCHW" or (d < 4 and "NCHW"[d] in over) for d in range(x.ndim)]
    fixed = [1 if one else size for one, size in zip(together, x.shape, strict=True)]
    return [
        tuple(slice(None) if one else i for one, i in zip(together, index, strict=True))
        for index in np.ndindex(*fixed)
    ]


# How many


# Top-K against sorting


@given(shapes, st.sampled_from(DTYPES), st.sampled_from(["normal", "few", "constant", "zero"]))
@hypothesis_settings(max_examples=30)
def test_topk_keeps_what_reaches_the_kth_magnitude_of_its_slice(
    shape: list[int], dtype: torch.dtype, values: str
) -> None:
    x = tensor(values, shape, dtype)
    reference = x.double().numpy()
    for over in OVER:
        for sparsity in (0.0, 0.5, 0.9):
            expected = np.zeros_like(reference)
            for index in slices(reference, over):
                part = np.ravel(reference[index])
                k = ceil(round((1 - sparsity) * part.size, 6))
                kth = np.sort(np.abs(part))[::-1][k - 1]
                expected[index] = np.where(np.abs(reference[index]) >= kth, reference[index], 0)
            kept = keep(x, TopK(sparsity, over).choose(x))
            assert kept.dtype == dtype
            np.testing.assert_array_equal(kept.double().numpy(), expected, f"{over} {sparsity}")


@given(shapes, st.sampled_from(DTYPES), st.sampled_from(["normal", "few", "constant", "zero"]))
@hypothesis_settings(max_examples=30)
def test_exact_topk_keeps_exactly_k_and_the_first_of_ties(
    shape: list[int], dtype: torch.dtype, values: str
) -> None:
    x = tensor(values, shape, dtype)
    reference = x.double().numpy()
    for over in OVER:
        for sparsity in (0.0, 0.5, 0.9):
            expected = np.zeros(shape, dtype=bool)
            for index in slices(reference, over):
                part = reference[index]
                k = ceil(round((1 - sparsity) * part.size, 6))
                # Python's sort is stable: equal magnitudes stay in NCHW order.
                order = sorted(range(part.size), key=lambda i: -abs(part.flat[i]))[:k]
                chosen = np.zeros(part.size, dtype=bool)
                chosen[order] = True
                expected[index] = chosen.reshape(np.shape(part))
            mask = TopK(sparsity, over, exact=True).choose(x)
            assert mask.dtype == torch.bool
            np.testing.assert_array_equal(mask.numpy(), expected, f"{over} {sparsity}")


@pytest.mark.parametrize("over", OVER)
def test_memory_format_changes_nothing(over: str) -> None:
    # Few distinct values, so that the order of ties would show.
    x = torch.randint(-3, 4, (3, 6, 5, 4)).float()
    last = x.to(memory_format=torch.channels_last)
    strided = torch.stack([x, x], dim=-1)[..., 0]
    for view in (last, strided):
        assert torch.equal(topk_mask(view, 0.7, over), topk_mask(x, 0.7, over))
        assert torch.equal(topk_threshold(view, 0.7, over), topk_threshold(x, 0.7, over))
    for exact in (False, True):
        kept = keep(last, TopK(0.7, over, exact).choose(last))
        assert kept.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("over", OVER)
def test_an_empty_tensor_stays_empty(over: str) -> None:
    for shape in ((0,), (0, 3), (0, 3, 4, 4), (2, 3, 0, 4)):
        x = torch.empty(shape)
        for selector in (TopK(0.9, over), TopK(0.9, over, exact=True), RandomK(0.9, over)):
            assert keep(x, selector.choose(x)).shape == x.shape
    x = torch.empty(0, 3)
    assert keep(x, TopK(0.9, period=3).choose(x, SelectorState(x))).shape == x.shape
    assert keep(x, TopColumns(0.5).choose(x)).shape == x.shape


@pytest.mark.parametrize("exact", [False, True])
def test_nan_stays_visible(exact: bool) -> None:
    x = torch.randn(4, 3, 5, 5)
    x[1, 2, 3, 4] = torch.nan
    for over in ("NCHW", "CHW", "HW"):
        kept = keep(x, TopK(0.9, over, exact).choose(x))
        assert kept.isnan().nonzero().tolist() == [[1, 2, 3, 4]]
        assert 0 < kept[0].count_nonzero() < x[0].numel()


def test_a_threshold_has_no_gradient() -> None:
    x = torch.randn(10, requires_grad=True)
    assert not topk_threshold(x, 0.5).requires_grad
    assert not TopK(0.5).choose(x).requires_grad


def test_an_empty_tensor_has_no_threshold() -> None:
    with pytest.raises(ValueError, match=r"x must not be empty, got shape \(0, 3\)"):
        topk_threshold(torch.empty(0, 3), 0.5)


def test_sampled_topk_is_near_its_density() -> None:
    x = torch.randn(64, 32, 16, 16)
    threshold = TopK(0.9, sample=8192).choose(x)
    density = (x.abs() >= threshold).double().mean().item()
    # Four standard errors; 0.7 would have to be asked for by mistake to come near to it.
    assert abs(density - 0.1) < 4 * (0.1 * 0.9 / 8192) ** 0.5
    assert threshold != TopK(0.9).choose(x)


# The other selectors


@given(shapes, st.sampled_from(OVER), sparsities)
@hypothesis_settings(max_examples=30)
def test_random_keeps_exactly_k_of_every_slice(
    shape: list[int], over: str, sparsity: float
) -> None:
    mask = RandomK(sparsity, over).choose(torch.zeros(shape)).numpy()
    assert mask.shape == tuple(shape)
    for index in slices(mask, over):
        assert mask[index].sum() == ceil(round((1 - sparsity) * mask[index].size, 6))


def test_random_is_uniform_new_on_every_call_and_follows_the_seed() -> None:
    x = torch.zeros(20)
    total = sum(RandomK(0.75).choose(x).double() for _ in range(2000))
    # Binomial(2000, 1/4) for every place: 500, standard deviation 19.4.
    assert isinstance(total, Tensor)
    assert (total - 500).abs().max() < 4.5 * 19.4
    masks = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        masks.append(RandomK(0.5).choose(torch.zeros(100)))
    assert torch.equal(masks[0], masks[1])
    assert not torch.equal(masks[1], masks[2])
    generator = torch.Generator().manual_seed(5)
    first = random_mask(torch.zeros(100), 0.5, generator=generator)
    again = random_mask(torch.zeros(100), 0.5, generator=generator.manual_seed(5))
    assert torch.equal(first, again)


def test_columns_are_those_of_largest_sum_over_the_batch() -> None:
    # Column sums of magnitudes: 5, 6, 7, 1. The largest single entry is in the column of 5.
    g = torch.tensor([[5.0, -3.0, 3.5, 0.5], [0.0, 3.0, -3.5, -0.5]])
    mask = TopColumns(0.5).choose(g)
    assert mask.tolist() == [[False, True, True, False]]
    assert keep(g, mask).tolist() == [[0, -3, 3.5, 0], [0, 3, -3.5, 0]]


def test_columns_of_a_convolution_are_positions() -> None:
    g = torch.randn(4, 3, 5, 5, dtype=torch.float64)
    mask = TopColumns(0.8).choose(g)
    assert mask.shape == (1, 3, 5, 5)
    assert mask.sum() == 15
    strength = g.abs().sum(0, keepdim=True)
    assert strength[mask].min() > strength[~mask].max()


# Periods


def test_a_period_counts_training_steps_only() -> None:
    weight = torch.randn(80)
    selector, memory = TopK(0.9, period=3), SelectorState(weight)
    found, fresh = [], []
    for _ in range(9):
        x = torch.randn(200)
        weight.add_(1)  # an optimizer step
        found.append(selector.choose(x, memory, weight=weight).item())
        fresh.append(TopK(0.9).choose(x).item())
        # The same weight: other micro-batches of the same step, and a recomputation.
        assert selector.choose(torch.randn(50), memory, weight=weight).item() == found[-1]
        # Evaluation on other data in between, as after an epoch: it reads and never writes.
        for _ in range(5):
            evaluated = selector.choose(torch.randn(200) * 9, memory, training=False)
            assert evaluated.item() == found[-1]
    assert found == [fresh[0]] * 3 + [fresh[3]] * 3 + [fresh[6]] * 3
    assert memory.steps.item() == 9


def test_evaluation_before_training_uses_a_fresh_threshold_and_keeps_none() -> None:
    selector, memory = TopK(0.9, period=3), SelectorState(torch.empty(0))
    for _ in range(2):
        x = torch.randn(200)
        assert selector.choose(x, memory, training=False) == TopK(0.9).choose(x)
    assert memory.threshold.isnan()
    assert memory.steps.item() == 0


def test_a_period_works_with_a_sample_and_without_memory() -> None:
    selector, x = TopK(0.9, sample=100, period=4), torch.randn(5000)
    assert selector.choose(x) == TopK(0.9, sample=100).choose(x)
    assert selector.choose(x, SelectorState(x), weight=x) == TopK(0.9, sample=100).choose(x)


# Values


def test_selectors_are_values() -> None:
    assert TopK(0.9) == TopK(0.9)
    assert hash(TopK(0.9)) == hash(TopK(0.9))
    assert TopK(0.9) != TopK(0.8)
    assert TopK(0.9) != RandomK(0.9)
    assert TopK(0.9, sample=True) == TopK(0.9, sample=SAMPLE)
    with pytest.raises(FrozenInstanceError):
        TopK(0.9).sparsity = 0.5  # type: ignore[misc]


@pytest.mark.parametrize(
    ("selector", "text"),
    [
        (TopK(0.9), "TopK 0.9"),
        (TopK(0.9, "CHW", exact=True), "TopK 0.9 over CHW (exact K)"),
        (TopK(0.9, sample=64, period=5), "TopK 0.9 (sample 64, period 5)"),
        (RandomK(0.25, "HW"), "RandomK 0.25 over HW"),
        (TopColumns(0.5), "TopK 0.5 columns of the batch"),
    ],
)
def test_selectors_print_what_they_do(selector: object, text: str) -> None:
    assert str(selector) == text


# Bad input


@pytest.mark.parametrize("make", [TopK, RandomK, TopColumns, lambda s: kept_count(10, s)])
@pytest.mark.parametrize("sparsity", [1, 1.0, -0.1, 1.2, float("nan"), float("inf"), "0.5", None])
def test_sparsity_out_of_range(make, sparsity) -> None:  # type: ignore[no-untyped-def]
    wrong = r"sparsity must be (a number )?in \[0, 1\), got "
    with pytest.raises((ValueError, TypeError), match=wrong) as error:
        make(sparsity)
    assert repr(sparsity) in str(error.value)


@pytest.mark.parametrize("over", ["", "NCHWD", "nchw", "X"])
def test_unknown_dimensions(over: str) -> None:
    message = f"over must name dimensions out of 'NCHW', got '{over}'"
    for call in (
        lambda: TopK(0.5, over),
        lambda: RandomK(0.5, over),
        lambda: topk_threshold(torch.ones(3), 0.5, over),
        lambda: topk_mask(torch.ones(3), 0.5, over),
    ):
        with pytest.raises(ValueError, match=message):
            call()


@pytest.mark.parametrize("function", [topk_threshold, topk_mask])
def test_integers_have_no_magnitude_to_speak_of(function) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(TypeError, match=r"x must have a floating dtype, got torch\.int64"):
        function(torch.arange(4), 0.5)
    with pytest.raises(TypeError, match=r"torch\.int64"):
        TopK(0.5).choose(torch.arange(4))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sample": -1}, "sample must be at least 0, got -1"),
        ({"period": 0}, "period must be at least 1, got 0"),
        ({"sample": 9, "over": "CHW"}, "sample=9 needs over='NCHW' .* got 'CHW'"),
        ({"period": 2, "over": "HW"}, "period=2 needs over='NCHW' .* got 'HW'"),
        ({"sample": 9, "exact": True}, "sample needs a threshold: exact must be False, got True"),
        ({"period": 2, "exact": True}, "period needs a threshold: exact must be False, got True"),
    ],
)
def test_options_that_do_not_go_together(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TopK(0.5, **options)


def test_slices_are_not_sampled() -> None:
    with pytest.raises(ValueError, match=r"sample=9 needs over='NCHW' .* got 'CHW'"):
        topk_threshold(torch.ones(2, 3), 0.5, "CHW", sample=9)


def test_periods_that_do_not_exist() -> None:
    with pytest.raises(ValueError, match="period of a random selector must be 1, got 2"):
        RandomK(0.5, period=2)
    with pytest.raises(ValueError, match="period of a unified selector must be 1, got 2"):
        TopColumns(0.5, period=2)
