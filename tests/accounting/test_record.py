"""The exact convention against PyTorch's own counter, on models as people write them."""

from collections.abc import Callable
from typing import Any

import pytest
from accounting_models import IMAGE, TEXT, Adapted, Of, by_pytorch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations, prune
from torch.utils.checkpoint import checkpoint

from swatlib.accounting import EXACT, PAPER, count, trace


def ours(model: nn.Module, example: Any) -> int:
    totals = count(trace(model, example), convention=EXACT).totals()
    return int(totals["forward"] + totals["input_grad"] + totals["weight_grad"])


class SamePadding(nn.Conv2d):
    """Pads by itself, so that the map keeps its size: what its forward pass does is its own."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(F.pad(x, (1, 1, 1, 1)))


class LowRank(nn.Linear):
    """Never multiplies by its own weight."""

    def forward(self, x: Tensor) -> Tensor:
        return (x @ self.weight[:2].T) @ self.weight[:2, : self.out_features]


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


def test_an_image_layer_that_is_trained_has_its_gradient_in_the_papers_count() -> None:
    build, x, _ = CASES["two layers on the image"]
    traced = trace(build(), x)
    exact = count(traced, convention=EXACT).to_frame().set_index("layer")["input_grad"]
    paper = count(traced, convention=PAPER).to_frame().set_index("layer")["input_grad"]
    assert exact["c"] == exact["s"] == 0 < min(paper["c"], paper["s"])
