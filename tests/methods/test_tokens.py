"""Methods on a transformer: linear layers that read tokens, (samples, tokens, channels)."""

from typing import Any

import pytest
import torch
from torch import nn

import swatlib
from swatlib.methods import Method
from swatlib.models import build_network
from swatlib.selectors import MVUE

WIDTH, TOKENS = 16, 6

ON_TOKENS: dict[str, dict[str, Any]] = {
    "swat": {"sparsity": 0.75},
    "saw": {"sparsity": 0.75},
    "sr-ste": {},
    "fst-weights": {},
    "fst": {},
    "hu-2to4": {"only": "feed_forward"},
    "s-ste": {"only": "feed_forward"},
    "activations-2to4": {"only": "feed_forward.down"},
}


def plan(name: str) -> Method:
    options = dict(ON_TOKENS[name])
    return swatlib.method(name, options.pop("sparsity", 0.5), **options)


def transformer() -> nn.Module:
    torch.manual_seed(0)
    return build_network("vision_transformer", image=8, channels=1, width=WIDTH, depth=2)


@pytest.mark.parametrize("name", ON_TOKENS)
def test_a_transformer_takes_steps(name: str) -> None:
    model, method = transformer(), plan(name)
    swatlib.sparsify_(model, method)
    optimizer = torch.optim.AdamW(model.parameters(), 1e-2)
    x, y = torch.randn(12, 1, 8, 8), torch.arange(12) % 10
    losses = []
    for step in range(20):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        progress = swatlib.Progress(step, 20, 5)
        method.after_backward(model, optimizer, progress)
        optimizer.step()
        method.after_step(model, optimizer, progress)
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.7 * losses[0]


@pytest.mark.parametrize("name", [name for name in ON_TOKENS if name not in ("hu-2to4", "s-ste")])
def test_tokens_are_rows_of_one_matrix(name: str) -> None:
    """What is drawn from torch's random state is left out."""
    recipe = plan(name).recipe
    torch.manual_seed(0)
    folded, flat = nn.Linear(WIDTH, 8), nn.Linear(WIDTH, 8)
    flat.load_state_dict(folded.state_dict())
    for layer in (folded, flat):
        swatlib.sparsify_(layer, {"": recipe})
    x, g = torch.randn(3, TOKENS, WIDTH), torch.randn(3, TOKENS, 8)
    tokens, rows = x.clone().requires_grad_(), x.reshape(-1, WIDTH).requires_grad_()
    y, z = folded(tokens), flat(rows)
    torch.testing.assert_close(y.reshape(-1, 8), z)
    y.backward(g)
    z.backward(g.reshape(-1, 8))
    assert tokens.grad is not None
    torch.testing.assert_close(tokens.grad.reshape(-1, WIDTH), rows.grad)
    torch.testing.assert_close(folded.weight.grad, flat.weight.grad)


def test_mvue_draws_two_of_four_neighbouring_tokens() -> None:
    torch.manual_seed(0)
    grad = torch.randn(2, 4, 8)
    found = MVUE().operand(grad, MVUE().choose(grad))
    assert ((found != 0).reshape(2, 4, 8).sum(1) == 2).all()


@pytest.mark.parametrize("name", ["sr-ste", "fst-weights", "hu-2to4", "s-ste"])
def test_weights_are_two_of_four_along_what_the_product_sums_over(name: str) -> None:
    model = transformer()
    swatlib.sparsify_(model, plan(name))
    checked = 0
    for layer_name, layer in swatlib.sparse_layers(model):
        if not isinstance(layer, nn.Linear):
            continue
        layer(torch.randn(2, TOKENS, layer.in_features)).sum().backward()
        used = layer.operand("forward_weight", layer.weight.detach())
        assert ((used.reshape(-1, 4) != 0).sum(1) <= 2).all(), layer_name
        if name == "fst-weights" and layer.out_features % 4 == 0:
            used = layer.operand("input_grad_weight", layer.weight.detach()).T
            assert ((used.reshape(-1, 4) != 0).sum(1) == 2).all(), layer_name
        checked += 1
    assert checked == (4 if name in ("hu-2to4", "s-ste") else 9)


def test_fst_leaves_the_weight_gradient_of_tokens_whole() -> None:
    """Its columns are pixels next to each other, and a linear layer has none."""
    fst, weights = nn.Linear(WIDTH, 8), nn.Linear(WIDTH, 8)
    weights.load_state_dict(fst.state_dict())
    swatlib.sparsify_(fst, swatlib.fst())
    swatlib.sparsify_(weights, swatlib.fst(activations=False))
    x = torch.randn(2, TOKENS, WIDTH)
    for layer in (fst, weights):
        layer(x).square().sum().backward()
    assert torch.equal(fst.weight.grad, weights.weight.grad)  # type: ignore[arg-type]
    assert swatlib.report(fst)["weight_grad_activation"].tolist() == ["dense"]


def test_structured_swat_leaves_channels_to_convolutions() -> None:
    with pytest.raises(ValueError, match="is linear and has no channels"):
        swatlib.sparsify_(transformer(), swatlib.swat(0.5, structured="filter"))


def test_only_names_a_part_of_layers() -> None:
    model = transformer()
    swatlib.sparsify_(model, swatlib.method("swat", 0.5, only="feed_forward"))
    names = [name for name, _ in swatlib.sparse_layers(model)]
    assert names == [f"blocks.{b}.feed_forward.{end}" for b in (0, 1) for end in ("up", "down")]
    both = swatlib.method("swat", 0.5, only="block", classifier_dense=True)
    assert "only block" in str(both)
    with pytest.raises(ValueError, match="only must be in a layer's name, got 'mlp'"):
        swatlib.sparsify_(transformer(), swatlib.method("swat", 0.5, only="mlp"))
    with pytest.raises(ValueError, match="only must not be set with an allocation, got 'block'"):
        swatlib.method("swat", 0.5, only="block", allocation="erk")
    with pytest.raises(ValueError, match="is more than a recipe"):
        swatlib.recipe("swat", 0.5, only="block")
