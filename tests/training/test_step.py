"""One step of SGD."""

import torch
from torch import nn

from swatlib.training.step import training_step


def test_a_step_follows_the_gradient() -> None:
    torch.manual_seed(0)
    model, x, y = nn.Linear(4, 3), torch.randn(5, 4), torch.tensor([0, 1, 2, 0, 1])
    before = model.weight.detach().clone()
    nn.functional.cross_entropy(model(x), y).backward()
    expected = before - 0.01 * (model.weight.grad + 5e-4 * before)
    training_step(model, x, y)()
    torch.testing.assert_close(model.weight.detach(), expected)
