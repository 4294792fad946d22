"""Traces: the layers in the order of their use, and the model left alone."""

from typing import Any

import pytest
import torch
from accounting_models import IMAGE, Of, by_pytorch, tiny
from torch import Tensor, nn
from torch.nn import functional as F

from swatlib import report
from swatlib.accounting import EXACT, PAPER, count, densities, trace
from swatlib.methods import swat
from swatlib.models import build_network
from swatlib.surgery.sparsify import sparsify_


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


def ours(model: nn.Module, example: Any) -> int:
    totals = count(trace(model, example), convention=EXACT).totals()
    return int(totals["forward"] + totals["input_grad"] + totals["weight_grad"])


def attention(m: Any, x: Tensor) -> Tensor:
    q, k, v = m.qkv(m.embed(x)).chunk(3, -1)
    return m.out((q @ k.mT).softmax(-1) @ v)


def convs() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(inplace=True), nn.Conv2d(8, 8, 3, stride=2))


def two_inputs() -> nn.Module:
    def run(m: Any, x: Tensor, *, other: Tensor | None = None, times: float = 1.0) -> Any:
        hidden = m.a(x)
        return m.head(hidden if other is None else hidden + times * m.b(other))

    return Of(run, a=nn.Linear(4, 8), b=nn.Linear(5, 8), head=nn.Linear(8, 2))


@pytest.mark.parametrize(
    "example",
    [
        ((3, 4), {"other": (3, 5)}),
        (torch.randn(3, 4), {"other": torch.randn(3, 5), "times": 2.0}),
        {"x": (3, 4), "other": torch.randn(3, 5)},
    ],
)
def test_positional_and_keyword_arguments(example: Any) -> None:
    x, other = torch.randn(3, 4), torch.randn(3, 5)
    assert ours(two_inputs(), example) == by_pytorch(two_inputs(), x, other=other)
    assert [x.name for x in trace(two_inputs(), (3, 4)).layers] == ["a", "head"]


def test_several_positional_arguments() -> None:
    model = nn.Bilinear(4, 5, 3)
    both = Of(lambda m, x, y: m.h(m.mix(x, y)), mix=model, h=nn.Linear(3, 2))
    network = trace(both, ((2, 4), torch.randn(2, 5)))
    assert network.weighted[0].input == (2, 3)


def test_what_does_not_fit_is_said() -> None:
    with pytest.raises(ValueError, match=r"example of shape \(3, 4\), \(3, 6\) does not fit"):
        trace(two_inputs(), ((3, 4), {"other": (3, 6)}))
    with pytest.raises(ValueError, match=r"does not fit: .*missing"):
        trace(two_inputs(), {"other": (3, 5)})


def test_branches_are_those_of_the_mode_the_model_is_in() -> None:
    model = Of(
        lambda m, x: m.a(x) + m.b(x) if m.training else m.a(x), a=nn.Linear(4, 2), b=nn.Linear(4, 2)
    )
    assert [x.name for x in trace(model.train(), (3, 4)).layers] == ["a", "b"]
    assert [x.name for x in trace(model.eval(), (3, 4)).layers] == ["a"]


def test_a_users_hooks_are_not_called() -> None:
    heard: list[int] = []
    model = convs()
    model[0].register_forward_hook(lambda *_: heard.append(1))
    model[2].register_forward_pre_hook(lambda *_: heard.append(1))
    trace(model, IMAGE)
    assert not heard


def test_a_model_that_asks_for_values_needs_an_example_that_has_them() -> None:
    def run(m: Any, x: Tensor, mask: Tensor) -> Tensor:
        y = m.a(x)
        return y if mask.all() else F.scaled_dot_product_attention(y, y, y)

    x, mask = torch.randn(2, 3, 4), torch.tensor([True, False])
    model = Of(run, a=nn.Linear(4, 2))
    with pytest.raises(ValueError, match=r"shape \(2, 3, 4\), \(2,\) does not fit: .*meta"):
        trace(model, ((2, 3, 4), mask))
    with pytest.warns(UserWarning, match="outside"):
        a, attention = trace(sparsify_(model, swat(0.5, first_layer_dense=False)), (x, mask)).layers
    assert (a.forward_macs, attention.forward_macs) == (2 * 3 * 4 * 2, 2 * (3 * 3 * 2) * 2)


def test_inside_inference_mode_and_no_grad() -> None:
    with torch.inference_mode():
        inside = trace(convs(), IMAGE)
    with torch.no_grad():
        assert trace(convs(), IMAGE) == inside == trace(convs(), IMAGE)


def test_the_counter_and_the_report_have_the_same_first_layer() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head, self.stem = nn.Linear(8, 40), nn.Conv2d(3, 8, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(self.stem(x).mean((2, 3)))

    net, method = sparsify_(Net(), swat(0.9)), swat(0.9)
    traced = trace(net, (1, 3, 9, 9))
    frame = count(traced, densities(traced, method)).to_frame()
    rows = report(net).set_index("layer")
    for layer, active in zip(frame["layer"], frame["active_weights"], strict=True):
        assert round(active) == rows.loc[layer, "active"]
    assert rows.loc["stem", "sparsity"] == 0
