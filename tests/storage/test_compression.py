"""Compressed saving changes what is kept, and not one bit of what is computed."""

import copy
import pickle
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from storage_steps import equal, kept, step
from torch import Tensor, nn
from torch.autograd import gradcheck, gradgradcheck

from swatlib.kernels import packing
from swatlib.kernels.keep import keep
from swatlib.kernels.packing import compress
from swatlib.methods import (
    Recipe,
    dense,
    fst,
    meprop,
    saw,
    sparse_backward,
    sparse_forward,
    sr_ste,
    swat,
)
from swatlib.models import build_network
from swatlib.selectors import RandomK, topk_threshold
from swatlib.storage.compression import BitReLU, compress_, decompress_, saved_bytes
from swatlib.surgery.sparsify import densify_, sparsify_

RECIPES = [
    dense(),
    swat(0.5),
    swat(0.9, first_layer_dense=False),
    swat(0.98),
    swat(0.9, exact=True),
    swat(0.9, over="CHW"),
    swat(0.8, period=2),
    saw(0.9),
    meprop(0.9),
    sparse_forward(0.6, 0.7, matched=True),
    sparse_backward(0.9, 0.9, 0.5),
    fst(),
    sr_ste(),
]
recipes = pytest.mark.parametrize("recipe", RECIPES, ids=str)


@recipes
@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last], ids=str)
def test_training_is_the_same_to_the_bit(recipe: Recipe, memory_format: Any) -> None:
    model = build_network("small_resnet", image=8, channels=1, width=8)
    model = sparsify_(model, recipe).to(memory_format=memory_format)
    x = torch.randn(6, 1, 8, 8).to(memory_format=memory_format)
    twin = compress_(copy.deepcopy(model))
    assert equal(step(model, x), step(twin, x))


@pytest.mark.parametrize("name", ["small_vgg", "small_densenet", "resnet18", "wrn16_8"])
def test_every_family_trains_the_same(name: str) -> None:
    image, batch = (16, 1) if name in ("resnet18", "wrn16_8") else (8, 4)
    model = sparsify_(build_network(name, image=image), swat(0.9)).to(
        memory_format=torch.channels_last
    )  # type: ignore[call-overload]
    x = torch.randn(batch, 3, image, image).to(memory_format=torch.channels_last)
    twin = compress_(copy.deepcopy(model))
    assert equal(step(model, x, 1), step(twin, x, 1))


class Odd(nn.Module):
    """Odd shapes, groups, strides, padding modes, and linear layers on three dimensions."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.a = nn.Conv2d(3, 6, 3, padding=1, padding_mode="reflect")
        self.b = nn.Conv2d(6, 9, (2, 3), stride=(2, 1), groups=3, padding="valid")
        self.c = nn.Linear(4, 5)
        self.relu = nn.ReLU(inplace)

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu(self.b(self.relu(self.a(x))))
        return self.c(y.flatten(1, 2)[..., :4])


@pytest.mark.parametrize("inplace", [False, True])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
def test_odd_shapes_and_precisions(dtype: torch.dtype, inplace: bool) -> None:
    model = sparsify_(Odd(inplace).to(dtype), swat(0.8, first_layer_dense=False))
    twin = compress_(copy.deepcopy(model))
    for batch in (1, 3):
        x = torch.randn(batch, 3, 7, 6, dtype=dtype)
        assert equal(step(model, x), step(twin, x))
    for x in (
        torch.randn(0, 3, 7, 6),
        torch.full((2, 3, 7, 6), torch.nan),
        torch.zeros(2, 3, 7, 6),
    ):
        for m in (model, twin):
            m.zero_grad()
            m(x.to(dtype)).sum().backward()
        for a, b in zip(model.parameters(), twin.parameters(), strict=True):
            torch.testing.assert_close(a.grad, b.grad, rtol=0, atol=0, equal_nan=True)


def test_under_autocast() -> None:
    model = sparsify_(build_network("small_resnet", image=8, channels=1, width=8), swat(0.9))
    twin, x = compress_(copy.deepcopy(model)), torch.randn(4, 1, 8, 8)
    with torch.autocast("cpu", torch.bfloat16):
        assert equal(step(model, x), step(twin, x))


# The ReLU


@given(
    st.lists(st.integers(0, 5), max_size=4).map(tuple),
    st.booleans(),
    st.booleans(),
    st.sampled_from([torch.float64, torch.float32, torch.bfloat16]),
)
@hypothesis_settings(max_examples=50)
def test_relu_is_torchs_relu(
    shape: tuple, inplace: bool, expanded: bool, dtype: torch.dtype
) -> None:
    values = torch.tensor([-1.0, -0.0, 0.0, 1e-40, 2.0, torch.nan, torch.inf], dtype=dtype)
    data = values[torch.randint(len(values), shape)]
    if len(shape) == 4:
        data = data.contiguous(memory_format=torch.channels_last)
    upstream = torch.randn((), dtype=dtype).expand(shape) if expanded else torch.randn_like(data)
    found = []
    for relu in (nn.ReLU(inplace), BitReLU(inplace)):
        x = data.clone().requires_grad_()
        y = relu(x * 1)
        y.backward(upstream)
        assert x.grad is not None
        found.append((y.detach(), x.grad))
    for a, b in zip(*found, strict=True):
        assert a.stride() == b.stride()
        torch.testing.assert_close(a, b, rtol=0, atol=0, equal_nan=True)


def test_relu_of_a_slice_in_place() -> None:
    found = []
    for relu in (nn.ReLU(inplace=True), BitReLU(inplace=True)):
        torch.manual_seed(0)
        x = torch.randn(4, 6, requires_grad=True)
        y = x * 1
        relu(y[:, ::2])
        (y * torch.arange(6)).sum().backward()
        found.append(x.grad)
    assert torch.equal(found[0], found[1])  # type: ignore[arg-type]


def test_relu_has_both_derivatives() -> None:
    x = torch.randn(3, 7, dtype=torch.float64).requires_grad_()
    relu = BitReLU()
    assert gradcheck(relu, x)
    assert gradgradcheck(lambda x: relu(x).pow(3), x)


def test_relu_without_gradients_keeps_nothing() -> None:
    x = torch.randn(5)
    assert BitReLU()(x).grad_fn is None
    with torch.no_grad():
        assert torch.equal(BitReLU()(x.requires_grad_()), x.relu())
    assert BitReLU()(torch.tensor([-1, 2])).tolist() == [0, 2]


# What is held


def chain() -> nn.Module:
    # Two sparse convolutions behind ReLUs, and nothing else that saves: every byte can be foretold.
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1, bias=False),
        nn.ReLU(),
        nn.Conv2d(8, 8, 3, padding=1, bias=False),
        nn.ReLU(),
        nn.Conv2d(8, 4, 3, padding=1, bias=False),
    )


def test_held_counts_every_piece_of_memory_once() -> None:
    model, x = chain(), torch.randn(2, 3, 10, 10)
    # The image, and two ReLU outputs that are two convolutions' inputs.
    image, activation = 2 * 3 * 100 * 4, 2 * 8 * 100 * 4
    found = saved_bytes(model, x)
    assert found["bytes"].tolist() == [image, activation, activation]
    assert found["layer"].tolist() == ["0", "1", "3"]
    assert found["kind"].tolist() == ["Conv2d", "ReLU", "ReLU"]
    # A slice counts for itself, and not for the data set it was cut from.
    assert saved_bytes(model, torch.randn(50, 3, 10, 10)[:2]).equals(found)


def test_what_is_held_is_the_survivors_and_two_masks() -> None:
    sparsity = 0.8
    model, x = sparsify_(chain(), swat(sparsity)), torch.randn(2, 3, 10, 10)
    weights = (8 + 4) * 8 * 9 * 4
    dense_bytes = kept(densify_(copy.deepcopy(model)), x)
    # Masked saving: as dense, a thinned copy of the weights, and two thresholds.
    assert kept(model, x) == dense_bytes + weights + 2 * 4
    entries = 2 * 8 * 100
    survivors = round((1 - sparsity) * entries)
    one = entries // 8 + 4 * survivors + entries // 8  # ReLU's bits, values, their bits
    thresholds = 2 * 4
    assert kept(compress_(model), x) == 2 * 3 * 100 * 4 + 2 * one + thresholds


def test_without_the_bits_compression_adds_memory() -> None:
    model, x = compress_(sparsify_(chain(), swat(0.8))), torch.randn(2, 3, 10, 10)
    for module in model.modules():
        if isinstance(module, BitReLU):
            module.__class__ = nn.ReLU  # type: ignore[assignment]
    assert kept(model, x) > kept(densify_(copy.deepcopy(model)), x)


class Fork(nn.Module):
    """One activation that feeds several layers, as a residual block with a shortcut does."""

    def __init__(self, layers: int = 2, change: bool = False) -> None:
        super().__init__()
        self.stem, self.relu = nn.Linear(20, 64), nn.ReLU()
        self.branches = nn.ModuleList(nn.Linear(64, 5) for _ in range(layers))
        self.change = change

    def forward(self, x: Tensor) -> Tensor:
        y, outputs = self.relu(self.stem(x)), []
        for branch in self.branches:
            outputs.append(branch(y))
            if self.change:
                with torch.no_grad():
                    y += 1
        return torch.cat(outputs)


@pytest.mark.parametrize(
    "recipe", [swat(0.8), swat(0.8, exact=True), swat(0.8, over="CHW")], ids=str
)
def test_layers_with_one_input_share_one_copy(recipe: Recipe) -> None:
    x = torch.randn(40, 20)
    sizes = [kept(compress_(sparsify_(Fork(n), recipe)), x) for n in (1, 2, 3)]
    one = 40 * 64 // 8 + 4 * 512 + 40 * 64 // 8
    assert sizes[0] > one
    # What a further layer adds is its criteria (thresholds, or masks of W), and no copy of X.
    assert sizes[2] - sizes[1] == sizes[1] - sizes[0] < 4 * 64 * 5
    model = sparsify_(Fork(3), recipe)
    twin = compress_(copy.deepcopy(model))
    assert equal(step(model, x), step(twin, x))
    assert not len(packing.copies)


def test_layers_that_choose_differently_share_nothing() -> None:
    x = torch.randn(40, 20)
    random = Recipe("random", weight_grad_activation=RandomK(0.8))
    changed = sparsify_(Fork(2, change=True), swat(0.8))
    for model in (sparsify_(Fork(), random), changed):
        found = saved_bytes(compress_(model), x)
        values = found[(found["kind"] == "SparseLinear") & (found["dtype"] == "float32")]
        assert (values["bytes"] > 500).sum() == 2


def test_the_form_follows_the_density_of_each_layer() -> None:
    model = sparsify_(chain(), swat(0.5), lambda name, layer: name == "2")
    x = torch.randn(2, 3, 10, 10)
    for sparsity, dtypes in ((0.5, {"float32", "uint8"}), (0.98, {"float32", "int16"})):
        sparsify_(model, swat(sparsity), lambda name, layer: name == "2")
        found = saved_bytes(compress_(model), x).query("kind == 'SparseConv2d'")
        assert set(found["dtype"]) == dtypes
    decompress_(model)


def test_held_changes_nothing() -> None:
    model = compress_(
        sparsify_(build_network("small_resnet", image=8, width=8), swat(0.8, period=2))
    )
    before = copy.deepcopy(model.state_dict())
    kept(model, torch.randn(2, 3, 8, 8))
    assert all(torch.equal(a, before[key]) for key, a in model.state_dict().items())
    assert all(
        memory.steps == 0 for m in model.modules() for memory in getattr(m, "memory", {}).values()
    )
    assert all(not m._forward_hooks and not m._forward_pre_hooks for m in model.modules())


def test_a_copy_is_made_of_the_masked_activation() -> None:
    # What is saved is compress(TopK(X)), checked on the graph itself.
    model = compress_(
        sparsify_(nn.Sequential(nn.Linear(40, 30)), swat(0.9, first_layer_dense=False))
    )
    x = torch.randn(8, 40)
    expected = compress(keep(x, topk_threshold(x, 0.9)))
    saved = model(x).grad_fn.saved_tensors
    assert torch.equal(saved[0], expected.values)
    assert expected.where is not None
    assert torch.equal(saved[1], expected.where)
    assert saved[2] is model[0].weight  # type: ignore[index]


# In place, and back


def test_the_model_stays_the_same_object_and_goes_back() -> None:
    model = sparsify_(build_network("small_resnet", image=8), swat(0.9))
    modules, keys = list(model.modules()), list(model.state_dict())
    classes = [type(m) for m in modules]
    assert compress_(model) is model
    assert compress_(model) is model
    assert all(a is b for a, b in zip(modules, model.modules(), strict=True))
    assert list(model.state_dict()) == keys
    assert not any(type(m) is nn.ReLU for m in model.modules())
    assert decompress_(model) is model
    assert [type(m) for m in model.modules()] == classes
    assert not any("compressed" in vars(m) for m in model.modules())


def test_densify_and_sparsify_work_afterwards() -> None:
    model, x = build_network("small_resnet", image=8), torch.randn(2, 3, 8, 8)
    plain = copy.deepcopy(model)
    densify_(compress_(sparsify_(model, swat(0.9))))
    assert equal(step(copy.deepcopy(model), x), step(copy.deepcopy(plain), x))
    decompress_(model)
    assert [type(m) for m in model.modules()] == [type(m) for m in plain.modules()]
    assert [vars(m).keys() for m in model.modules()] == [vars(m).keys() for m in plain.modules()]
    # Made sparse once more it saves whole activations until it is asked again.
    sparsify_(compress_(sparsify_(model, swat(0.9))), saw(0.5))
    assert not any(getattr(m, "compressed", False) for m in model.modules())


@pytest.mark.parametrize("how", ["deepcopy", "pickle"])
def test_copies_stay_compressed(how: str) -> None:
    model = compress_(sparsify_(build_network("small_resnet", image=8, width=8), swat(0.9)))
    twin = copy.deepcopy(model) if how == "deepcopy" else pickle.loads(pickle.dumps(model))
    x = torch.randn(2, 3, 8, 8)
    assert kept(twin, x) == kept(model, x)
    assert equal(step(model, x), step(twin, x))


def test_a_relu_made_by_others_is_passed_over() -> None:
    class Mine(nn.ReLU):
        pass

    model = compress_(sparsify_(nn.Sequential(nn.Linear(2, 2), Mine(), nn.Linear(2, 2)), swat(0.5)))
    assert type(model[1]) is Mine  # type: ignore[index]


def test_evaluation_compresses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(x: Tensor, values: str) -> None:
        raise AssertionError("compressed without a backward pass to come")

    model = compress_(sparsify_(chain(), swat(0.9)))
    monkeypatch.setattr("swatlib.kernels.packing.compress", refuse)
    x = torch.randn(2, 3, 10, 10)
    with torch.no_grad():
        model(x)
    with pytest.raises(AssertionError, match="backward pass to come"):
        model(x)


def test_a_compiled_model_trains_the_same() -> None:
    torch.compiler.reset()
    model = sparsify_(chain(), swat(0.8))
    twin, x = compress_(copy.deepcopy(model)), torch.randn(2, 3, 10, 10)
    compiled: Any = torch.compile(twin, backend="eager")
    compiled(x).square().sum().backward()
    model(x).square().sum().backward()
    for a, b in zip(model.parameters(), twin.parameters(), strict=True):
        assert torch.equal(a.grad, b.grad)  # type: ignore[arg-type]


def test_errors_name_what_is_missing() -> None:
    with pytest.raises(
        ValueError, match=r"must have a sparse layer, Sequential has none.*sparsify_"
    ):
        compress_(chain())
    with pytest.raises(TypeError, match=r"model must be an nn\.Module, got"):
        compress_(3)  # type: ignore[arg-type]
    assert decompress_(chain()) is not None
    model = sparsify_(chain(), swat(0.9))
    for wrong, message in (
        ({"values": "int4"}, r"values must be one of .*int8; got 'int4'"),
        ({"batch_norm": "sparse"}, r"batch_norm must be one of .*recomputed; got 'sparse'"),
        ({"batch_norm": 1.0}, r"batch_norm must be"),
    ):
        with pytest.raises(ValueError, match=message):
            compress_(model, **wrong)  # type: ignore[arg-type]


# Masks


def test_masks_of_weights_are_kept_as_bits() -> None:
    # 2:4 masks of W for the decay and of W^T for dX: a bit an entry each.
    model, x = sparsify_(chain(), fst()), torch.randn(2, 3, 10, 10)
    masks = 2 * sum(p.numel() for p in model.parameters())
    found = saved_bytes(model, x)
    assert found[found["dtype"] == "bool"]["bytes"].sum() == masks
    found = saved_bytes(compress_(model), x)
    assert not (found["dtype"] == "bool").any()
    activations = (2 * 8 * 100 // 8) * 2 * 2  # ReLU's bits, and where survivors stand, twice
    assert found[found["dtype"] == "uint8"]["bytes"].sum() == masks / 8 + activations


# Rounded values


@pytest.mark.parametrize(("values", "width"), [("bfloat16", 2), ("int8", 1)])
def test_rounded_values_take_fewer_bytes(values: str, width: int) -> None:
    model, x = compress_(sparsify_(chain(), swat(0.8)), values=values), torch.randn(2, 3, 10, 10)
    entries, thresholds = 2 * 8 * 100, 2 * 4
    one = entries // 8 + width * entries // 5 + entries // 8
    assert kept(model, x) == 2 * 3 * 100 * 4 + 2 * one + thresholds


@pytest.mark.parametrize(("values", "least"), [("bfloat16", 1e-5), ("int8", 1e-4)])
def test_rounded_values_change_gradients_a_little_and_outputs_not(
    values: str, least: float
) -> None:
    model = sparsify_(build_network("small_resnet", image=8, channels=1, width=8), swat(0.8))
    twin, x = compress_(copy.deepcopy(model), values=values), torch.randn(16, 1, 8, 8)
    exact, rounded = model(x), twin(x)
    assert torch.equal(exact, rounded)
    for y in (exact, rounded):
        y.square().mean().backward()
    a, b = (torch.cat([p.grad.flatten() for p in m.parameters()]) for m in (model, twin))
    assert least < (a - b).norm() / a.norm() < 0.1
    # The last layer's bias does not depend on what is kept.
    last = [list(m.parameters())[-1].grad for m in (model, twin)]
    assert torch.equal(*last)  # type: ignore[arg-type]


def test_options_replace_each_other() -> None:
    model, x = sparsify_(chain(), swat(0.8)), torch.randn(2, 3, 10, 10)
    plain = kept(compress_(model), x)
    assert kept(compress_(model, values="int8"), x) < plain
    assert kept(compress_(model), x) == plain
