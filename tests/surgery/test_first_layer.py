"""The first layer is the one used first: by symbols, by trying inputs, by an example."""

import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from swatlib import report, sparsify_, swat
from swatlib.methods.allocation import densities
from swatlib.models import NAMES, build_network
from swatlib.surgery.first_layer import first_layer
from swatlib.surgery.sparsify import sparsifiable


class HeadFirst(nn.Module):
    """The head is defined before the stem; `look` is what the forward pass asks of its input."""

    def __init__(self, look: Callable[[Tensor], object] = lambda x: None) -> None:
        super().__init__()
        self.head, self.stem, self.look = nn.Linear(8, 4), nn.Conv2d(3, 8, 3), look

    def forward(self, x: Tensor, twice: bool = False) -> Tensor:
        self.look(x)
        if twice:
            x = 2 * x
        return self.head(self.stem(x).mean((2, 3)))


def names(model: nn.Module) -> list[str]:
    return [name for name, _ in sparsifiable(model)]


def dense_layers(model: nn.Module) -> list[str]:
    rows = report(model)
    return rows.loc[rows["recipe"] == "dense", "layer"].tolist()


def checked(x: Tensor) -> None:
    n, c, h, w = x.shape
    if c != 3 or n < 1 or min(h, w) < 4:
        raise ValueError("an RGB image, please")


@pytest.mark.parametrize("look", [lambda x: None, checked])
def test_the_stem_stays_dense_though_the_head_is_defined_first(look: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", "only .* of the weights become sparse")
        model = sparsify_(HeadFirst(look), swat(0.9))
    assert dense_layers(model) == ["stem"]
    assert densities(model, "uniform", 0.9) == {"head": pytest.approx(0.1), "stem": 1.0}


def needs_values(x: Tensor) -> None:
    if float(x.sum()) < 0:
        raise ValueError("positive images, please")


def test_where_it_cannot_be_told_a_warning_says_so() -> None:
    with pytest.warns(UserWarning, match=r"which layer of HeadFirst is used first .* example"):
        model = sparsify_(HeadFirst(needs_values), swat(0.9))
    assert dense_layers(model) == ["head"]


def only_large(x: Tensor) -> None:
    if x.shape[-1] != 57:
        raise ValueError("57 pixels, please")


@pytest.mark.parametrize("example", [(2, 3, 57, 57), {"x": (2, 3, 57, 57)}, ((2, 3, 57, 57), True)])
def test_an_example_tells(example: Any) -> None:
    with pytest.warns(UserWarning, match="57 pixels|cannot be told"):
        sparsify_(HeadFirst(only_large), swat(0.9))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", "only .* of the weights become sparse")
        model = sparsify_(HeadFirst(only_large), swat(0.9), example=example)
    assert dense_layers(model) == ["stem"]


def test_an_example_that_does_not_fit_changes_nothing() -> None:
    model = HeadFirst()
    with pytest.raises(ValueError, match="example does not fit HeadFirst: layer 'stem' does not"):
        sparsify_(model, swat(0.9), example=(2, 4, 8, 8))
    assert all(type(layer) in (nn.Conv2d, nn.Linear) for _, layer in sparsifiable(model))


@pytest.mark.parametrize("name", NAMES)
def test_our_networks_use_what_they_define_first(name: str) -> None:
    with torch.device("meta"):
        model = build_network(name, image=32)
    assert first_layer(model, names(model)) == names(model)[0]


def test_layers_within_layers_of_torch_are_found() -> None:
    class Text(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head, self.words = nn.Linear(16, 2), nn.Embedding(10, 16)
            layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
            self.encoder = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)

        def forward(self, tokens: Tensor) -> Tensor:
            return self.head(self.encoder(self.words(tokens)).mean(1))

    assert first_layer(Text(), names(Text())) == "encoder.layers.0.linear1"


def test_the_model_is_not_run_and_keeps_nothing() -> None:
    class Remembers(HeadFirst):
        def forward(self, x: Tensor, twice: bool = False) -> Tensor:
            self.seen = x
            return super().forward(x, twice)

    model, heard = Remembers(checked), []
    model.stem.register_forward_hook(lambda *_: heard.append(1))
    model.register_forward_pre_hook(lambda *_: heard.append(1))
    assert first_layer(model, names(model)) == "stem"
    assert not heard
    assert not hasattr(model, "seen")
    assert not model.stem.weight.is_meta


def test_wrapped_models_are_looked_into() -> None:
    wrapped = nn.DataParallel(HeadFirst())
    assert first_layer(wrapped, names(wrapped)) == "module.stem"
    compiled = torch.compile(HeadFirst(), backend="eager")
    assert first_layer(compiled, names(compiled)) == "_orig_mod.stem"


def test_what_can_be_either_is_not_guessed() -> None:
    class Either(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.flat, self.image, self.head = nn.Linear(12, 8), nn.Conv2d(3, 8, 3), nn.Linear(8, 2)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(self.flat(x) if x.ndim == 2 else self.image(x).mean((2, 3)))

    with pytest.warns(UserWarning, match="which layer of Either"):
        assert first_layer(Either(), names(Either())) == "flat"
    assert first_layer(Either(), names(Either()), (1, 3, 8, 8)) == "image"
