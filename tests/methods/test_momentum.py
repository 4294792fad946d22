"""SWAT-M: weights go to where the momentum is large."""

import pytest
import torch
from methods_network import net, one_step

from swatlib import report, sparsify_, swat
from swatlib.methods.momentum import redistribute_
from swatlib.surgery.sparsify import active_mask


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
