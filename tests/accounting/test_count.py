"""The counter against explicit loops, against PyTorch's own counter, and its conventions."""

from math import prod

import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from swatlib.accounting import (
    EXACT,
    PAPER,
    Convention,
    Density,
    count,
    densities,
    method_densities,
    natural_zeros,
    trace,
)
from swatlib.methods import meprop, saw, swat
from swatlib.models import build_network
from swatlib.surgery.sparsify import sparsify_

conv_cases = st.fixed_dictionaries(
    {
        "groups": st.integers(1, 3),
        "cin": st.integers(1, 2),
        "cout": st.integers(1, 2),
        "kernel": st.tuples(st.integers(1, 3), st.integers(1, 3)),
        "stride": st.integers(1, 3),
        "padding": st.integers(0, 2),
        "size": st.tuples(st.integers(3, 6), st.integers(3, 6)),
        "batch": st.integers(1, 2),
    }
)


@settings(max_examples=40, deadline=None)
@given(conv_cases)
def test_convolution_against_loops(case: dict) -> None:
    groups, (kh, kw), (h, w) = case["groups"], case["kernel"], case["size"]
    conv = nn.Conv2d(
        case["cin"] * groups,
        case["cout"] * groups,
        (kh, kw),
        stride=case["stride"],
        padding=case["padding"],
        groups=groups,
    )
    total = count(
        trace(nn.Sequential(conv), (case["batch"], case["cin"] * groups, h, w)),
        convention=Convention("full_map", first_input_grad=True),
    ).totals()
    rows = (h + 2 * case["padding"] - kh) // case["stride"] + 1
    columns = (w + 2 * case["padding"] - kw) // case["stride"] + 1
    forward = full_map = 0
    for _ in range(case["batch"]):
        for _ in range(groups):
            for _ in range(case["cin"]):
                for _ in range(case["cout"]):
                    for _ in range(rows * columns):  # each output meets each tap
                        for _ in range(kh * kw):
                            forward += 1
                    for _ in range(h * w):  # each input position meets each tap
                        for _ in range(kh * kw):
                            full_map += 1
    assert total["forward_dense"] == total["weight_grad_dense"] == forward
    assert total["input_grad_dense"] == full_map


def test_linear_against_loops() -> None:
    total = count(trace(nn.Linear(3, 5), (4, 3)), convention=PAPER).totals()
    macs = sum(1 for _ in range(4) for _ in range(5) for _ in range(3))
    assert total["forward_dense"] == total["input_grad_dense"] == total["weight_grad_dense"] == macs


@pytest.mark.parametrize(
    ("name", "image"),
    [("small_resnet", 16), ("small_densenet", 8), ("resnet18", 32), ("vgg16", 32), ("wrn16_8", 32)],
)
def test_dense_step_matches_the_counter_of_pytorch(name: str, image: int) -> None:
    with torch.device("meta"):
        model = build_network(name, image=image)
        x = torch.empty(2, 3, image, image)
        with FlopCounterMode(display=False) as counter:
            model(x).sum().backward()
    # PyTorch counts two operations a multiply-accumulate.
    total = count(trace(model, x), convention=EXACT).totals()
    ours = total["forward_dense"] + total["input_grad_dense"] + total["weight_grad_dense"]
    assert 2 * ours == counter.get_total_flops()


# Multiply-accumulates of one 224-pixel image in units of 1e9, as published with the weights of
# torchvision 0.15 ("GFLOPS" of its model tables, which are multiply-accumulates).
@pytest.mark.parametrize(
    ("name", "giga"),
    [
        ("resnet18", 1.81),
        ("resnet34", 3.66),
        ("resnet50", 4.09),
        ("resnet101", 7.80),
        ("wrn50_2", 11.40),
        ("vgg16", 15.47),
        ("densenet121", 2.83),
    ],
)
def test_published_macs(name: str, giga: float) -> None:
    with torch.device("meta"):
        model = build_network(name, classes=1000, image=224)
    total = count(trace(model, (1, 3, 224, 224))).totals()
    # The published counts include biases and batch norm here and there: within half a percent.
    assert total["forward_dense"] / 1e9 == pytest.approx(giga, rel=5e-3)


def tiny() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.Conv2d(4, 8, 3, stride=2, padding=1),
        nn.Flatten(),
        nn.Linear(8 * 4, 5),
    )


def test_sparse_count_by_hand() -> None:
    traced = trace(tiny(), (1, 3, 4, 4))
    frame = count(traced, densities(traced, swat(0.75, 0.5)), EXACT).to_frame(itemsize=2)
    # 3*4*9*16, 4*8*9*4, 32*5 multiply-accumulates; the first layer is dense.
    conv1, norm, conv2, linear = frame.to_dict("records")
    assert (conv1["forward"], conv1["input_grad"], conv1["weight_grad"]) == (1728, 0, 1728)
    assert (conv2["forward"], conv2["input_grad"], conv2["weight_grad"]) == (288, 288, 576)
    assert (linear["forward"], linear["input_grad"], linear["weight_grad"]) == (40, 40, 80)
    assert (norm["forward_dense"], norm["activations"], norm["kept_activations"]) == (0, 64, 64)
    assert (conv2["activations"], conv2["kept_activations"]) == (64, 32)
    assert (conv2["activation_bytes_dense"], conv2["activation_bytes"]) == (128, 64)
    assert (conv2["weight_bytes_dense"], conv2["weight_bytes"]) == (576, 144)


def test_bitmap_costs_a_bit_an_element_and_never_more_than_dense() -> None:
    traced = trace(tiny(), (1, 3, 4, 4))
    frame = count(traced, densities(traced, swat(0.5)), EXACT).to_frame(index_bits=1)
    conv2 = frame.iloc[2]
    assert conv2["activation_bytes"] == 64 * 4 / 2 + 64 / 8
    frame = count(traced, densities(traced, swat(0.5)), EXACT).to_frame(index_bits=32)
    assert frame.iloc[2]["activation_bytes"] == 64 * 4


def test_which_product_is_sparse_follows_the_recipe() -> None:
    traced = trace(tiny(), (2, 3, 4, 4))
    rows = {
        recipe.name: count(traced, densities(traced, recipe)).totals()
        for recipe in (saw(0.5), meprop(0.5), swat(0.5))
    }
    products = ("forward", "input_grad", "weight_grad")
    saved = {
        name: [total[p] < total[f"{p}_dense"] for p in products] for name, total in rows.items()
    }
    assert saved == {
        "SAW": [False, True, True],
        "meProp": [False, True, True],
        "SWAT": [True, True, True],
    }


@given(st.floats(0, 0.99), st.floats(0, 0.99))
@settings(max_examples=20, deadline=None)
def test_two_sparse_operands_multiply(a: float, b: float) -> None:
    density = Density(forward_weight=1 - a, forward_activation=1 - b)
    assert density.forward == pytest.approx((1 - a) * (1 - b))


def test_full_map_is_stride_squared_times_exact() -> None:
    model = nn.Sequential(nn.Conv2d(2, 2, 1), nn.Conv2d(2, 4, 3, stride=2, padding=1))
    traced = trace(model, (1, 2, 8, 8))
    exact = count(traced, convention=EXACT).to_frame()["input_grad_dense"]
    full = count(traced, convention=Convention("full_map")).to_frame()["input_grad_dense"]
    assert full.iloc[1] == 4 * exact.iloc[1]


def test_natural_zeros_are_measured_and_change_nothing() -> None:
    torch.manual_seed(0)
    model = tiny()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    x = torch.randn(8, 3, 4, 4)
    zeros = natural_zeros(model, x)
    assert zeros["0"] == 0
    hidden = torch.relu(model[1](model[0](x)))
    model.load_state_dict(before)
    assert zeros["3"] == float((hidden == 0).float().mean())
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, before[name]), name


def test_natural_zeros_take_over_where_they_are_more() -> None:
    traced = trace(tiny(), (1, 3, 4, 4))
    found = densities(traced, swat(0.4), natural_zeros={"3": 0.5, "5": 0.3})
    assert [d.weight_grad_activation for d in found] == [1.0, 0.5, 0.6]
    assert found[1].forward_weight == 0.6


def test_trace_leaves_the_model_alone() -> None:
    model = tiny().train()
    keys = [(k, v.data_ptr()) for k, v in model.state_dict().items()]
    trace(model, torch.zeros(1, 3, 4, 4))
    assert [(k, v.data_ptr()) for k, v in model.state_dict().items()] == keys
    assert all(m.training for m in model.modules())
    assert not any(m._forward_hooks for m in model.modules())


def test_sparsified_models_count_the_same() -> None:
    model = build_network("small_resnet", image=8)
    before = trace(model, (1, 3, 8, 8))
    after = trace(sparsify_(model, swat(0.8)), (1, 3, 8, 8))
    assert after == before


def test_shared_weights_count_once_and_work_twice() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(2, 2, 3, padding=1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.conv(self.conv(x))

    traced = trace(Twice(), (1, 2, 4, 4))
    assert [layer.name for layer in traced.layers] == ["conv", "conv@2"]
    total = count(traced, densities(traced, swat(0.5, first_layer_dense=False))).totals()
    assert total["weights"] == 36
    assert total["forward_dense"] == 2 * 36 * 16
    assert total["forward"] == total["forward_dense"] / 2


def test_what_is_multiplied_elsewhere_is_named_and_counted() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ConvTranspose2d(4, 4, 3), nn.ReLU())
    with pytest.warns(UserWarning, match=r"outside nn.Conv2d and nn.Linear.*: 1 \(ConvT"):
        traced = trace(model, (1, 3, 8, 8))
    assert traced.layers[-1].name == "1 (other)"
    # Each of 6 x 6 inputs of the second layer meets each of its 4 x 4 x 9 weights.
    assert count(traced).totals()["forward_dense"] == 3 * 4 * 9 * 36 + 4 * 4 * 9 * 36
    assert count(traced, convention=PAPER).totals()["forward_dense"] == 3 * 4 * 9 * 36


@pytest.mark.parametrize(
    ("example", "error", "message"),
    [
        ((1, 4, 8, 8), ValueError, r"example of shape \(1, 4, 8, 8\) does not fit"),
        ((1,), ValueError, "example must have a batch"),
        ((1, 3, 0, 8), ValueError, "example must have a batch"),
        ("abc", TypeError, "example must be a tensor, a shape"),
    ],
)
def test_bad_examples(example: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        trace(nn.Sequential(nn.Conv2d(3, 4, 3)), example)


def test_bad_models() -> None:
    with pytest.raises(TypeError, match=r"model must be an nn.Module, got 3"):
        trace(3, (1, 3, 8, 8))
    with pytest.raises(ValueError, match=r"must use an nn.Conv2d or nn.Linear"):
        trace(nn.Sequential(nn.ReLU()), (1, 3))


def test_bad_densities() -> None:
    traced = trace(tiny(), (1, 3, 4, 4))
    with pytest.raises(ValueError, match=r"one entry per layer \(3\), got 1"):
        count(traced, [Density()])
    with pytest.raises(ValueError, match="forward_weight must be in"):
        Density(forward_weight=1.5)
    with pytest.raises(ValueError, match="'uniform', 'erk' or one density"):
        densities(traced, swat(0.5), "gradual")
    with pytest.raises(ValueError, match=r"one density per layer \(3\), got 2"):
        densities(traced, swat(0.5), [0.5, 0.5])
    with pytest.raises(ValueError, match="natural_zeros must be given by name"):
        densities(traced, swat(0.5), natural_zeros={"relu": 0.5})
    with pytest.raises(TypeError, match="recipe must be a Recipe, got 'swat'"):
        densities(traced, "swat")
    with pytest.raises(ValueError, match="input_grad must be one of full_map, exact"):
        Convention("half")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("swat-u", 1.0), r"sparsity must be in \[0, 1\), got 1.0"),
        (("swat-u", 0.5, -0.1), r"act-sparsity must be in \[0, 1\)"),
        (("swatt", 0.5), "method must be one of dense, swat, saw"),
        (("swat-m", 0.5), "known only after training"),
    ],
)
def test_bad_methods(arguments: tuple, message: str) -> None:
    name, *rest = arguments
    with pytest.raises(ValueError, match=message):
        method_densities(name, trace(tiny(), (1, 3, 4, 4)), *rest)


def test_meta_tensors_have_no_zeros_to_measure() -> None:
    with pytest.raises(ValueError, match="x must hold entries"):
        natural_zeros(tiny().to("meta"), torch.empty(1, 3, 4, 4, device="meta"))
    with pytest.raises(ValueError, match=r"model cannot take x: .*channels"):
        natural_zeros(tiny(), torch.empty(1, 2, 4, 4))


def test_frame_has_a_row_per_layer() -> None:
    traced = trace(tiny(), (1, 3, 4, 4))
    frame = count(traced).to_frame()
    assert isinstance(frame, pd.DataFrame)
    assert frame["layer"].tolist() == ["0", "1", "3", "5"]
    assert frame["kind"].tolist() == ["conv", "norm", "conv", "linear"]
    assert frame["weights"].tolist() == [108, 0, 288, 160]
    assert frame["activations"].tolist() == [prod((3, 4, 4)), 64, 64, 32]
