"""Sparse layers: bit-equal to torch.nn with the dense recipe, and in all else still the layer."""

import copy
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from swatlib.core.layers import SparseConv2d, SparseLinear
from swatlib.core.products import Choices, convolution
from swatlib.kernels.convolution import Geometry
from swatlib.kernels.keep import keep
from swatlib.methods import Recipe, dense, meprop, saw, sparse_forward, swat
from swatlib.selectors import TopK

CONVOLUTIONS = [
    {"kernel_size": 3},
    {"kernel_size": 1},
    {"kernel_size": (5, 3), "stride": 2, "padding": (2, 1), "bias": False},
    {"kernel_size": 3, "padding": 1, "dilation": 2, "groups": 2},
    {"kernel_size": 3, "padding": 1, "groups": 4},
    {"kernel_size": 3, "padding": "valid"},
    {"kernel_size": 3, "padding": "same"},
    {"kernel_size": (4, 2), "padding": "same"},
    {"kernel_size": (2, 3), "padding": "same", "dilation": 3},
    {"kernel_size": 3, "padding": 2, "padding_mode": "reflect"},
    {"kernel_size": 3, "padding": (1, 2), "padding_mode": "circular", "stride": 2},
    {"kernel_size": 4, "padding": "same", "padding_mode": "circular"},
    {"kernel_size": 3, "padding": 1, "padding_mode": "replicate"},
]


def convolve(recipe: Recipe, **options: object) -> SparseConv2d:
    return SparseConv2d.from_dense(nn.Conv2d(4, 6, **options), recipe)  # type: ignore[arg-type]


def gradients(layer: nn.Module, x: Tensor) -> list[Tensor]:
    """Return the output, then the gradients of input and parameters, for a fixed upstream one."""
    x = x.detach().clone(memory_format=torch.preserve_format).requires_grad_()
    y = layer(x)
    upstream = torch.linspace(-1, 1, y.numel()).reshape(y.shape).to(y.dtype)
    return [y, *torch.autograd.grad(y, [x, *layer.parameters()], upstream)]


def assert_same_bits(first: list[Tensor], second: list[Tensor]) -> None:
    for a, b in zip(first, second, strict=True):
        assert a.dtype == b.dtype
        assert torch.equal(a, b)


# The dense recipe


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
@pytest.mark.parametrize("options", CONVOLUTIONS, ids=str)
@pytest.mark.parametrize("channels_last", [False, True])
def test_dense_convolution_is_bit_equal(options: dict, channels_last: bool) -> None:
    conv = nn.Conv2d(4, 8, **options)
    x = torch.randn(3, 4, 9, 7)
    if channels_last:
        x = x.to(memory_format=torch.channels_last)
        conv = conv.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    sparse = SparseConv2d.from_dense(copy.deepcopy(conv), dense())
    for inputs in (x, x[:1], x[:0]):
        assert_same_bits(gradients(sparse, inputs), gradients(conv, inputs))
    assert_same_bits(gradients(sparse, x[0]), gradients(conv, x[0]))


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("rows", [(5,), (2, 3), (2, 3, 4), (), (0,)])
def test_dense_linear_is_bit_equal(bias: bool, rows: tuple) -> None:
    layer = nn.Linear(7, 5, bias=bias)
    x = torch.randn(*rows, 7)
    sparse = SparseLinear.from_dense(copy.deepcopy(layer), dense())
    assert_same_bits(gradients(sparse, x), gradients(layer, x))


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_dense_is_bit_equal_in_other_precisions(dtype: torch.dtype) -> None:
    for layer, x in (
        (nn.Linear(7, 5), torch.randn(3, 7)),
        (nn.Conv2d(7, 5, 1), torch.randn(3, 7, 2, 2)),
    ):
        layer, x = layer.to(dtype), x.to(dtype)
        sparse: type = SparseLinear if isinstance(layer, nn.Linear) else SparseConv2d
        twin = sparse.from_dense(copy.deepcopy(layer), dense())  # type: ignore[attr-defined]
        assert_same_bits(gradients(twin, x), gradients(layer, x))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_autocast(dtype: torch.dtype) -> None:
    conv, linear = nn.Conv2d(4, 6, 3, padding=1).to(dtype), nn.Linear(4, 6).to(dtype)
    x, v = torch.randn(2, 4, 5, 5, dtype=dtype), torch.randn(3, 4, dtype=dtype)
    sparse_conv = SparseConv2d.from_dense(copy.deepcopy(conv), dense())
    sparse_linear = SparseLinear.from_dense(copy.deepcopy(linear), dense())
    with torch.autocast("cpu", torch.bfloat16):
        # Autocast leaves float64 alone; everything else becomes bfloat16.
        expected = torch.bfloat16 if dtype == torch.float32 else torch.float64
        assert sparse_conv(x).dtype == expected
        assert_same_bits(gradients(sparse_conv, x), gradients(conv, x))
        assert_same_bits(gradients(sparse_linear, v), gradients(linear, v))


def test_autocast_chooses_weights_before_it_casts_them() -> None:
    # All weights are one number in bfloat16 and many in float32: chosen late, all would survive.
    layer = nn.Linear(100, 1, bias=False)
    with torch.no_grad():
        layer.weight.copy_(1 + torch.arange(100) * 1e-6)
    assert layer.weight.bfloat16().unique().numel() == 1
    SparseLinear.from_dense(layer, swat(0.9))
    with torch.autocast("cpu", torch.bfloat16):
        y = layer(torch.eye(100))
    assert y.dtype == torch.bfloat16
    assert y.flatten().nonzero().flatten().tolist() == list(range(90, 100))


@pytest.mark.parametrize(
    "recipe",
    [dense(), swat(0.9), swat(0.9, exact=True), sparse_forward(0.5, 0.5, exact=True), meprop(0.5)],
    ids=str,
)
def test_channels_last_in_channels_last_out(recipe: Recipe) -> None:
    conv = convolve(recipe, kernel_size=3, padding=1)
    x = torch.randn(2, 4, 6, 6).to(memory_format=torch.channels_last).requires_grad_()
    y = conv(x)
    assert y.is_contiguous(memory_format=torch.channels_last)
    plain = conv(x.contiguous())
    torch.testing.assert_close(y, plain)
    upstream = torch.randn_like(plain)
    for a, b in zip(
        torch.autograd.grad(y, [x, conv.weight], upstream),
        torch.autograd.grad(plain, [x, conv.weight], upstream.contiguous()),
        strict=True,
    ):
        torch.testing.assert_close(a, b)


# What a recipe means in a layer


def test_swat_uses_one_weight_mask_forward_and_backward() -> None:
    layer = SparseLinear.from_dense(nn.Linear(30, 20, bias=False), swat(0.9))
    x = torch.randn(4, 30, requires_grad=True)
    active = keep(layer.weight.detach(), TopK(0.9).choose(layer.weight))
    y = layer(x)
    assert active.count_nonzero() == 60
    assert torch.equal(y, x @ active.T)
    g = torch.randn(4, 20)
    y.backward(g)
    assert x.grad is not None
    assert layer.weight.grad is not None
    torch.testing.assert_close(x.grad, g @ active)
    torch.testing.assert_close(layer.weight.grad, g.T @ keep(x.detach(), TopK(0.9).choose(x)))


def test_saw_is_dense_forward() -> None:
    conv = nn.Conv2d(4, 6, 3)
    sparse = SparseConv2d.from_dense(copy.deepcopy(conv), saw(0.9))
    x = torch.randn(2, 4, 6, 6)
    found, whole = gradients(sparse, x), gradients(conv, x)
    assert torch.equal(found[0], whole[0])
    assert not torch.equal(found[1], whole[1])
    assert not torch.equal(found[2], whole[2])
    torch.testing.assert_close(found[3], whole[3])


def test_the_masks_of_the_forward_pass_serve_the_backward_pass() -> None:
    # The weight is another one by the time backward runs; saved operands are those of forward.
    layer = SparseLinear.from_dense(nn.Linear(10, 10, bias=False), swat(0.5))
    x = torch.randn(3, 10, requires_grad=True)
    threshold = TopK(0.5).choose(layer.weight)
    active = torch.where(layer.weight.abs() >= threshold, layer.weight, 0).detach()
    y = layer(x)
    layer.weight.data = torch.zeros(10, 10)
    (dx,) = torch.autograd.grad(y, x, torch.ones(3, 10))
    torch.testing.assert_close(dx, torch.ones(3, 10) @ active)


def test_even_padding_takes_part_in_choosing_activations() -> None:
    # Documented: what the product cannot pad itself is padded before the choice.
    conv = convolve(sparse_forward(activation=0.5), kernel_size=2, padding="same", bias=False)
    x = torch.rand(1, 4, 5, 5) + 0.1
    padded = nn.functional.pad(x, (0, 1, 0, 1))
    expected = nn.functional.conv2d(keep(padded, TopK(0.5).choose(padded)), conv.weight)
    torch.testing.assert_close(conv(x), expected)


@pytest.mark.parametrize("recipe", [meprop(0.8), meprop(0.8, unified=True), swat(0.8)], ids=str)
def test_one_sample_is_a_batch_of_one(recipe: Recipe) -> None:
    conv = convolve(recipe, kernel_size=3)
    linear = SparseLinear.from_dense(nn.Linear(12, 10), recipe)
    for layer, x in ((conv, torch.randn(4, 5, 5)), (linear, torch.randn(12))):
        alone, batch = gradients(layer, x), gradients(layer, x[None])
        for a, b in zip(alone, batch, strict=True):
            assert torch.equal(a, b.reshape(a.shape))


# Identity


def test_turning_a_layer_sparse_and_back_keeps_it() -> None:
    pairs: tuple[tuple[Any, Any], ...] = (
        (nn.Conv2d(3, 4, 3), SparseConv2d),
        (nn.Linear(3, 4), SparseLinear),
    )
    for layer, sparse in pairs:
        attributes, keys = set(vars(layer)), list(layer.state_dict())
        weight, name = layer.weight, type(layer)
        twin = sparse.from_dense(layer, swat(0.5, period=2))
        assert twin is layer
        assert type(layer) is sparse
        assert layer.weight is weight
        assert list(layer.state_dict()) == keys
        assert layer.to_dense() is layer
        assert type(layer) is name
        assert set(vars(layer)) == attributes


def test_a_sparse_layer_takes_another_recipe() -> None:
    layer = convolve(swat(0.5, period=3), kernel_size=3)
    assert SparseConv2d.from_dense(layer, saw(0.9)) is layer
    assert layer.recipe == saw(0.9)
    assert layer.states == {}


def test_repr_names_the_recipe() -> None:
    assert repr(convolve(swat(0.5), kernel_size=3)) == (
        "SparseConv2d(4, 6, kernel_size=(3, 3), stride=(1, 1), recipe=SWAT)"
    )


def test_the_layer_adds_nothing_to_the_product() -> None:
    recipe = replace(swat(0.7), input_grad_gradient=TopK(0.5))
    conv = convolve(recipe, kernel_size=3, stride=2, padding=1)
    x = torch.randn(2, 4, 7, 7)
    threshold = TopK(0.7).choose(conv.weight)
    y = convolution(
        x,
        conv.weight,
        conv.bias,
        Geometry((2, 2), (1, 1)),
        recipe,
        Choices(
            forward_weight=threshold,
            input_grad_weight=threshold,
            weight_grad_activation=TopK(0.7).choose(x),
        ),
    )
    g = torch.randn_like(y)
    expected = torch.autograd.grad(y, list(conv.parameters()), g)
    assert torch.equal(conv(x), y)
    assert_same_bits(list(torch.autograd.grad(conv(x), list(conv.parameters()), g)), list(expected))


# Bad input


@pytest.mark.parametrize("shape", [(2, 5, 6, 6), (2, 4, 6), (4,), (1, 2, 4, 6, 6)])
def test_convolution_of_the_wrong_shape(shape: tuple) -> None:
    conv = convolve(swat(0.5), kernel_size=3)
    if len(shape) == 3:
        # One sample: the batch dimension that is added shows in the message.
        message = r"input must have shape \(N, 4, H, W\), got \(1, 2, 4, 6\)"
    else:
        message = rf"input must have shape \(N, 4, H, W\), got {shape!r}".replace(
            "got (", r"got \("
        )
        message = message.removesuffix(")") + r"\)"
    with pytest.raises(ValueError, match=message):
        conv(torch.randn(shape))


@pytest.mark.parametrize("shape", [(2, 5), (3,), ()])
def test_linear_of_the_wrong_shape(shape: tuple) -> None:
    layer = SparseLinear.from_dense(nn.Linear(4, 2), swat(0.5))
    with pytest.raises(ValueError, match=r"input must have shape \(\.\.\., 4\), got") as error:
        layer(torch.randn(shape))
    assert str(error.value).endswith(f"got {shape}")


def test_other_layers_do_not_become_sparse() -> None:
    with pytest.raises(TypeError, match=r"layer must be an nn\.Conv2d, got Linear"):
        SparseConv2d.from_dense(nn.Linear(2, 2), swat(0.5))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"layer must be an nn\.Linear, got Bilinear"):
        SparseLinear.from_dense(nn.Bilinear(2, 2, 2), swat(0.5))  # type: ignore[arg-type]
