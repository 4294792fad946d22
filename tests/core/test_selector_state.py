"""What a layer remembers: copied whole."""

import copy
import pickle

import pytest
import torch
from torch import nn

from swatlib.core.selector_state import SelectorState
from swatlib.methods import tsm
from swatlib.selectors import TopK
from swatlib.surgery.sparsify import active_mask, sparsify_


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_memory_is_copied_whole(copied) -> None:  # type: ignore[no-untyped-def]
    selector, memory = TopK(0.5, period=3), SelectorState(torch.empty(0))
    first = selector.choose(torch.randn(100), memory)
    twin = copied(memory)
    selector.choose(torch.randn(100), memory)
    assert (twin.steps.item(), memory.steps.item()) == (1, 2)
    assert selector.choose(torch.randn(100), twin) == first


def test_a_copy_that_compiled_steps_have_trained_keeps_its_choice() -> None:
    """Compiled steps cannot look who owns a state; what reads it after them must not doubt it."""
    layer = sparsify_(nn.Linear(8, 4), tsm())
    layer(torch.randn(2, 8)).sum().backward()
    twin = copy.deepcopy(layer)
    torch.compiler.reset()
    compiled = torch.compile(twin, backend="aot_eager", fullgraph=True)
    mask = active_mask(twin)
    for _ in range(2):
        compiled(torch.randn(2, 8)).sum().backward()
        with torch.no_grad():
            twin.weight.copy_(torch.randn(4, 8))
        assert torch.equal(active_mask(twin), mask)
    torch.compiler.reset()
