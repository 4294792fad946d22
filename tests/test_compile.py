"""A sparse training step compiles whole, without graph breaks, and gives what eager steps give."""

import copy
import shutil
import sysconfig
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from swatlib import Recipe, densify_, saw, sparse_backward, sparsify_, swat
from swatlib.core.layers import SparseLinear

COMPILER = shutil.which("g++") or shutil.which("clang++")
HEADER = Path(sysconfig.get_path("include")) / "Python.h"


def net() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(4, 6, 3, stride=2),
        nn.Flatten(),
        nn.Linear(54, 5),
    )


def trained(model: nn.Module, forward: nn.Module, batches: list[Tensor]) -> list[Tensor]:
    """Take a step per batch; return every output and the parameters at the end."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    outputs = []
    for x in batches:
        optimizer.zero_grad()
        y = forward(x)
        y.square().mean().backward()
        optimizer.step()
        outputs.append(y.detach())
    return [*outputs, *(p.detach() for p in model.parameters())]


@pytest.mark.skipif(not COMPILER or not HEADER.exists(), reason="needs a C++ compiler and Python.h")
def test_inductor_gives_the_eager_numbers() -> None:
    torch.compiler.reset()
    eager = sparsify_(
        nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 4)), swat(0.5, period=2)
    )
    model = copy.deepcopy(eager)
    batches = [torch.randn(4, 6) for _ in range(3)]
    compiled = torch.compile(model, fullgraph=True)
    for a, b in zip(trained(model, compiled, batches), trained(eager, eager, batches), strict=True):  # type: ignore[arg-type]
        torch.testing.assert_close(a, b)
    layer = model[2]  # type: ignore[index]
    assert isinstance(layer, SparseLinear)
    assert layer.states["forward_weight"].steps == 3


def test_a_compiled_period_is_not_frozen_into_the_graph() -> None:
    torch.compiler.reset()
    model = sparsify_(net(), swat(0.8, period=3))
    compiled = torch.compile(model, backend="aot_eager", fullgraph=True)
    seen = []
    for i in range(7):
        with torch.no_grad():
            for p in model.parameters():
                p.mul_(1.5)
        compiled(torch.randn(2, 3, 8, 8)).sum().backward()
        layer = model[4]  # type: ignore[index]
        assert isinstance(layer, SparseLinear)
        memory = layer.states["forward_weight"]
        assert memory.steps == i + 1
        seen.append(memory.threshold.item())
    assert [i for i in range(1, 7) if seen[i] != seen[i - 1]] == [3, 6]
    # Dense again, the same module compiles as what it has become.
    x = torch.randn(2, 3, 8, 8)
    densify_(model)
    torch.compiler.reset()
    torch.testing.assert_close(compiled(x), model(x))


SCHEDULED = {
    "SWAT": lambda s: swat(s, first_layer_dense=False),
    "SWAT, period 3": lambda s: swat(s, period=3),
    "gradients": lambda s: sparse_backward(gradient=s),
}


@pytest.mark.filterwarnings("ignore:the thresholds or masks kept in layers")
@pytest.mark.parametrize("scheduled", SCHEDULED.values(), ids=list(SCHEDULED))
def test_a_recipe_that_changes_between_steps(scheduled: Callable[[float], Recipe]) -> None:
    """And a smaller last batch, in the middle of the schedule: each step is what eager gives."""
    torch.compiler.reset()
    eager = sparsify_(net(), scheduled(0.5))
    model = copy.deepcopy(eager)
    compiled = torch.compile(model, backend="aot_eager", fullgraph=True)
    for sparsity, n in ((0.5, 4), (0.6, 4), (0.7, 4), (0.7, 3), (0.8, 4)):
        batches = [torch.randn(n, 3, 8, 8)]
        sparsify_(eager, scheduled(sparsity))
        sparsify_(model, scheduled(sparsity))
        found = trained(model, compiled, batches)  # type: ignore[arg-type]
        expected = trained(eager, eager, batches)
        for a, b in zip(found, expected, strict=True):
            torch.testing.assert_close(a, b)


@pytest.mark.parametrize("over", ["NCHW", "CHW"])
def test_random_selection_with_a_smaller_last_batch(over: str) -> None:
    torch.compiler.reset()
    model = sparsify_(net(), saw(0.75, random=True, over=over))
    compiled = torch.compile(model, backend="aot_eager", fullgraph=True)
    weight = model[4].weight  # type: ignore[index]
    for n in (4, 4, 3, 2):
        model.zero_grad()
        compiled(torch.randn(n, 3, 8, 8)).sum().backward()
        # K of the activations' columns of ones: at most so many weights of a row see a gradient.
        kept = -(-n * 54 // 4) if over == "NCHW" else n * -(-54 // 4)
        assert 0 < weight.grad.count_nonzero() <= 5 * kept
