"""Masks that are kept for a period of steps."""

import pytest
import torch

from swatlib.core.selector_state import SelectorState
from swatlib.kernels.nm import nm_mask
from swatlib.selectors.nm import NM


def test_a_period_keeps_the_mask_and_evaluation_only_reads_it():
    first, second = torch.randn(4, 8), torch.randn(4, 8)
    selector = NM(period=2)
    memory = SelectorState(first, mask=True)
    assert torch.equal(selector.choose(second, memory, training=False), nm_mask(second))
    assert torch.equal(selector.choose(first, memory), nm_mask(first))
    assert torch.equal(selector.choose(second, memory, training=False), nm_mask(first))
    assert torch.equal(selector.choose(second, memory), nm_mask(first))
    third = second + 1  # weights that stay are no step
    assert torch.equal(selector.choose(second, memory), nm_mask(first))
    assert torch.equal(selector.choose(third, memory), nm_mask(third))
    fixed, memory = NM(period=None), SelectorState(first, mask=True)
    for x in (first, second, second):
        assert torch.equal(fixed.choose(x, memory), nm_mask(first))


def test_a_period_wants_one_shape():
    memory = SelectorState(torch.randn(4, 8), mask=True)
    with pytest.raises(ValueError, match="period"):
        NM(period=2).choose(torch.randn(3, 8), memory)
