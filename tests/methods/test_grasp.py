"""GraSP: the example by hand, Hessian-gradient products, and that digits are learnt."""

from typing import Any

import pytest
import torch
from test_first_batch import linear
from torch import nn
from torch.nn import functional as F

import swatlib
from swatlib.methods.first_batch import keep_by_first_batch_
from swatlib.methods.grasp import KeepGradientFlow, hessian_gradient
from swatlib.methods.held_weight import held
from swatlib.training import Run, train_run

W = torch.tensor([[0.5, -0.1, 0.3, 0.2]])
HG = torch.tensor([[0.2, 0.4, -0.1, 0.0]])


def test_the_example() -> None:
    """Scores -.1, .04, .03, 0: the second and the third go, both of them."""
    layer = linear(W)
    keep_by_first_batch_(layer, lambda: torch.zeros(()), 0.5, lambda *_: [HG], torch.clone)
    assert swatlib.active_mask(layer).tolist() == [[True, False, False, True]]
    assert torch.equal(layer.weight, W)


def test_of_a_quadratic_loss() -> None:
    """With loss wAw/2 the gradient is Aw and the product AAw."""
    layer = linear(W).double()
    a = torch.randn(4, 4, dtype=torch.float64)
    a = a + a.T

    def loss() -> torch.Tensor:
        w = layer.weight[0]
        return w @ a @ w / 2

    (found,) = hessian_gradient(layer, loss, [layer.weight])
    torch.testing.assert_close(found[0], a @ a @ layer.weight[0].detach())


def test_of_a_network_by_differences() -> None:
    torch.manual_seed(0)
    method = swatlib.method("grasp", 0.5)
    layers = nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.Tanh(), nn.Flatten(), nn.Linear(12, 3)
    model = swatlib.sparsify_(nn.Sequential(*layers).double(), method)
    x, y = torch.randn(6, 1, 4, 4, dtype=torch.float64), torch.arange(6) % 3
    weights: list[Any] = [one.weight for one in held(model)]

    def gradient() -> list[torch.Tensor]:
        return list(torch.autograd.grad(F.cross_entropy(model(x) / 200, y), weights))

    g, step = gradient(), 1e-3
    sides = []
    for sign in (1, -1, 0):
        with torch.no_grad():
            for w, along in zip(weights, g, strict=True):
                w.add_(along, alpha=step * {1: 1, -1: -2, 0: 1}[sign])
        sides.append(gradient())
    wanted = [(a - b) / (2 * step) for a, b in zip(*sides[:2], strict=True)]
    found = hessian_gradient(model, lambda: F.cross_entropy(model(x), y), weights, 200.0)
    for a, b in zip(found, wanted, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-12)
    assert not model._forward_hooks


def test_the_temperature_reaches_the_score() -> None:
    layer = linear(W)
    x, y = torch.randn(8, 4), torch.zeros(8, dtype=torch.int64)
    model = nn.Sequential(layer, nn.Linear(1, 2))
    loss = lambda: F.cross_entropy(model(x), y)  # noqa: E731
    hot, cold = (hessian_gradient(model, loss, [layer.weight], t) for t in (200.0, 1.0))
    assert hot[0].abs().max() < cold[0].abs().max() / 100


def test_bad_values() -> None:
    with pytest.raises(ValueError, match="temperature must be positive, got 0"):
        KeepGradientFlow(0.5, 0.0)
    layer = linear(W)

    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = layer

        def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
            return {"output": self.layer(x)}

    model = Two()
    with pytest.raises(TypeError, match="temperature must be 1 for a model that returns dict"):
        hessian_gradient(
            model, lambda: model(torch.ones(1, 4))["output"].sum(), [layer.weight], 2.0
        )


def test_digits_are_learnt() -> None:
    run = Run(width=8, epochs=2, images=600, batch_size=64, method="grasp", sparsity=0.5)
    found = train_run(run, "cpu")
    assert found["epochs"][-1]["train_loss"] < found["epochs"][0]["train_loss"]
    assert found["test_accuracy"] > 30
