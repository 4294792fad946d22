"""Sparse layers are called as torch's own are, and raise where those do, with one clear error."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, jvp, vmap
from torch.utils.checkpoint import checkpoint

from swatlib import Recipe, dense, densify_, meprop, recipe, saw, sparsify_, swat
from swatlib.core.layers import SparseConv2d, SparseLinear

RECIPES = [
    dense(),
    swat(0.5),
    swat(0.5, period=3),
    saw(0.5, random=True),
    meprop(0.5),
    recipe("fst", 0.5),
    recipe("tsm", 0.5),
    recipe("asp", 0.5),
]


def mlp() -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(8, 16), nn.Tanh(), nn.Linear(16, 16), nn.Tanh(), nn.Linear(16, 4)
    )


def test_the_input_may_be_named() -> None:
    x = torch.randn(2, 8)
    linear = SparseLinear.from_dense(nn.Linear(8, 4), swat(0.5))
    assert torch.equal(linear(input=x), linear(x))
    image = torch.randn(2, 3, 5, 5)
    conv = SparseConv2d.from_dense(nn.Conv2d(3, 4, 3), swat(0.5))
    assert torch.equal(conv(input=image), conv(image))


DTYPES = [torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.bool]


@pytest.mark.parametrize("weight", [torch.float64, torch.float32, torch.bfloat16])
@pytest.mark.parametrize("autocast", [False, True])
def test_dtypes_are_accepted_and_refused_as_by_dense_torch(
    weight: torch.dtype, autocast: bool
) -> None:
    """The reference is torch itself, for every pair of dtypes."""
    for make, shape in (
        (lambda: nn.Linear(4, 4), (3, 4)),
        (lambda: nn.Conv2d(4, 4, 1), (3, 4, 1, 1)),
    ):
        layer = make().to(weight)
        for dtype in DTYPES:
            x = torch.ones(shape).to(dtype)
            results: list[Any] = []
            for change in (densify_, lambda m: sparsify_(m, dense_everywhere())):
                change(layer)
                with torch.autocast("cpu", enabled=autocast):
                    try:
                        results.append(layer(x).dtype)
                    except (RuntimeError, TypeError):
                        results.append("refused")
            assert results[0] == results[1], (weight, dtype, autocast)


def dense_everywhere() -> Recipe:
    return Recipe("dense", first_layer_dense=False)


def test_a_bias_of_another_dtype_is_refused_as_by_dense_torch() -> None:
    layer = nn.Linear(4, 4)
    layer.bias.data = layer.bias.data.double()
    with pytest.raises(RuntimeError):
        layer(torch.ones(2, 4))
    SparseLinear.from_dense(layer, swat(0.5))
    with pytest.raises(TypeError, match=r"bias must have the weight's torch\.float32"):
        layer(torch.ones(2, 4))


def test_inputs_that_are_no_dense_tensors() -> None:
    layer: Any = SparseLinear.from_dense(nn.Linear(4, 4), swat(0.5))
    with pytest.raises(TypeError, match="input must be a Tensor, got list"):
        layer([1.0])
    with pytest.raises(
        TypeError, match=r"input must be a dense, strided tensor, got torch\.sparse"
    ):
        layer(torch.eye(4).to_sparse())
    nested = torch.nested.nested_tensor([torch.ones(2, 4)], layout=torch.jagged)
    with pytest.raises(TypeError, match="got a nested one"):
        layer(nested)


@pytest.mark.parametrize("own", RECIPES, ids=str)
def test_functional_call_computes_with_the_weights_it_is_given(own: Recipe) -> None:
    model, x = sparsify_(mlp(), own).eval(), torch.randn(8, 8)
    doubled = {name: 2 * p.detach() for name, p in model.named_parameters()}
    other = sparsify_(mlp(), own).eval()
    other.load_state_dict(doubled)
    assert torch.equal(functional_call(model, doubled, (x,)), other(x))


@pytest.mark.parametrize("own", RECIPES, ids=str)
@pytest.mark.parametrize(
    "transformed",
    [
        lambda m, x: vmap(m)(x),
        lambda m, x: jvp(m, (x,), (x,)),
        lambda m, x: grad(lambda p: functional_call(m, p, (x,)).sum())(dict(m.named_parameters())),
    ],
    ids=["vmap", "jvp", "grad"],
)
def test_transforms_are_refused_in_one_sentence(
    own: Recipe, transformed: Callable[[nn.Module, Tensor], object]
) -> None:
    with pytest.raises(RuntimeError, match=r"under no transform of torch\.func"):
        transformed(sparsify_(mlp(), own), torch.randn(8, 8))


def test_tracing_is_refused_in_one_sentence() -> None:
    model, x = sparsify_(mlp(), swat(0.5)).eval(), torch.randn(8, 8)
    with pytest.raises(RuntimeError, match=r"cannot be traced by torch\.jit: use torch\.export"):
        torch.jit.trace(model, (x,))
    exported = torch.export.export(model, (x,)).module()
    assert torch.allclose(exported(x), model(x))


def test_a_second_derivative_is_refused() -> None:
    """A gradient penalty: without the refusal its gradient would lack terms, silently."""
    model, x = sparsify_(mlp(), swat(0.5)), torch.randn(8, 8, requires_grad=True)
    (slope,) = torch.autograd.grad(model(x).sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="differentiate twice"):
        (model(x).sum() + slope.square().sum()).backward()
    for reentrant in (True, False):
        checkpoint(model, x, use_reentrant=reentrant).sum().backward()


@pytest.mark.parametrize("own", RECIPES, ids=str)
@pytest.mark.parametrize("training", [False, True])
def test_inference_mode_before_training(own: Recipe, training: bool) -> None:
    """What a look under inference mode leaves behind must not stand in a later training's way."""
    x, looked, plain = torch.randn(8, 8), mlp(), mlp()
    plain.load_state_dict(looked.state_dict())
    weights = []
    for model in (sparsify_(looked, own), sparsify_(plain, own)):
        if model is looked:
            with torch.inference_mode():
                model.train(training)(x)
        torch.manual_seed(0)
        optimizer = torch.optim.SGD(model.train().parameters(), 0.1)
        for _ in range(4):
            optimizer.zero_grad()
            model(x).square().sum().backward()
            optimizer.step()
        weights.append([p.detach() for p in model.parameters()])
    if not training:
        assert all(torch.equal(a, b) for a, b in zip(*weights, strict=True))


def test_a_layer_says_whether_it_was_called() -> None:
    model = sparsify_(mlp(), swat(0.5))
    assert not model[2].called  # type: ignore[index]
    model(torch.randn(2, 8))
    assert model[2].called  # type: ignore[index]
    assert not sparsify_(densify_(model), swat(0.9))[2].called  # type: ignore[index]
