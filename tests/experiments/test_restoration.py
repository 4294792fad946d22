"""Weight gradients from every other column, against their definition, in a network's own step."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional

from swatlib.experiments.restoration import (
    CHOICES,
    DOUBLED,
    FIXED,
    RESTORED,
    Operands,
    compare,
    exact,
    operands,
    pair_cosine,
    relative_error,
)
from swatlib.kernels.convolution import Geometry


class Padded(nn.Conv2d):
    """A convolution that pads in a module of its own, on one side only."""

    def __init__(self) -> None:
        super().__init__(4, 4, 3, stride=2, groups=4, bias=False)
        self.static_padding = nn.ZeroPad2d((0, 1, 0, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(self.static_padding(x))


@pytest.fixture
def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1, bias=False),
        nn.BatchNorm2d(4),
        nn.ReLU6(),
        Padded(),
        nn.Dropout(0.5),
        nn.Flatten(),
        nn.Linear(4 * 16, 5),
    ).double()


def test_the_exact_gradient_is_autograds(network):
    """With the batch's statistics and without dropout; the model itself stays as it was."""
    before = {name: value.clone() for name, value in network.state_dict().items()}
    x, y = torch.randn(6, 3, 8, 8).double(), torch.randint(5, (6,))
    found = operands(network, x, y)
    assert network.training
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    network[4].eval()
    functional.cross_entropy(network(x), y).backward()
    assert list(found) == ["0", "3"]
    for name, seen in found.items():
        assert torch.allclose(exact(seen), network.get_submodule(name).weight.grad)


def test_equal_columns_are_restored_exactly(network):
    """Where neighbours are equal nothing is lost; fixed columns alone see half of the sum."""
    x = torch.randn(2, 3, 6, 4).double().repeat_interleave(2, dim=-1)
    grad = torch.randn(2, 4, 6, 4).double().repeat_interleave(2, dim=-1)
    seen = Operands(torch.Size((4, 3, 1, 1)), Geometry(), x, grad)
    rows = {row["choice"]: row for row in compare({"layer": seen}, (FIXED, DOUBLED, RESTORED))}
    assert rows[RESTORED]["error"] < 1e-12
    assert rows[DOUBLED]["error"] < 1e-12
    assert rows[FIXED]["error"] == pytest.approx(0.5)
    assert rows[FIXED]["cosine"] == pytest.approx(1)
    assert rows[RESTORED]["column cosine"] == pytest.approx(1)


def test_unrelated_columns_are_better_left_out():
    """Independent noise: errors of root one half and of one, as the chapter derives."""
    torch.manual_seed(0)
    x, grad = torch.randn(10, 32, 16, 16).double(), torch.randn(10, 64, 16, 16).double()
    seen = Operands(torch.Size((64, 32, 1, 1)), Geometry(), x, grad)
    rows = {row["choice"]: row for row in compare({"layer": seen})}
    assert set(rows) == set(CHOICES)
    assert rows[FIXED]["error"] == pytest.approx(math.sqrt(0.5), abs=0.05)
    assert rows[RESTORED]["error"] == pytest.approx(1, abs=0.05)
    assert abs(pair_cosine(x, seen.shape, seen.geometry, 16)) < 0.05


def test_relative_error():
    assert relative_error(torch.tensor([3.0, 0.0]), torch.tensor([3.0, 4.0])) == pytest.approx(0.8)
