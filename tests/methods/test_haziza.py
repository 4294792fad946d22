"""2:4 activations: the row, the products against masked ones, tokens, and that it learns."""

import pytest
import torch
from torch import nn

import swatlib
from swatlib.kernels.nm import nm_mask
from swatlib.models import build_network
from swatlib.selectors import NM
from swatlib.training import Run, train_run


def test_the_row() -> None:
    recipe = swatlib.recipe("activations-2to4", 0.5)
    two_of_four = NM(over="C")
    assert tuple(recipe.named().values()) == (None, two_of_four, None, None, two_of_four, None)
    with pytest.raises(ValueError, match=r"sparsity of a 2:4 method must be 0\.5, got 0\.8"):
        swatlib.method("activations-2to4", 0.8)


def test_y_and_dw_use_two_of_four_channels_of_every_token() -> None:
    layer = nn.Linear(8, 4)
    swatlib.sparsify_(layer, swatlib.recipe("activations-2to4", 0.5, first_layer_dense=False))
    x = torch.randn(2, 3, 8, requires_grad=True)
    kept = x.detach() * nm_mask(x.detach().reshape(6, 8), 2, 4, "C").reshape(x.shape)
    assert ((kept != 0).reshape(-1, 4).sum(1) == 2).all()
    y, g = layer(x), torch.randn(2, 3, 4)
    torch.testing.assert_close(y, nn.functional.linear(kept, layer.weight, layer.bias))
    y.backward(g)
    torch.testing.assert_close(layer.weight.grad, torch.einsum("nto,nti->oi", g, kept))
    torch.testing.assert_close(x.grad, g @ layer.weight)  # straight through, to all of X


def test_it_loses_nothing_where_two_of_four_are_zero_already() -> None:
    layer = nn.Linear(8, 4)
    x = torch.randn(5, 8)
    x[:, ::2] = 0
    before = layer(x)
    swatlib.sparsify_(layer, swatlib.recipe("activations-2to4", 0.5, first_layer_dense=False))
    assert torch.equal(layer(x), before)


def test_only_the_second_layers_of_a_transformer() -> None:
    model = build_network("vision_transformer_squared_relu", image=8, channels=1, width=16, depth=2)
    swatlib.sparsify_(model, swatlib.method("activations-2to4", 0.5, only="feed_forward.down"))
    names = [name for name, _ in swatlib.sparse_layers(model)]
    assert names == ["blocks.0.feed_forward.down", "blocks.1.feed_forward.down"]


def test_digits_are_learnt() -> None:
    run = Run(
        network="vision_transformer_squared_relu",
        width=16,
        depth=1,
        epochs=4,
        batch_size=32,
        images=800,
        lr=1e-2,
        optimizer="adamw",
        method="activations-2to4",
        sparsity=0.5,
        options={"only": "feed_forward.down"},
    )
    found = train_run(run, "cpu")
    assert found["epochs"][-1]["train_loss"] < found["epochs"][0]["train_loss"]
    assert found["test_accuracy"] > 30
