"""Each layer of a model is made sparse, or named as passed over, with the reason."""

import copy
import pickle
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parametrizations, prune, weight_norm

import swatlib
from swatlib import densify_, recipe, report, sparse_share, sparsify_, swat
from swatlib.storage.pruned import prune_
from swatlib.surgery.sparsify import active_mask


class Plain(nn.Linear):
    """Has an attribute more, and no forward of its own."""

    scale = 1.0


class Adapted(nn.Linear):
    """A linear layer with a side path."""

    def __init__(self, i: int, o: int) -> None:
        super().__init__(i, o)
        self.side = nn.Parameter(torch.randn(o, i))

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) + x @ self.side.T


class Past(nn.Conv2d):
    """Multiplies by its weight itself."""

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight, self.bias, padding=1)


class Transposed(nn.Module):
    """A linear layer whose weight is (in, out), as some language models have it."""

    def __init__(self, i: int, o: int) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.randn(i, o)), nn.Parameter(torch.randn(o))

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.weight + self.bias


def rows(model: nn.Module) -> Any:
    return report(model).set_index("layer")


PASSED_OVER = {
    "Conv1d": (lambda: nn.Conv1d(4, 8, 3), 96),
    "Conv3d": (lambda: nn.Conv3d(4, 8, 1), 32),
    "ConvTranspose2d": (lambda: nn.ConvTranspose2d(4, 8, 3), 288),
    "Bilinear": (lambda: nn.Bilinear(3, 4, 5), 60),
    "LSTM": (lambda: nn.LSTM(4, 8), 4 * 8 * (4 + 8)),
    "MultiheadAttention": (lambda: nn.MultiheadAttention(8, 2), 3 * 64),
    "Plain": (lambda: Plain(4, 4), 16),
    "LazyLinear": (lambda: nn.LazyLinear(4), 0),
}


@pytest.mark.parametrize("kind", PASSED_OVER)
@pytest.mark.filterwarnings("ignore:Lazy modules", "ignore:layers 1 are lazy", "ignore:only")
@pytest.mark.filterwarnings("ignore:attention 1 stays dense")
def test_what_is_passed_over_has_a_row(kind: str) -> None:
    make, weights = PASSED_OVER[kind]
    model = sparsify_(nn.Sequential(nn.Linear(4, 4), make(), nn.Linear(4, 4)), swat(0.5))
    row = rows(model).loc["1"]
    assert row["kind"] == kind
    assert row["recipe"] == "dense"
    assert row["note"]
    if weights:
        assert row["weights"] == row["active"] == weights
        assert sparse_share(model) == 16 / rows(model)["weights"].sum()


def test_embeddings_and_normalisation_do_not_multiply() -> None:
    model = nn.Sequential(nn.Embedding(9, 4), nn.LayerNorm([3, 4]), nn.Linear(4, 4))
    assert report(model)["layer"].tolist() == ["2"]


@pytest.mark.parametrize("make", [lambda: nn.Conv1d(4, 8, 3), lambda: Adapted(4, 4)])
def test_a_refusal_names_the_kinds(make: Callable[[], nn.Module]) -> None:
    with pytest.raises(ValueError, match=type(make()).__name__):
        sparsify_(nn.Sequential(make(), nn.ReLU()), swat(0.5))
    with pytest.raises(ValueError, match="recipe names '0', which cannot follow it"):
        sparsify_(nn.Sequential(make(), nn.Linear(4, 4)), {"0": swat(0.5)})


def test_a_small_share_is_a_warning() -> None:
    model = nn.Sequential(nn.Conv1d(64, 64, 3), nn.Linear(8, 8), nn.Linear(8, 8))
    with pytest.warns(UserWarning, match=r"only 0\.5% of the weights .* left out: 0 \(Conv1d\)"):
        sparsify_(model, swat(0.5))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # Whoever leaves layers out knows it.
        sparsify_(nn.Sequential(nn.Linear(64, 64), nn.Linear(64, 2)), {"1": swat(0.5)})


def test_an_attention_that_stays_dense_is_named() -> None:
    def encoder() -> nn.Module:
        layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
        return nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)

    named = "attention layers.0.self_attn, layers.1.self_attn stays dense: nn.MultiheadAttention"
    with pytest.warns(UserWarning, match=named):
        model = sparsify_(encoder(), swat(0.5, first_layer_dense=False))
    notes = rows(model)["note"]
    assert notes["layers.0.self_attn"] == "of a class that is not asked for"
    assert notes["layers.0.self_attn.out_proj"] == "its attention reads the weight itself"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sparsify_(encoder(), swat(0.5, first_layer_dense=False), lambda name, layer: True)


def test_frozen_layers_are_left_alone() -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 4))
    model[1].requires_grad_(False)
    sparsify_(model, swat(0.5))
    assert rows(model)["recipe"].tolist() == ["dense", "dense", "SWAT", "SWAT"]
    assert rows(model).loc["1", "note"] == "frozen"
    # Frozen later, a sparse layer stays what it is when the others change.
    model[2].requires_grad_(False)
    sparsify_(model, swat(0.75))
    assert rows(model)["sparsity"].tolist() == [0, 0, 0.5, 0.75]
    with pytest.raises(ValueError, match=r"Linear \(frozen\)"):
        sparsify_(nn.Sequential(nn.Linear(4, 4)).requires_grad_(False), swat(0.5))


COMPUTED = {
    "prune": lambda layer: prune.l1_unstructured(layer, "weight", 0.5),
    "weight norm, old": weight_norm,
    "weight norm": parametrizations.weight_norm,
    "spectral norm, old": torch.nn.utils.spectral_norm,
    "spectral norm": parametrizations.spectral_norm,
}


@pytest.mark.parametrize("wrap", COMPUTED.values(), ids=list(COMPUTED))
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_computed_weights(wrap: Callable[[nn.Module], nn.Module]) -> None:
    x = torch.randn(4, 8)

    def net() -> nn.Sequential:
        return nn.Sequential(
            nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 8)
        )

    before = net()
    wrap(before[2])
    sparsify_(before, swat(0.5)).eval()
    assert rows(before).loc["2", ["weights", "recipe"]].tolist() == [64, "dense"]
    assert rows(before).loc["2", "note"]
    y = before(x)
    assert torch.equal(densify_(prune_(before))(x), y)
    # Wrapped afterwards: refused by name, and nothing has changed.
    after = sparsify_(net(), swat(0.5))
    wrap(after[2])  # type: ignore[index]
    y = after.eval()(x)
    for change in (
        lambda: sparsify_(after, swat(0.9)),
        lambda: densify_(after),
        lambda: prune_(after),
    ):
        with pytest.raises(ValueError, match="'2'"):
            change()
    assert torch.equal(after(x), y)


@pytest.mark.parametrize(
    "copied", [lambda m: m, copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))]
)
def test_classes_can_be_opted_in(copied: Callable[[Any], Any]) -> None:
    model = nn.Sequential(nn.Linear(4, 4), Plain(4, 8), Adapted(8, 8), Transposed(8, 2))
    x, keys = torch.randn(3, 4), {k: v.shape for k, v in model.state_dict().items()}
    dense: Any = copy.deepcopy(model)
    model = copied(sparsify_(model, swat(0.5), also=(Plain, Adapted, Transposed)))
    assert rows(model)["recipe"].tolist() == ["dense", "SWAT", "SWAT", "SWAT"]
    assert {k: v.shape for k, v in model.state_dict().items()} == keys
    assert isinstance(model[2], Adapted)
    # The reference: the dense model with what is not active at zero.
    with torch.no_grad():
        for layer, plain in zip(model[1:], dense[1:], strict=True):
            plain.weight.mul_(active_mask(layer))
    y = model(x)
    torch.testing.assert_close(y, dense(x))
    y.sum().backward()
    dense(x).sum().backward()
    torch.testing.assert_close(model[0].weight.grad, dense[0].weight.grad)
    assert model[3].weight.grad.shape == (8, 2)
    # Opted in once, they stay so; and they go back to what they were.
    sparsify_(model, swat(0.75))
    assert rows(model)["sparsity"].tolist() == [0, 0.75, 0.75, 0.75]
    assert [type(m) for m in densify_(model).children()] == [nn.Linear, Plain, Adapted, Transposed]


def test_classes_that_cannot_be_opted_in() -> None:
    model = nn.Sequential(nn.Conv2d(3, 3, 1), nn.Conv2d(3, 3, 1), Past(3, 3, 3))
    with pytest.raises(
        ValueError, match=r"'2': Past .* its forward does not go through nn\.Conv2d"
    ):
        sparsify_(model, swat(0.5), also=(Past,))
    assert set(rows(model)["recipe"]) == {"dense"}
    with pytest.raises(ValueError, match=r"Bilinear \(.* it does not compute x @ weight"):
        sparsify_(nn.Sequential(nn.Bilinear(2, 2, 2)), swat(0.5), also=(nn.Bilinear,))
    with pytest.raises(ValueError, match="cannot keep the masks"):
        sparsify_(nn.Sequential(Transposed(8, 8)), recipe("tsm", 0.5), also=(Transposed,))


def test_a_weight_multiplied_past_its_layer_is_found() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem, self.qkv, self.head = (nn.Linear(4, 4) for _ in range(3))

        def forward(self, x: Tensor) -> Tensor:
            return self.head(F.linear(self.stem(x), self.qkv.weight))

    model = sparsify_(Net(), swat(0.5))
    assert rows(model)["note"].tolist() == ["", "never called", "never called"]
    model(torch.randn(2, 4))
    with pytest.warns(UserWarning, match="sparse layers qkv were never called"):
        assert rows(model)["note"].tolist() == ["", "never called", ""]


def test_extra_state_and_sharing_are_told_before_a_file_is_written(tmp_path: Any) -> None:
    class Net(nn.Sequential):
        state: Any = None

        def get_extra_state(self) -> Any:
            return self.state

        def set_extra_state(self, state: Any) -> None:
            self.state = state

    from swatlib.storage.pruned import load_pruned, save_pruned

    model: Any = swatlib.sparsify_(Net(nn.Linear(4, 4), nn.Linear(4, 4)), swat(0.5))
    model.state = {"epoch": [3, 0.5, None, "x"]}
    save_pruned(tmp_path / "a.zip", model)
    other = Net(nn.Linear(4, 4), nn.Linear(4, 4))
    assert load_pruned(tmp_path / "a.zip", other).state == model.state
    with pytest.raises(ValueError, match="extra state"):
        load_pruned(tmp_path / "a.zip", nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4)))
    model.state = (1, 2)
    with pytest.raises(ValueError, match="extra state '_extra_state' must be"):
        save_pruned(tmp_path / "b.zip", model)
    assert not (tmp_path / "b.zip").exists()


def test_what_happened_before_is_not_held_against_a_recipe():
    """Neither the gradients of dense steps nor the calls under another recipe."""
    model = nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 8), nn.Linear(8, 8))
    model(torch.randn(2, 8)).sum().backward()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sparsify_(model, swat(0.9))
        report(model)
        model(torch.randn(2, 8)).sum().backward()
        assert set(report(model)["note"]) == {""}
        sparsify_(model, {"1": swat(0.9), "2": swat(0.5)})  # the first of the two is kept
        assert report(model)["note"].tolist() == ["", "never called", "never called"]
