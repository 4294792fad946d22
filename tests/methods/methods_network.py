"""The network that the tests of allocations share."""

import torch
from torch import nn


def net() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.Flatten(),
        nn.Linear(32 * 16, 10),
    )


def one_step(model: nn.Module, **options: float) -> torch.optim.SGD:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, **options)
    model(torch.randn(8, 3, 4, 4)).square().mean().backward()
    optimizer.step()
    return optimizer
