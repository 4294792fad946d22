"""What the tests of drop and grow share: the example, and a small model in training."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

import swatlib
from swatlib import Method, Progress
from swatlib.methods.held_weight import HeldWeight, held
from swatlib.testing.network import batch, network, optimizer_of

W = torch.tensor([[0.5, -0.1, 0.0, 0.0], [0.0, 0.2, -0.4, 0.0]])
G = torch.tensor([[0.1, 0.9, -0.3, 0.2], [0.6, -0.05, 0.4, -0.7]])
MOMENTUM = torch.tensor([[0.01, 0.02, 0.0, 0.0], [0.0, 0.03, 0.04, 0.0]])


def example(w: Tensor = W, g: Tensor = G) -> tuple[Any, torch.optim.SGD, HeldWeight]:
    """Return the layer of the example, with gradient and momentum, and its optimizer."""
    layer: Any = nn.Linear(4, 2, bias=False)
    with torch.no_grad():
        layer.weight.copy_(w)
    swatlib.sparsify_(layer, swatlib.method("static", 0.5, first_layer_dense=False))
    optimizer = torch.optim.SGD(layer.parameters(), 0.1, momentum=0.9)
    (one,) = held(layer)
    one.become(w != 0)
    layer.weight.grad = g.clone()
    optimizer.state[layer.weight]["momentum_buffer"] = MOMENTUM.clone()
    return layer, optimizer, one


def places(mask: Tensor) -> set[tuple[int, ...]]:
    return {tuple(place) for place in mask.nonzero().tolist()}


def masks(model: nn.Module) -> list[Tensor]:
    return [one.mask.clone() for one in held(model, frozen=True)]


def counts(model: nn.Module) -> list[int]:
    return [one.active for one in held(model, frozen=True)]


OnStep = Callable[[int, nn.Module, torch.optim.Optimizer], None]


def trained(
    method: Method,
    steps: int,
    on_step: OnStep | None = None,
    total: int | None = None,
    optimizer: Callable[[nn.Module], torch.optim.Optimizer] = optimizer_of,
) -> nn.Module:
    """Train the network of the contract, in epochs of three steps; look at it after every step."""
    model = swatlib.sparsify_(network(), method)
    sgd = optimizer(model)
    go_on(model, method, sgd, range(steps), on_step, total or steps)
    return model


def go_on(
    model: nn.Module,
    method: Method,
    optimizer: torch.optim.Optimizer,
    steps: Sequence[int] | Iterable[int],
    on_step: OnStep | None = None,
    total: int = 60,
) -> None:
    for step in steps:
        x, y = batch(step % 3)
        if not step:
            method.start(model, lambda: nn.functional.cross_entropy(model(x), y))  # noqa: B023
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        progress = Progress(step, total, 3)
        method.after_backward(model, optimizer, progress)
        optimizer.step()
        method.after_step(model, optimizer, progress)
        if on_step is not None:
            on_step(step, model, optimizer)
