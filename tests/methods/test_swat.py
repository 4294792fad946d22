"""Recipes: every method of the papers is its row of the table."""

from typing import Any

import pytest

from swatlib.methods import (
    METHODS,
    NO_SPARSITY,
    Recipe,
    dense,
    meprop,
    recipe,
    saw,
    sparse_backward,
    sparse_forward,
    swat,
)
from swatlib.methods import method as named
from swatlib.selectors import RandomK, TopColumns, TopK

A, B, C = TopK(0.9), TopK(0.8), TopK(0.7)
ROWS = [
    # forward W and X, input-grad W and G, weight-grad X and G
    (dense(), (None, None, None, None, None, None)),
    (swat(0.9), (A, None, A, None, A, None)),
    (swat(0.9, 0.8), (A, None, A, None, B, None)),
    (swat(0.9, 0.0), (A, None, A, None, None, None)),
    (saw(0.9), (None, None, A, None, A, None)),
    (saw(0.9, random=True), (None, None, RandomK(0.9), None, RandomK(0.9), None)),
    (meprop(0.9), (None, None, None, TopK(0.9, "CHW"), None, TopK(0.9, "CHW"))),
    (meprop(0.9, unified=True), (None, None, None, TopColumns(0.9), None, TopColumns(0.9))),
    (sparse_forward(0.9), (A, None, None, None, None, None)),
    (sparse_forward(activation=0.8), (None, B, None, None, None, None)),
    (sparse_forward(0.9, 0.8, matched=True), (A, B, A, None, B, None)),
    (sparse_backward(0.9, 0.8, 0.7), (None, None, A, C, B, C)),
]


@pytest.mark.parametrize(("made", "row"), ROWS, ids=[made.name for made, _ in ROWS])
def test_methods_fill_the_slots_of_the_papers(made: Recipe, row: tuple) -> None:
    assert tuple(made.named().values()) == row
    assert made.first_layer_dense


@pytest.mark.parametrize("function", [swat, saw, sparse_forward, sparse_backward])
def test_options_reach_the_selectors(function: Any) -> None:
    if function is sparse_backward:
        made = function(0.5, 0.5, sample=64, period=4, first_layer_dense=False)
    else:
        made = function(0.5, sample=64, period=4, first_layer_dense=False)
    selectors = {s for s in made.named().values() if s is not None}
    assert selectors == {TopK(0.5, sample=64, period=4)}
    assert not made.first_layer_dense


OTHERS: dict[str, set[float]] = {
    "dense": set(),
    "sfp": set(),
    "asfp": set(),
    "small-dense": set(),
    "dst": {0.0},
}
"""The sparsities of the selectors of methods that do not have the one that they are given."""


@pytest.mark.parametrize("method", METHODS)
def test_every_method_has_a_name(method: str) -> None:
    made = named(method, 0.0 if method in NO_SPARSITY else 0.5).recipe
    sparsities = {s.sparsity for s in made.selectors.values()}
    assert made.name
    assert sparsities == OTHERS.get(method, {0.5})


# Bad input


def test_unknown_method() -> None:
    with pytest.raises(ValueError, match=r"method must be one of dense, swat, .* got 'swap'"):
        recipe("swap", 0.5)


@pytest.mark.parametrize("method", METHODS)
def test_sparsity_out_of_range(method: str) -> None:
    with pytest.raises(ValueError, match=r"sparsity must be in \[0, 1\), got 1\.2"):
        recipe(method, 1.2)


@pytest.mark.parametrize(
    ("call", "argument"),
    [
        (lambda: swat(1.2), "sparsity"),
        (lambda: swat(0.5, 1.2), "activation_sparsity"),
        (lambda: sparse_forward(weight=1.2), "weight"),
        (lambda: sparse_forward(activation=1.2), "activation"),
        (lambda: sparse_backward(weight=1.2), "weight"),
        (lambda: sparse_backward(activation=1.2), "activation"),
        (lambda: sparse_backward(gradient=1.2), "gradient"),
    ],
)
def test_the_message_names_the_argument(call: Any, argument: str) -> None:
    with pytest.raises(ValueError, match=rf"^{argument} must be in \[0, 1\), got 1\.2$"):
        call()


@pytest.mark.parametrize("function", [swat, saw, sparse_forward, sparse_backward])
def test_unknown_option(function: Any) -> None:
    with pytest.raises(TypeError, match=r"unknown option perod; allowed are exact, .*period"):
        function(0.5, perod=3)


def test_dense_with_a_sparsity_is_refused() -> None:
    with pytest.raises(ValueError, match=r"sparsity of the method dense must be 0, got 0\.5"):
        recipe("dense", 0.5)
