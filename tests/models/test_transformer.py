"""The vision transformer: shapes, its parts against slow references, and that it learns."""

import math

import pytest
import torch
from torch import nn

import swatlib
from swatlib.models import build_network
from swatlib.models.transformer import (
    ACTIVATIONS,
    Attention,
    Block,
    FeedForward,
    SquaredReLU,
    vision_transformer,
)


@pytest.mark.parametrize(
    ("image", "tokens", "patch"), [(8, 16, 2), (16, 16, 4), (32, 64, 4), (64, 64, 8)]
)
def test_tokens_and_patches(image: int, tokens: int, patch: int) -> None:
    model = vision_transformer(3, image, 1, width=16, depth=1)
    assert model.positions.weight.shape == (tokens, 16)  # type: ignore[union-attr]
    assert model.patches.kernel_size == (patch, patch)  # type: ignore[union-attr]
    assert model(torch.randn(2, 1, image, image)).shape == (2, 3)


def test_the_number_of_parameters() -> None:
    width, depth, classes, patch, tokens = 32, 3, 10, 2, 16
    block = 2 * 2 * width  # two norms
    block += 3 * width * (width + 1) + width * (width + 1)  # attention
    block += 4 * width * (width + 1) + width * (4 * width + 1)  # feed-forward
    expected = width * (patch**2 + 1) + tokens * width + depth * block
    expected += 2 * width + classes * (width + 1)
    model = vision_transformer(classes, 8, 1, width, depth)
    assert sum(p.numel() for p in model.parameters()) == expected


def test_attention_against_torchs() -> None:
    ours, theirs = Attention(32, 4), nn.MultiheadAttention(32, 4, batch_first=True)
    with torch.no_grad():
        theirs.in_proj_weight.copy_(ours.qkv.weight)
        theirs.in_proj_bias.copy_(ours.qkv.bias)
        theirs.out_proj.weight.copy_(ours.output.weight)
        theirs.out_proj.bias.copy_(ours.output.bias)
    x = torch.randn(3, 7, 32)
    torch.testing.assert_close(ours(x), theirs(x, x, x, need_weights=False)[0])


def test_a_block_adds_to_its_tokens() -> None:
    block = Block(32, 2)
    x = torch.randn(2, 5, 32)
    after = x + block.attention(nn.functional.layer_norm(x, (32,)))
    expected = after + block.feed_forward(nn.functional.layer_norm(after, (32,)))
    torch.testing.assert_close(block(x), expected)


def test_the_squared_relu() -> None:
    x = torch.tensor([-2.0, 0.0, 3.0], requires_grad=True)
    y = SquaredReLU()(x)
    y.sum().backward()
    assert y.tolist() == [0, 0, 9]
    assert x.grad is not None
    assert x.grad.tolist() == [0, 0, 6]
    assert isinstance(FeedForward(4, "squared_relu").activation, SquaredReLU)
    assert isinstance(FeedForward(4).activation, nn.GELU)


def test_it_starts_as_torch_makes_layers() -> None:
    torch.manual_seed(0)
    model = vision_transformer(10, 8, 1)
    for module in model.modules():
        if isinstance(module, nn.Linear):
            most = 1 / math.sqrt(module.in_features)
            assert module.weight.abs().max() <= most
            assert float(module.weight.std().detach()) == pytest.approx(
                most / math.sqrt(3), rel=0.1
            )
    assert float(model.positions.weight.std().detach()) == pytest.approx(0.02, rel=0.1)  # type: ignore[union-attr]


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("way", [None, swatlib.swat(0.5)])
def test_a_batch_is_learnt_by_heart(activation: str, way: swatlib.Recipe | None) -> None:
    torch.manual_seed(0)
    model = vision_transformer(4, 8, 1, width=16, depth=2, activation=activation)
    if way is not None:
        swatlib.sparsify_(model, way)
    x, y = torch.randn(16, 1, 8, 8), torch.arange(16) % 4
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    for _ in range(80):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
    assert (model(x).argmax(1) == y).all()


def test_every_product_with_weights_can_be_sparse() -> None:
    model = build_network("vision_transformer", image=8, channels=1, width=16, depth=1)
    swatlib.sparsify_(model, swatlib.swat(0.75, first_layer_dense=False))
    rows = swatlib.report(model)
    assert rows["layer"].tolist() == [
        "patches",
        "blocks.0.attention.qkv",
        "blocks.0.attention.output",
        "blocks.0.feed_forward.up",
        "blocks.0.feed_forward.down",
        "fc",
    ]
    assert set(rows["recipe"]) == {"SWAT"}


def test_query_key_and_value_compete_for_the_same_k() -> None:
    layer = Attention(16, 1).qkv
    with torch.no_grad():
        layer.weight[:16] *= 100  # the queries' rows win
    swatlib.sparsify_(layer, swatlib.swat(0.75, first_layer_dense=False))
    kept = swatlib.active_mask(layer)
    assert int(kept.sum()) == 16 * 16 * 3 // 4
    assert int(kept[:16].sum()) == int(kept.sum())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"image": 10}, "image must be a multiple of 4 for a transformer, got 10"),
        ({"image": 20}, "image must be a multiple of 8 for a transformer, got 20"),
        ({"image": 8, "width": 40}, "width must be a multiple of 16 for a transformer, got 40"),
        ({"image": 8, "smaller": 0.5}, r"smaller must be 0 for vision_transformer, got 0\.5"),
    ],
)
def test_sizes_that_do_not_fit(arguments: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build_network("vision_transformer", **arguments)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="width must be a multiple of heads=3, got 16"):
        Attention(16, 3)
