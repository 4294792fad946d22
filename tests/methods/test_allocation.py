"""Every layer its own density: from shapes, and from the momentum in every step."""

from math import ceil

import pytest
import torch
from methods_network import net, one_step
from torch import nn

from swatlib import dense, report, saw, sparsify_, swat
from swatlib.core.allocation import erk
from swatlib.methods.allocation import densities
from swatlib.methods.fst import fst
from swatlib.methods.momentum import redistribute_


def test_densities_by_name() -> None:
    model = net()
    assert densities(model, "uniform", 0.8) == pytest.approx({"0": 1.0, "2": 0.2, "4": 0.2})
    assert densities(model, "uniform", 0.8, False) == pytest.approx({"0": 0.2, "2": 0.2, "4": 0.2})
    assert densities(model, "momentum", 0.8) == pytest.approx({"0": 0.2, "2": 0.2, "4": 0.2})
    shapes = [(16, 3, 3, 3), (32, 16, 3, 3), (10, 512)]
    by_erk = densities(model, "erk", 0.8)
    assert list(by_erk.values()) == erk(shapes, 0.8)
    sparsify_(model, {name: swat(1 - density) for name, density in by_erk.items()})
    rows = report(model)
    for density, weights, active in zip(
        by_erk.values(), rows["weights"], rows["active"], strict=True
    ):
        assert active == ceil(round(density * weights, 10))
    assert rows["active"].sum() == pytest.approx(0.2 * rows["weights"].sum(), abs=3)


def test_bad_input() -> None:
    model = net()
    with pytest.raises(ValueError, match="allocation must be one of uniform, erk, momentum; got"):
        densities(model, "even", 0.5)
    with pytest.raises(ValueError, match=r"sparsity must be in \[0, 1\), got 1"):
        densities(model, "erk", 1.0)
    with pytest.raises(ValueError, match="at least one layer"):
        densities(nn.ReLU(), "erk", 0.5)
    with pytest.raises(ValueError, match=r"sparsity of 2:4 over CHW is 0.5 and cannot be set"):
        fst().at_sparsity(0.5)
    for recipe in (dense(), saw(0.5)):
        with pytest.raises(ValueError, match="no layer with sparse forward weights"):
            redistribute_(sparsify_(net(), recipe), torch.optim.SGD(model.parameters()), 0.5)
    sparsify_(model, swat(0.5))
    for optimizer in (one_step(model), torch.optim.SGD(model.parameters(), momentum=0.9)):
        with pytest.raises(ValueError, match="optimizer holds no momentum for a sparse layer"):
            redistribute_(model, optimizer, 0.5)
