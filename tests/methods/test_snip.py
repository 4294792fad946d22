"""SNIP: the example by hand, and that digits are learnt."""

import torch
from test_first_batch import linear

import swatlib
from swatlib.methods.first_batch import keep_by_first_batch_
from swatlib.selectors.held import Held
from swatlib.training import Run, train_run

W = torch.tensor([[0.5, -0.1, 0.3, 0.2]])
G = torch.tensor([0.1, 0.9, -0.2, 0.2])


def test_the_example() -> None:
    """Scores .05, .09, .06, .04: the second and the third stay."""
    layer = linear(W)
    keep_by_first_batch_(layer, lambda: layer(G).sum(), 0.5)
    assert swatlib.active_mask(layer).tolist() == [[False, True, True, False]]
    assert torch.equal(layer.weight, W)


def test_all_layers_take_part() -> None:
    method = swatlib.method("snip", 0.9)
    assert method.recipe.forward_weight == method.recipe.input_grad_weight == Held(0.9, "dense")
    assert not method.recipe.first_layer_dense
    assert swatlib.method("snip", 0.9, first_layer_dense=True).recipe.first_layer_dense


def test_digits_are_learnt() -> None:
    run = Run(width=8, epochs=2, images=600, batch_size=64, method="snip", sparsity=0.5)
    found = train_run(run, "cpu")
    assert found["epochs"][-1]["train_loss"] < found["epochs"][0]["train_loss"]
    assert found["test_accuracy"] > 30
