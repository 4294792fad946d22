"""The tactical machine against plain loops."""

import numpy as np
import plain_machines as plain
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from simulator_shapes import layers_with_masks, small_layers, small_machines, windows

from swatlib.simulator import PRODUCTS, Layer, Masks, Tactical, Window, dense_masks, simulate
from swatlib.simulator.mapping import convolutions


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
    assume(max(layer.stride) == 1 or lanes != 3)  # else space to depth fills them no more
    result = simulate(
        [layer], [dense_masks(layer)], Tactical(window, lanes, 2, 2), products=["forward"]
    )
    assert result.total().cycles == result.total().dense_cycles
    assert result.speedup_vs_self() == 1
