"""The counter against explicit loops, against PyTorch's own counter, and its conventions."""

from math import prod

import pandas as pd
import pytest
import torch
from accounting_models import tiny
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from swatlib.accounting import EXACT, PAPER, Convention, count, densities, trace
from swatlib.methods import swat
from swatlib.models import build_network

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


def test_frame_has_a_row_per_layer() -> None:
    traced = trace(tiny(), (1, 3, 4, 4))
    frame = count(traced).to_frame()
    assert isinstance(frame, pd.DataFrame)
    assert frame["layer"].tolist() == ["0", "1", "3", "5"]
    assert frame["kind"].tolist() == ["conv", "norm", "conv", "linear"]
    assert frame["weights"].tolist() == [108, 0, 288, 160]
    assert frame["activations"].tolist() == [prod((3, 4, 4)), 64, 64, 32]
