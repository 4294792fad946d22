"""Statistical models of density: by enumeration, by drawing masks, exact where nothing varies."""

import math
from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulator_shapes import small_layers

from swatlib.simulator import PRODUCTS, Layer, Masks, Tactical, Window, dense_masks, simulate
from swatlib.simulator.density_model import MODELS, expected_maximum, predicted_cycles

machines = st.builds(
    Tactical,
    st.one_of(st.builds(Window, st.just("X"), st.integers(0, 4)), st.just(Window("inf"))),
    lanes=st.integers(1, 5),
    rows=st.integers(1, 3),
    tiles=st.integers(1, 3),
    columns=st.integers(1, 3),
)


def enumerated(places: int, kept: int, filters: list[int], lanes: int, least: int) -> float:
    """Mean over every way to place the non-zeros, of each filter on its own."""
    counts = []
    for n in filters:
        chosen = combinations(range(places), kept)
        counts.append([sum(place < n for place in where) for where in chosen])
    worst = [max(least, *(math.ceil(k / lanes) for k in one)) for one in product(*counts)]
    return sum(worst) / len(worst)


@pytest.mark.parametrize(
    ("places", "kept", "filters", "lanes", "least"),
    [
        (8, 3, [4], 1, 1),
        (8, 3, [4], 2, 0),
        (8, 5, [4, 4], 2, 1),
        (7, 2, [3, 4], 1, 1),
        (6, 3, [2, 3, 1], 1, 0),
        (6, 3, [3, 3], 1, 2),
        (5, 0, [2, 3], 1, 1),
        (5, 5, [2, 3], 1, 1),
    ],
)
def test_expected_maximum_by_enumeration(
    places: int, kept: int, filters: list[int], lanes: int, least: int
) -> None:
    expected = enumerated(places, kept, filters, lanes, least)
    found = expected_maximum(places, kept, np.array(filters), lanes, least)
    assert found == pytest.approx(expected)


def test_expected_maximum_of_filters_that_share_their_non_zeros() -> None:
    # One mask for all filters, as in a layer: their numbers are not quite independent.
    rng = np.random.default_rng(0)
    masks = rng.permuted(np.tile(np.arange(64 * 72) < 460, (2000, 1)), axis=1)
    slowest = -(-masks.reshape(2000, 64, 72).sum(axis=2) // 4)
    drawn = np.maximum(1, slowest.max(axis=1)).mean()
    found = expected_maximum(64 * 72, 460, np.full(64, 72), 4, 1)
    assert found == pytest.approx(drawn, rel=0.01)


@given(small_layers(), machines, st.sampled_from(PRODUCTS), st.sampled_from(MODELS))
def test_exact_where_nothing_or_everything_is_kept(
    layer: Layer, machine: Tactical, which: str, model: str
) -> None:
    nothing = Masks(np.zeros(layer.weight_shape, bool), np.zeros(layer.input_shape, bool))
    for density, masks in ((0.0, nothing), (1.0, dense_masks(layer))):
        exact = simulate([layer], [masks], machine, products=[which], vs_self=False)
        assert predicted_cycles(layer, which, density, machine, model) == exact.total().cycles


@pytest.mark.parametrize("which", ["forward", "input_grad"])
def test_unlimited_windows_against_drawn_masks(which: str) -> None:
    layer = Layer("a", 40, 48, (3, 3), (2, 2), (1, 1), image=(8, 8))
    machine = Tactical(Window("inf"), rows=8, tiles=2)
    rng = np.random.default_rng(0)
    drawn = []
    for _ in range(60):
        weight = rng.permutation(np.arange(math.prod(layer.weight_shape)) < 2592)
        masks = Masks(weight.reshape(layer.weight_shape), np.ones(layer.input_shape, bool))
        result = simulate([layer], [masks], machine, products=[which], vs_self=False)
        drawn.append(result.total().cycles)
    density = 2592 / math.prod(layer.weight_shape)
    uniform, expected = (predicted_cycles(layer, which, density, machine, m) for m in MODELS)
    assert expected == pytest.approx(np.mean(drawn), rel=0.02)
    assert uniform < 0.95 * np.mean(drawn)


def test_what_a_density_cannot_say_is_refused() -> None:
    layer = Layer("a", 4, 4)
    with pytest.raises(ValueError, match="machine must have a window X or inf, got T2,5"):
        predicted_cycles(layer, "forward", 0.5, Tactical(Window("T", 2, 5)))
    with pytest.raises(ValueError, match="machine must not sort"):
        predicted_cycles(layer, "forward", 0.5, Tactical(sort=True))
    with pytest.raises(ValueError, match="density must be"):
        predicted_cycles(layer, "forward", 1.5, Tactical())
