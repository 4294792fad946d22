"""The exact convention against PyTorch's own counter, on models as people write them."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations, prune
from torch.utils.checkpoint import checkpoint
from torch.utils.flop_counter import FlopCounterMode

from swatlib import recipe, report, sparsify_, swat
from swatlib.accounting import COUNTED, EXACT, PAPER, count, densities, natural_zeros, trace
from swatlib.methods import METHODS
from swatlib.surgery.twin import tensors_in


def by_pytorch(model: nn.Module, *args: Any, **kwargs: Any) -> int:
    """Multiply-accumulates of a forward and a backward pass, by PyTorch's counter."""
    with FlopCounterMode(display=False) as counter:
        outputs = [t for t in tensors_in(model(*args, **kwargs)) if t.requires_grad]
        if outputs:
            torch.autograd.backward(outputs, [torch.ones_like(t) for t in outputs])
    return counter.get_total_flops() // 2


def ours(model: nn.Module, example: Any) -> int:
    totals = count(trace(model, example), convention=EXACT).totals()
    return int(totals["forward"] + totals["input_grad"] + totals["weight_grad"])


class Adapted(nn.Linear):
    """A linear layer with a low-rank side path of its own."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs)
        self.down = nn.Parameter(torch.randn(4, inputs))
        self.up = nn.Parameter(torch.zeros(outputs, 4))

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) + x @ self.down.T @ self.up.T


class SamePadding(nn.Conv2d):
    """Pads by itself, so that the map keeps its size: what its forward pass does is its own."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(F.pad(x, (1, 1, 1, 1)))


class LowRank(nn.Linear):
    """Never multiplies by its own weight."""

    def forward(self, x: Tensor) -> Tensor:
        return (x @ self.weight[:2].T) @ self.weight[:2, : self.out_features]


class Of(nn.Module):
    """A model whose forward pass is a function of its layers and inputs."""

    def __init__(self, forward: Callable[..., Any], **layers: nn.Module) -> None:
        super().__init__()
        self.run = forward
        for name, layer in layers.items():
            self.add_module(name, layer)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.run(self, *args, **kwargs)


def attention(m: Any, x: Tensor) -> Tensor:
    q, k, v = m.qkv(m.embed(x)).chunk(3, -1)
    return m.out((q @ k.mT).softmax(-1) @ v)


def shared_weight(m: Any, x: Tensor) -> Tensor:
    return m.head(F.linear(x, m.qkv.weight))


def frozen(model: nn.Sequential, layers: int) -> nn.Sequential:
    model[:layers].requires_grad_(False)
    return model


def computed(wrap: Callable[..., Any], *arguments: Any) -> nn.Sequential:
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 8, 3))
    wrap(model[2], *arguments)
    return model


def convs() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(inplace=True), nn.Conv2d(8, 8, 3, stride=2))


IMAGE, TEXT = torch.randn(2, 3, 9, 9), torch.randn(2, 7, 8)
CASES: dict[str, tuple[Callable[[], nn.Module], Tensor, bool]] = {
    "a layer used twice": (
        lambda: Of(
            lambda m, x: m.h((m.c(x) - m.c(x.flip(3))).mean((2, 3))),
            c=nn.Conv2d(3, 8, 3),
            h=nn.Linear(8, 4),
        ),
        IMAGE,
        False,
    ),
    "two layers on the image": (
        lambda: Of(
            lambda m, x: m.h((m.c(x) + m.s(x)).mean((2, 3))),
            h=nn.Linear(8, 4),
            c=nn.Conv2d(3, 8, 3, padding=1),
            s=nn.Conv2d(3, 8, 1),
        ),
        IMAGE,
        False,
    ),
    "a frozen backbone": (lambda: frozen(convs(), 2), IMAGE, False),
    "a frozen model": (lambda: frozen(convs(), 3), IMAGE, False),
    "a frozen layer in the middle": (
        lambda: nn.Sequential(nn.Conv2d(3, 8, 3), frozen(convs()[2:], 1), nn.Conv2d(8, 4, 1)),
        IMAGE,
        False,
    ),
    "an output that no gradient leaves": (
        lambda: Of(lambda m, x: m.b(m.a(x).detach()), a=nn.Conv2d(3, 4, 3), b=nn.Conv2d(4, 2, 1)),
        IMAGE,
        False,
    ),
    "a part that no output needs": (
        lambda: Of(lambda m, x: (m.a(x), m.b(x))[1], a=nn.Conv2d(3, 4, 3), b=nn.Conv2d(3, 2, 1)),
        IMAGE,
        False,
    ),
    "several outputs": (
        lambda: Of(
            lambda m, x: {"a": m.a(x), "rest": [m.b(x), 3]}, a=nn.Linear(8, 3), b=nn.Linear(8, 5)
        ),
        TEXT,
        False,
    ),
    "a tied weight": (
        lambda: Of(lambda m, x: m.b(m.a(x)), a=nn.Linear(8, 8), b=nn.Linear(8, 8)),
        TEXT,
        False,
    ),
    "a computed weight": (lambda: computed(parametrizations.weight_norm), IMAGE, False),
    "a pruned weight": (lambda: computed(prune.l1_unstructured, "weight", 0.5), IMAGE, False),
    "one sample without a batch": (convs, IMAGE[0], False),
    "a vector": (lambda: nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 2)), TEXT[0, 0], False),
    "attention": (
        lambda: Of(attention, embed=nn.Linear(8, 16), qkv=nn.Linear(16, 48), out=nn.Linear(16, 4)),
        TEXT,
        True,
    ),
    "a weight multiplied past its layer": (
        lambda: Of(shared_weight, qkv=nn.Linear(8, 24), head=nn.Linear(24, 2)),
        TEXT,
        True,
    ),
    "a subclass that does more": (
        lambda: nn.Sequential(Adapted(8, 8), nn.ReLU(), Adapted(8, 4)),
        TEXT,
        True,
    ),
    "a subclass that does less": (
        lambda: nn.Sequential(nn.Linear(8, 8), LowRank(8, 8)),
        TEXT,
        True,
    ),
    "a subclass that pads": (
        lambda: nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), SamePadding(8, 8, 3)),
        IMAGE,
        False,
    ),
    "a transposed convolution": (
        lambda: nn.Sequential(nn.Conv2d(3, 8, 3), nn.ConvTranspose2d(8, 3, 3, stride=2)),
        IMAGE,
        True,
    ),
    "one dimension": (
        lambda: nn.Sequential(nn.Conv1d(7, 8, 3), nn.Flatten(), nn.Linear(48, 4)),
        TEXT,
        True,
    ),
    "recomputed activations": (
        lambda: Of(
            lambda m, x: checkpoint(m.b, m.a(x), use_reentrant=False),
            a=nn.Conv2d(3, 3, 3),
            b=convs(),
        ),
        IMAGE,
        True,
    ),
    "recomputed activations, re-entrant": (
        lambda: Of(
            lambda m, x: checkpoint(m.b, m.a(x), use_reentrant=True),
            a=nn.Conv2d(3, 3, 3),
            b=convs(),
        ),
        IMAGE,
        True,
    ),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("train", [True, False])
def test_exact_is_half_of_pytorchs_counter(
    name: str, train: bool, recwarn: pytest.WarningsRecorder
) -> None:
    build, x, elsewhere = CASES[name]
    model = build().train(train)
    assert ours(model, x) == by_pytorch(model, x)
    # What no recipe reaches is counted, and said.
    assert elsewhere == any("outside nn.Conv2d and nn.Linear" in str(w.message) for w in recwarn)


def test_the_weight_gradient_of_groups_counts_once() -> None:
    model = nn.Sequential(nn.Conv2d(4, 8, 3, groups=4, bias=False))
    total = count(trace(model, (1, 4, 5, 5)), convention=EXACT).totals()
    # 8 filters of one channel, 3 x 3 taps, 3 x 3 outputs; the image needs no gradient.
    assert (total["forward"], total["input_grad"], total["weight_grad"]) == (648, 0, 648)


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


def test_layers_that_sparsify_passes_over_are_dense_in_the_count() -> None:
    model = nn.Sequential(
        nn.Linear(8, 8), Adapted(8, 8), nn.Linear(8, 8), nn.Linear(8, 8), nn.Linear(8, 4)
    )
    model[3].requires_grad_(False)
    with pytest.warns(UserWarning, match=r"outside .*1 \(Adapted\)"):
        traced = trace(model, TEXT)
    assert [x.passed_over for x in traced.weighted] == ["", "Adapted", "", "frozen", ""]
    for allocation in ("uniform", "erk"):
        found = densities(traced, swat(0.9), allocation)
        assert found["1"].forward_weight == found["3"].forward_weight == 1
        assert found["2"].forward_weight < 1


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


@pytest.mark.parametrize("method", ["fst", "fst-unrestored", "wx", "gx", "wg", "gg"])
def test_pixels_of_linear_layers_are_not_pruned(method: str) -> None:
    model = nn.Sequential(nn.Conv2d(4, 8, 3), nn.Flatten(), nn.Linear(72, 8), nn.Linear(8, 4))
    used = recipe(method, 0.5)
    rows = report(sparsify_(model, used)).set_index("layer")
    found = densities(trace(model, (2, 4, 5, 5)), used)
    of_x = method not in ("wg", "gg")
    slot = "weight_grad_activation" if of_x else "weight_grad_gradient"
    assert rows.loc["0", slot] != "dense"
    assert rows.loc["2", slot] == rows.loc["3", slot] == "dense"
    assert getattr(found["0"], slot) == 0.5
    assert getattr(found["2"], slot) == getattr(found["3"], slot) == 1
    # Indeed: the gradient of the linear layer's weight is the dense product.
    x, g = torch.randn(16, 72), torch.randn(16, 8)
    model[2](x).backward(g)
    torch.testing.assert_close(model[2].weight.grad, g.T @ x + _decay(model[2]))


def _decay(layer: Any) -> Tensor:
    with torch.no_grad():
        mask = layer.recipe.forward_weight.choose(layer.weight)
        return layer.recipe.decay * torch.where(mask, 0, layer.weight)


def test_a_density_is_found_by_name_or_place() -> None:
    found = densities(trace(convs(), IMAGE), swat(0.75))
    assert found["2"] is found[1]
    assert len(found[:1]) == 1
    with pytest.raises(KeyError, match="layer must be one of 0, 2, got '1'"):
        found["1"]


def test_an_image_layer_that_is_trained_has_its_gradient_in_the_papers_count() -> None:
    build, x, _ = CASES["two layers on the image"]
    traced = trace(build(), x)
    exact = count(traced, convention=EXACT).to_frame().set_index("layer")["input_grad"]
    paper = count(traced, convention=PAPER).to_frame().set_index("layer")["input_grad"]
    assert exact["c"] == exact["s"] == 0 < min(paper["c"], paper["s"])


def test_natural_zeros_leave_the_state_of_the_random_generator() -> None:
    model = nn.Sequential(nn.Linear(8, 8), nn.Dropout(), nn.ReLU(), nn.Linear(8, 4))
    before = torch.random.get_rng_state()
    zeros = natural_zeros(model, {"input": TEXT})
    assert torch.equal(torch.random.get_rng_state(), before)
    assert zeros["0"] == 0 < 0.4 < zeros["3"]


def test_methods_that_share_a_name_share_their_sparsities() -> None:
    traced = trace(convs(), IMAGE)
    from swatlib.accounting import method_densities

    shared = [name for name in COUNTED if name in METHODS]
    assert {"dense", "swat", "saw", "meprop", "sr-ste", "fst"} <= set(shared)

    def taken(call: Callable[[], object]) -> bool:
        try:
            call()
        except ValueError:
            return False
        return True

    for name in shared:
        for s in (0.0, 0.25, 0.5, 0.9):
            by_train, by_account = (
                taken(lambda s=s, name=name: recipe(name, s)),
                taken(lambda s=s, name=name: method_densities(name, traced, s)),
            )
            assert by_train == by_account, (name, s)
