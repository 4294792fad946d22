"""Every layer its own density: from shapes, and from the momentum in every step."""

from math import ceil

import pytest
import torch
from torch import nn

from swatlib import dense, report, saw, sparsify_, swat
from swatlib.core.allocation import erk
from swatlib.methods.allocation import densities
from swatlib.methods.fst import fst
from swatlib.methods.momentum import redistribute_
from swatlib.selectors import TopK
from swatlib.surgery.sparsify import active_mask


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


def test_momentum_moves_weights_to_where_it_is_large() -> None:
    """By hand: shares by mean magnitude over the active weights, of all weights of the network."""
    model = sparsify_(net(), swat(0.9, first_layer_dense=False))
    optimizer = one_step(model, momentum=0.9)
    layers = [model[0], model[2], model[4]]
    means = []
    for layer in layers:
        momentum = optimizer.state[layer.weight]["momentum_buffer"].double()
        means.append(float(momentum.abs()[active_mask(layer)].mean()))
    sizes = [layer.weight.numel() for layer in layers]
    wanted = [0.1 * sum(sizes) * mean / sum(means) for mean in means]
    redistribute_(model, optimizer, 0.9)
    found = [int(active_mask(layer).sum()) for layer in layers]
    assert sum(found) == pytest.approx(0.1 * sum(sizes), abs=3)
    # A layer that cannot take its share is full and the others get the rest in equal parts.
    full = [want > 0.99 * size for want, size in zip(wanted, sizes, strict=True)]
    rest = sum(want - size for want, size, f in zip(wanted, sizes, full, strict=True) if f)
    for want, size, f, count in zip(wanted, sizes, full, found, strict=True):
        expected = size if f else want + rest / (3 - sum(full))
        assert count == pytest.approx(expected, abs=2)
    assert len(set(report(model)["sparsity"])) == 3
    # Weights and activations of a layer share one density.
    for layer in layers:
        recipe = layer.recipe
        assert recipe.weight_grad_activation.sparsity == recipe.forward_weight.sparsity
        assert recipe.input_grad_weight == recipe.forward_weight


def test_momentum_of_adam_serves_as_well() -> None:
    model = sparsify_(net(), swat(0.9, first_layer_dense=False))
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.randn(8, 3, 4, 4)).square().mean().backward()
    optimizer.step()
    redistribute_(model, optimizer, 0.9)
    assert len(set(report(model)["sparsity"])) > 1


@pytest.mark.parametrize("value", [0.0, torch.nan, torch.inf])
def test_useless_momenta_change_nothing(value: float) -> None:
    model = sparsify_(net(), swat(0.9))
    optimizer = one_step(model, momentum=0.9)
    before = report(model)["sparsity"].tolist()
    for layer in (model[2], model[4]):
        optimizer.state[layer.weight]["momentum_buffer"].fill_(value)
    redistribute_(model, optimizer, 0.9)
    assert report(model)["sparsity"].tolist() == before


def test_at_sparsity_keeps_the_other_options_and_what_is_equal() -> None:
    recipe = swat(0.9, period=7).at_sparsity(0.25)
    assert recipe.forward_weight == TopK(0.25, period=7)
    assert recipe.forward_weight == recipe.input_grad_weight == recipe.weight_grad_activation
    assert recipe.forward_activation is None


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
