"""The network, the images and the steps of the contract: the same every time."""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from swatlib.core.recipe import Recipe
from swatlib.methods import Method, Progress
from swatlib.surgery.sparsify import sparsify_
from swatlib.training.loop import leaving_no_trace

DENSE = Method(Recipe("dense"))


def network(dtype: torch.dtype = torch.float32) -> nn.Module:
    """Return the network of the checks, the same every time: convolutions and linear layers."""
    state = torch.get_rng_state()
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Conv2d(8, 8, 3, stride=2, padding=1, groups=2),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Conv2d(8, 8, 1),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(128, 16),
        nn.ReLU(),
        nn.Linear(16, 4),
    )
    torch.set_rng_state(state)
    return model.to(dtype)


def batch(
    step: int = 0, rank: int = 0, dtype: torch.dtype = torch.float32
) -> tuple[Tensor, Tensor]:
    """Return eight images of 8x8 pixels and their labels."""
    generator = torch.Generator().manual_seed(10 * step + rank)
    x = torch.randn(8, 3, 8, 8, generator=generator)
    return x.to(dtype), torch.arange(8) % 4


def made_sparse(method: Method, model: nn.Module | None = None) -> nn.Module:
    """Return a network made sparse by ``method``, in the layers its selectors can act on."""
    selectors = method.recipe.selectors.values()
    return sparsify_(
        network() if model is None else model,
        method,
        filter_fn=lambda _, layer: (
            method.linear is not None or all(isinstance(layer, s.layers) for s in selectors)
        ),
    )


def optimizer_of(model: nn.Module) -> torch.optim.Optimizer:
    """Return SGD with momentum."""
    return torch.optim.SGD(model.parameters(), 0.05, momentum=0.9)


def first_loss(model: nn.Module, rank: int = 0) -> Tensor:
    """Return the loss of the first batch, leaving the model's buffers and random states alone."""
    with leaving_no_trace(model):
        x, y = batch(0, rank)
        return F.cross_entropy(model(x), y)


def train(
    model: nn.Module,
    method: Method,
    steps: Iterable[int],
    optimizer: torch.optim.Optimizer | None = None,
    forward: Callable[[Tensor], Tensor] | None = None,
    images: int | None = None,
) -> list[float]:
    """Take steps and return their losses; each has its own batch, unless one is given for all."""
    optimizer = optimizer or optimizer_of(model)
    model.train()
    losses = []
    steps = list(steps)
    if 0 in steps[:1]:
        method.start(model, lambda: first_loss(model))
    for step in steps:
        x, y = batch(step if images is None else images)
        optimizer.zero_grad()
        loss = F.cross_entropy((forward or model)(x), y)
        loss.backward()
        progress = Progress(step, steps=60, epoch_steps=3)
        method.after_backward(model, optimizer, progress)
        optimizer.step()
        method.after_step(model, optimizer, progress)
        losses.append(loss.item())
    return losses


def assert_same_weights(a: nn.Module, b: nn.Module, what: str) -> None:
    """Raise AssertionError, saying what differs, unless all parameters are equal to the bit."""
    for (name, p), q in zip(a.named_parameters(), b.parameters(), strict=True):
        if not torch.equal(p, q):
            raise AssertionError(f"{what}: {name} differs by up to {(p - q).abs().max():.3g}")
