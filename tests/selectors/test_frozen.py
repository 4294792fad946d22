"""The frozen selector: nothing without its layer."""

import pytest
import torch

from swatlib import swat
from swatlib.methods.topology import Frozen


def test_a_frozen_selector_without_its_layer() -> None:
    selector = Frozen(swat(0.5).forward_weight)  # type: ignore[arg-type]
    assert selector.sparsity == 0.5
    with pytest.raises(ValueError, match="belongs to its layer"):
        selector.choose(torch.ones(2, 2))
