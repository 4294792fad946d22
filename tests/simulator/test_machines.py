"""Both machines against plain loops, on random layers and all three products."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulator_shapes import layers_with_masks, small_layers, small_machines

from swatlib.simulator import (
    PRODUCTS,
    Cartesian,
    Layer,
    Masks,
    Tactical,
    Window,
    dense_masks,
    simulate,
)
from swatlib.simulator.mapping import convolutions


@settings(max_examples=40)
@given(layers_with_masks(streams=True), st.sampled_from([Tactical(), Cartesian(2)]))
def test_repeated_masks_may_be_counted_once(
    case: tuple[Layer, Masks], machine: Tactical | Cartesian
) -> None:
    layer, masks = case
    for product in PRODUCTS:
        convs = convolutions(layer, product, masks.stationary(product))
        assert machine.count(convs) == machine.count(convs, distinct=False)


@settings(max_examples=15)
@given(layers_with_masks(streams=True), small_machines)
def test_losses_and_ideal_add_up(case: tuple[Layer, Masks], machine: Tactical) -> None:
    layer, masks = case
    for other in (machine, Cartesian(3)):
        table = simulate([layer], [masks], other).table()
        losses = table[[c for c in table if c in LOSSES]]
        ideal = [
            c.ideal_cycles
            for p in PRODUCTS
            for c in simulate([layer], [masks], other, products=[p]).counts[p]
            if c.dense_cycles  # a stride may step over every pixel: no gradient comes back then
        ]
        np.testing.assert_allclose(losses.sum(axis=1) + ideal, table.cycles)
        assert (losses > -1e-6).all(axis=None)


LOSSES = ("lanes", "set sync", "window", "tile sync", "fragments", "banks", "PE sync", "halo")


@pytest.mark.parametrize("machine", [Tactical(), Tactical(Window("T", 2, 5)), Cartesian()])
@pytest.mark.parametrize(
    "layer",
    [
        Layer("one channel", 1, 1, image=(5, 5)),
        Layer("prime sizes", 13, 7, (3, 3), (2, 2), (1, 1), image=(11, 11)),
        Layer("depthwise", 17, 17, (3, 3), padding=(1, 1), groups=17, image=(7, 7)),
        Layer("linear", 10, 33, batch=6),
    ],
)
def test_awkward_layers_run_empty_and_full(machine: Tactical | Cartesian, layer: Layer) -> None:
    empty = Masks(np.zeros(layer.weight_shape, bool), np.zeros(layer.input_shape, bool))
    for masks in (empty, dense_masks(layer)):
        result = simulate([layer], [masks], machine)
        for product in PRODUCTS:
            assert result.total(product).dense_cycles > 0
            if masks is empty:
                assert result.total(product).ideal_cycles == 0
                assert result.total(product).cycles <= result.total(product).dense_cycles


@settings(max_examples=30)
@given(small_layers(), st.integers(0, 2**32), st.lists(st.floats(0, 1), min_size=2, max_size=4))
def test_ideal_cycles_fall_with_sparsity(layer: Layer, seed: int, thresholds: list[float]) -> None:
    rng = np.random.default_rng(seed)
    weight, inputs = rng.random(layer.weight_shape), rng.random(layer.input_shape)
    for machine in (Tactical(), Cartesian(2)):
        ideal = [
            simulate([layer], [Masks(weight > t, inputs > t)], machine, vs_self=False).total()
            for t in sorted(thresholds)
        ]
        cycles = [count.ideal_cycles for count in ideal]
        assert cycles == sorted(cycles, reverse=True)
