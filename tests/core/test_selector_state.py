"""What a layer remembers: copied whole."""

import copy
import pickle

import pytest
import torch

from swatlib.core.selector_state import SelectorState
from swatlib.selectors import TopK


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_memory_is_copied_whole(copied) -> None:  # type: ignore[no-untyped-def]
    selector, memory = TopK(0.5, period=3), SelectorState(torch.empty(0))
    first = selector.choose(torch.randn(100), memory)
    twin = copied(memory)
    selector.choose(torch.randn(100), memory)
    assert (twin.steps.item(), memory.steps.item()) == (1, 2)
    assert selector.choose(torch.randn(100), twin) == first
