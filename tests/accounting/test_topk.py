"""What Top-K costs by count."""

import math

import pytest
import torch

from swatlib.accounting import trace
from swatlib.accounting.topk import comparisons, topk_share


def test_comparisons_are_those_of_quickselect() -> None:
    # Knuth 1971: 2 (1 + ln 2) n for the median, 2 n for the largest or smallest of n.
    assert comparisons(0.5) == pytest.approx(2 * (1 + math.log(2)) + 1)
    assert comparisons(0.0) == pytest.approx(3)
    assert comparisons(0.1) == pytest.approx(comparisons(0.9))


def test_share_by_hand() -> None:
    # The first layer is left out: 12 inputs and 12 x 5 weights, 60 MACs an image in each product.
    with torch.device("meta"):
        model = torch.nn.Sequential(torch.nn.Linear(7, 12), torch.nn.Linear(12, 5))
    traced = trace(model, (1, 7))
    each = comparisons(0.9)
    assert topk_share(traced, 0.9) == pytest.approx((60 + 12) * each / 180)
    assert topk_share(traced, 0.9, batch=4) == pytest.approx((60 + 48) * each / 720)
    kept = ((each - 1) / 10 + 1) / each
    assert topk_share(traced, 0.9, period=10) == pytest.approx(topk_share(traced, 0.9) * kept)


def test_a_single_layer_has_nothing_to_choose() -> None:
    with pytest.raises(ValueError, match="after the first"):
        topk_share(trace(torch.nn.Linear(3, 2), (1, 3)), 0.9)
