"""The frozen selector: nothing without its layer."""

import pytest
import torch

from swatlib import swat
from swatlib.selectors import TopK
from swatlib.selectors.frozen import Frozen


def test_a_frozen_selector_without_its_layer() -> None:
    selector = Frozen(swat(0.5).forward_weight)  # type: ignore[arg-type]
    assert selector.sparsity == 0.5
    with pytest.raises(ValueError, match="belongs to its layer"):
        selector.choose(torch.ones(2, 2))


def test_it_stands_for_what_it_froze() -> None:
    selector = TopK(0.75, over="HW")
    frozen = Frozen(selector)
    assert (frozen.sparsity, frozen.thawed, frozen.frozen, frozen.mask) == (
        0.75,
        selector,
        True,
        True,
    )
    assert not frozen.acts_on(2)
    assert str(frozen) == "TopK 0.75 over HW (frozen)"
    with pytest.raises(ValueError, match="cannot be set"):
        frozen.at_sparsity(0.5)
