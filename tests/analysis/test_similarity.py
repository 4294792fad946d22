"""Entropies against loops and against distributions whose entropy is known."""

from collections import Counter
from itertools import pairwise
from math import log2

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from swatlib.analysis.similarity import (
    adjacent_difference,
    column_correlation,
    column_similarity,
    conditional_entropy,
    entropy,
    normalized,
    quantize,
    reconstruction,
    scattered,
)


def entropy_by_loop(values) -> float:
    counts = Counter(values)
    n = sum(counts.values())
    return -sum(c / n * log2(c / n) for c in counts.values())


def conditional_by_loop(values, given_values) -> float:
    """Eq. 11 as printed: the sum over x' of p(x') H(X | X' = x')."""
    n = len(values)
    total = 0.0
    for known, count in Counter(given_values).items():
        rest = [v for v, g in zip(values, given_values, strict=True) if g == known]
        total += count / n * entropy_by_loop(rest)
    return total


@given(st.lists(st.tuples(st.integers(-3, 5), st.integers(0, 4)), min_size=1, max_size=60))
def test_entropies_are_the_loops(pairs):
    x, known = [p[0] for p in pairs], [p[1] for p in pairs]
    tx, tk = torch.tensor(x), torch.tensor(known)
    assert entropy(tx) == pytest.approx(entropy_by_loop(x), abs=1e-12)
    assert conditional_entropy(tx, tk) == pytest.approx(conditional_by_loop(x, known), abs=1e-12)
    assert -1e-12 <= conditional_entropy(tx, tk) <= entropy(tx) + 1e-12


def test_known_entropies():
    assert entropy(torch.arange(256)) == pytest.approx(8)
    assert entropy(torch.zeros(10, dtype=torch.int64)) == 0
    x = torch.arange(16)
    assert conditional_entropy(x, x) == pytest.approx(0)
    assert conditional_entropy(x % 4, x // 4) == pytest.approx(2)


def test_miller_madow_brings_a_small_sample_nearer_the_truth():
    # 64 equally likely symbols have 6 bits; 200 draws find fewer.
    draws = torch.randint(64, (100, 200))
    plain = sum(entropy(d) for d in draws) / 100
    corrected = sum(entropy(d, "miller-madow") for d in draws) / 100
    assert plain < 5.85
    assert abs(corrected - 6) < 0.06


def test_quantize_is_uniform_over_the_range():
    x = torch.tensor([0.0, 0.24, 0.26, 0.5, 0.99, 1.0])
    assert quantize(x, bits=2).tolist() == [0, 0, 1, 2, 3, 3]
    assert quantize(2 * x - 7, bits=2).tolist() == [0, 0, 1, 2, 3, 3]
    assert quantize(torch.full((3,), 5.0)).tolist() == [0, 0, 0]
    assert quantize(torch.rand(1000)).unique().numel() > 200
    assert quantize(torch.empty(0)).shape == (0,)


def test_smooth_maps_are_similar_and_noise_is_not():
    noise = torch.rand(4, 1, 64, 64)
    smooth = torch.nn.functional.avg_pool2d(noise, 9, stride=1)
    assert column_similarity(smooth, bits=4).similarity > 1
    assert column_similarity(noise, bits=4).similarity < 0.1
    # Fine bins and few pixels: plug-in similarity of noise is an artefact, as large when shuffled.
    fine, shuffled = column_similarity(noise), column_similarity(noise, shuffled=True)
    assert fine.similarity > 2
    assert fine.similarity == pytest.approx(shuffled.similarity, rel=0.03)
    # The correction helps where cells are filled at least about once each.
    plain = column_similarity(noise, bits=5).similarity
    corrected = column_similarity(noise, bits=5, correction="miller-madow").similarity
    assert abs(corrected) < 0.25 * plain


def test_averaged_over_images():
    x = torch.rand(3, 2, 5, 6)
    each = [column_similarity(image[None], bits=3) for image in x]
    together = column_similarity(x, bits=3)
    for field in ("entropy", "conditional", "similarity"):
        mean = sum(getattr(s, field) for s in each) / 3
        assert getattr(together, field) == pytest.approx(mean)
    assert together.pairs == 2 * 5 * 5
    levels = quantize(x[0], 3)
    here, left = levels[..., 1:].flatten().tolist(), levels[..., :-1].flatten().tolist()
    assert each[0].entropy == pytest.approx(entropy_by_loop(here))
    assert each[0].conditional == pytest.approx(conditional_by_loop(here, left))


def test_shuffling_repeats_with_a_generator():
    x = torch.rand(2, 1, 8, 8)
    first, second = (
        column_similarity(x, shuffled=True, generator=torch.Generator().manual_seed(1))
        for _ in range(2)
    )
    assert first == second


def test_maps_of_figure_5():
    x = torch.tensor([[[[1.0, 4.0, 9.0, 16.0, 25.0]]]])
    assert adjacent_difference(x).tolist() == [[[[-3, -5, -7, -9]]]]
    assert reconstruction(x).tolist() == [[[[1, 1, 9, 9, 25]]]]
    assert reconstruction(x[..., :4]).tolist() == [[[[1, 1, 9, 9]]]]
    assert normalized(x).flatten().tolist() == pytest.approx([0, 0.125, 8 / 24, 0.625, 1])
    assert not normalized(torch.ones(3)).any()
    last = torch.rand(2, 3, 4, 5).to(memory_format=torch.channels_last)
    assert torch.equal(reconstruction(last), reconstruction(last.contiguous()))


@pytest.mark.parametrize("bits", [0, 17, 2.5])
def test_bad_bits(bits):
    with pytest.raises((ValueError, TypeError), match=r"bits must be (an integer )?in"):
        quantize(torch.rand(4), bits)


def test_symbols_far_apart_are_counted_too():
    x = torch.tensor([0, 2**40, 0, -(2**40)])
    assert entropy(x) == pytest.approx(1.5)
    assert entropy(x.clamp(-1, 1) - 7) == pytest.approx(1.5)


def test_scattered_keeps_pixels_and_their_colours():
    x = torch.rand(2, 3, 4, 5)
    y = scattered(x, torch.Generator().manual_seed(1))
    assert y.shape == x.shape
    assert not torch.equal(x, y)
    assert torch.equal(y, scattered(x, torch.Generator().manual_seed(1)))
    for image in range(2):
        pixels = {tuple(p) for p in x[image].flatten(1).T.tolist()}
        assert {tuple(p) for p in y[image].flatten(1).T.tolist()} == pixels


def test_column_correlation_is_the_loop():
    x = torch.randn(2, 2, 3, 4) + 1
    for centred in (True, False):
        products = left = right = 0.0
        for channel in range(2):
            mean = x[:, channel].mean().item() if centred else 0.0
            for row in x[:, channel].reshape(-1, 4).tolist():
                for a, b in pairwise(row):
                    products += (a - mean) * (b - mean)
                    left, right = left + (a - mean) ** 2, right + (b - mean) ** 2
        want = products / (left * right) ** 0.5
        assert column_correlation(x, centred) == pytest.approx(want, abs=1e-6)
    ramp = torch.arange(8.0).expand(1, 1, 2, 8)
    assert column_correlation(ramp[..., ::7]) == pytest.approx(-1)
    assert column_correlation(torch.ones(1, 1, 2, 2)) != column_correlation(torch.ones(1, 1, 2, 2))
    assert column_correlation(torch.ones(1, 1, 2, 2), centred=False) == pytest.approx(1)


def test_bad_input():
    with pytest.raises(ValueError, match="at least 2 columns wide, got 1"):
        column_similarity(torch.rand(1, 1, 4, 1))
    with pytest.raises(ValueError, match="at least 2 columns wide, got 1"):
        column_correlation(torch.rand(1, 1, 4, 1))
    with pytest.raises(ValueError, match="shape"):
        scattered(torch.rand(4, 4))
    with pytest.raises(ValueError, match="at least one image"):
        column_similarity(torch.rand(0, 1, 4, 4))
    with pytest.raises(ValueError, match="shape"):
        adjacent_difference(torch.rand(4, 4))
    with pytest.raises(ValueError, match="finite"):
        quantize(torch.tensor([1.0, torch.nan]))
    with pytest.raises(TypeError, match="floating"):
        quantize(torch.arange(4))
    with pytest.raises(ValueError, match="correction must be one of"):
        entropy(torch.arange(4), "jackknife")
    with pytest.raises(ValueError, match="empty"):
        entropy(torch.empty(0, dtype=torch.int64))
    with pytest.raises(ValueError, match="empty"):
        conditional_entropy(torch.empty(0).long(), torch.empty(0).long())
    with pytest.raises(ValueError, match="one shape"):
        conditional_entropy(torch.arange(4), torch.arange(5))
