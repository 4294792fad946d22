"""Both machines against plain loops, on random layers and all three products."""

import numpy as np
import plain_machines as plain
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulator_shapes import layers_with_masks, small_layers, windows

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

small_machines = st.builds(
    Tactical,
    windows(),
    lanes=st.integers(1, 5),
    rows=st.integers(1, 3),
    tiles=st.integers(1, 3),
    columns=st.integers(1, 3),
    policy=st.sampled_from(["least", "most"]),
    sort=st.booleans(),
)


# Source: the dense cycles of the accelerator's specification, rows 16, tiles 4.
@pytest.mark.parametrize(
    ("layer", "cycles"),
    [
        (Layer("a", 64, 64, (3, 3), padding=(1, 1), image=(14, 14)), 7056),
        (Layer("b", 96, 128, image=(14, 14)), 3136),
        (Layer("c", 33, 40, (3, 3), padding=(1, 1), image=(10, 10)), 2700),
        (Layer("d", 320, 256, image=(7, 7)), 3920),
        (Layer("e", 64, 3, (7, 7), (2, 2), (3, 3), image=(32, 32)), 4096),
    ],
)
def test_golden_dense_cycles(layer: Layer, cycles: int) -> None:
    masks = [dense_masks(layer)]
    result = simulate([layer], masks, Tactical(), products=["forward"])
    assert result.total().dense_cycles == cycles
    if layer.channels % 16 == 0:  # full lanes: nothing to skip, and the machine is no slower
        assert result.total().cycles == cycles


@settings(max_examples=60)
@given(layers_with_masks(), st.sampled_from(PRODUCTS), small_machines)
def test_tactical_equals_plain_loops(
    case: tuple[Layer, Masks], product: str, machine: Tactical
) -> None:
    layer, masks = case
    for conv in convolutions(layer, product, masks.stationary(product)):
        count = machine.count([conv])[0]
        assert (count.dense_cycles, count.cycles) == plain.tactical(conv, machine)


@settings(max_examples=50)
@given(
    layers_with_masks(streams=True),
    st.sampled_from(PRODUCTS),
    st.booleans(),
    st.builds(Cartesian, st.integers(1, 3), st.sampled_from([8, 30, 6144])),
)
def test_cartesian_equals_plain_loops(
    case: tuple[Layer, Masks], product: str, sparse_stream: bool, machine: Cartesian
) -> None:
    layer, masks = case
    stream = masks.stream(product) if sparse_stream else None
    for conv in convolutions(layer, product, masks.stationary(product), stream):
        count = machine.count([conv])[0]
        assert (count.dense_cycles, count.cycles, count.macs) == plain.cartesian(conv, machine)


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


@settings(max_examples=40)
@given(layers_with_masks(), windows(bounded=True), st.integers(1, 4))
def test_the_unlimited_window_bounds_every_window(
    case: tuple[Layer, Masks], window: Window, tiles: int
) -> None:
    layer, masks = case
    some = simulate([layer], [masks], Tactical(window, 4, 3, tiles), vs_self=False)
    best = simulate([layer], [masks], Tactical(Window("inf"), 4, 3, tiles), vs_self=False)
    assert best.total().cycles <= some.total().cycles <= some.total().dense_cycles


@settings(max_examples=40)
@given(layers_with_masks())
def test_sorting_moves_work_but_does_not_change_it(case: tuple[Layer, Masks]) -> None:
    layer, masks = case
    for product in PRODUCTS:
        plainly, sortedly = (
            simulate([layer], [masks], Tactical(lanes=4, rows=2, sort=sort), products=[product])
            for sort in (False, True)
        )
        assert plainly.total().macs == sortedly.total().macs
        assert plainly.total().ideal_cycles == sortedly.total().ideal_cycles
        assert plainly.total().dense_cycles == sortedly.total().dense_cycles


def test_sorting_helps_unbalanced_filters() -> None:
    layer = Layer("a", 64, 64, image=(4, 4))
    weight = np.zeros(layer.weight_shape, bool)
    weight[::4] = True  # every fourth filter dense: unsorted, every set has four of them
    masks = [Masks(weight, np.ones(layer.input_shape, bool))]
    cycles = [
        simulate([layer], masks, Tactical(Window("inf"), tiles=1, sort=sort), products=["forward"])
        for sort in (False, True)
    ]
    assert cycles[0].total().cycles == 4 * 4 * 16
    assert cycles[1].total().cycles == (4 + 3) * 16  # one full set, three empty ones


@given(small_layers(), windows(bounded=True))
def test_a_dense_mask_that_fills_the_lanes_costs_the_dense_cycles(
    layer: Layer, window: Window
) -> None:
    lanes = layer.channels // layer.groups
    if max(layer.stride) > 1 and lanes == 3:  # space to depth fills them no more
        return
    result = simulate(
        [layer], [dense_masks(layer)], Tactical(window, lanes, 2, 2), products=["forward"]
    )
    assert result.total().cycles == result.total().dense_cycles
    assert result.speedup_vs_self() == 1


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
