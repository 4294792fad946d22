"""The recipes of the sensitivity experiments: one operand, one product."""

import pytest
import torch
from torch import nn

from swatlib.methods import recipe, sparse_backward
from swatlib.selectors import TopK
from swatlib.surgery.sparsify import sparsify_


@pytest.mark.parametrize(
    ("method", "slots"),
    [
        ("forward-weight", {"forward_weight"}),
        ("forward-activation", {"forward_activation"}),
        ("backward-weight", {"input_grad_weight"}),
        ("backward-activation", {"weight_grad_activation"}),
        ("backward-gradient", {"input_grad_gradient", "weight_grad_gradient"}),
    ],
)
def test_sensitivity_methods_sparsify_one_operand(method: str, slots: set) -> None:
    made = recipe(method, 0.5, period=1, exact=True)
    assert {name for name, s in made.named().items() if s is not None} == slots


def test_thresholds_of_gradients_are_kept_for_a_period() -> None:
    recipe = sparse_backward(gradient=0.5, period=3, first_layer_dense=False)
    layer = sparsify_(nn.Linear(6, 4, bias=False, dtype=torch.float64), recipe)
    x = torch.randn(5, 6, dtype=torch.float64)
    for step in range(6):
        g = torch.randn(5, 4, dtype=torch.float64) * (step + 1)
        if step % 3 == 0:
            threshold = TopK(0.5).choose(g)
        layer.zero_grad()
        layer(x).backward(g)
        kept = torch.where(g.abs() >= threshold, g, 0)
        torch.testing.assert_close(layer.weight.grad, kept.T @ x)
        with torch.no_grad():
            layer.weight.sub_(0.01 * layer.weight.grad)
