"""An encoder with sparse layers is evaluated sparse: torch's fused kernel is not taken."""

import copy
import pickle

import pytest
import torch
from torch import nn

from swatlib import densify_, sparsify_, swat

RECIPE = swat(0.9, first_layer_dense=False)
pytestmark = pytest.mark.filterwarnings("ignore:attention .* stays dense")


def encoder(layers: int = 2) -> nn.TransformerEncoder:
    layer = nn.TransformerEncoderLayer(16, 4, 32, dropout=0.0, batch_first=True)
    return nn.TransformerEncoder(layer, layers)


@pytest.mark.parametrize(
    "copied", [lambda m: m, copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))]
)
def test_evaluation_without_gradients_is_what_it_is_with_them(copied) -> None:  # type: ignore[no-untyped-def]
    model, x = copied(sparsify_(encoder(), RECIPE)).eval(), torch.randn(3, 7, 16)
    padding = torch.zeros(3, 7, dtype=torch.bool)
    padding[1, 5:] = True
    expected = model(x.clone().requires_grad_(), src_key_padding_mask=padding).detach()
    with torch.no_grad():
        found = model(x, src_key_padding_mask=padding)
    # Without padding in the way; what stands at padded places nobody reads.
    torch.testing.assert_close(found[~padding], expected[~padding])


def test_it_is_taken_again_once_the_model_is_dense() -> None:
    model = encoder()
    before = [vars(m).copy() for m in model.modules()]
    densify_(sparsify_(sparsify_(model, RECIPE), swat(0.5, first_layer_dense=False)))
    assert [vars(m) for m in model.modules()] == before


def test_layers_without_sparse_ones_keep_it() -> None:
    model = sparsify_(encoder(), RECIPE, lambda name, layer: name.startswith("layers.0"))
    assert [m.activation_relu_or_gelu for m in model.layers] == [0, 1]  # type: ignore[union-attr]
