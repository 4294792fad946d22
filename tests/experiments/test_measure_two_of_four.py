"""Measurements of 2:4: groups that comply, energy kept, errors of gradients."""

import pytest
import torch
from torch import nn

from swatlib.core.recipe import Recipe
from swatlib.experiments import measure_two_of_four as measure
from swatlib.experiments.measurements import MEASUREMENTS
from swatlib.models import build_network
from swatlib.selectors import NM


def network() -> nn.Module:
    torch.manual_seed(0)
    return build_network("small_resnet", image=8, channels=1, width=8)


def batch() -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(1)
    return torch.randn(16, 1, 8, 8), torch.randint(10, (16,))


def test_they_are_declared() -> None:
    assert MEASUREMENTS.keys() >= {
        "trained-masks",
        "gradient-error",
        "operand-sizes",
    }


def test_groups_that_comply() -> None:
    mask = torch.tensor(
        [[1, 1, 0, 0, 1, 1, 1, 0], [0, 0, 0, 0, 1, 0, 0, 0]], dtype=torch.bool
    ).reshape(2, 2, 2, 2)
    assert measure.share_of_groups(mask) == 3 / 4
    assert measure.share_of_groups(mask, 8) == 1 / 2


def test_the_convolution_on_the_image_is_left_out() -> None:
    layers = measure.inner_convolutions(network())
    assert layers
    assert all(layer.in_channels > 1 for layer in layers.values())


def test_gradients_of_a_dense_model_are_those_of_autograd() -> None:
    model = network()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    images, labels = batch()
    arriving, weights = measure.gradients(model, images, labels)
    nn.functional.cross_entropy(model.train()(images), labels).backward()
    for name, grad in weights.items():
        assert measure.cosine(grad, model.get_submodule(name).weight.grad) == pytest.approx(1)
    assert arriving.keys() == weights.keys()
    assert all(torch.equal(model.get_parameter(n), before[n]) for n, _ in model.named_parameters())


def test_a_pruned_gradient_turns_what_lies_below_it() -> None:
    images, labels = batch()
    recipe = Recipe("G", input_grad_gradient=NM(over="C"), first_layer_dense=False)
    right, layers = measure.gradients(network(), images, labels)
    found, _ = measure.gradients(network(), images, labels, recipe)
    first, *_, last = layers
    assert measure.cosine(found[last], right[last]) == pytest.approx(1)
    assert measure.cosine(found[first], right[first]) < 0.999


def test_kept_energy() -> None:
    operand = torch.tensor([[3.0, 1.0, 1.0, 4.0]])
    assert measure.kept_energy(operand, "C") == pytest.approx(25 / 27)
