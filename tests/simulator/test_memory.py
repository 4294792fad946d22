"""Bytes, roofline and energy, by hand on one small layer."""

import math
from collections.abc import Iterator
from dataclasses import replace

import plain_machines
import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulator_shapes import LAYER, layers_with_masks, masks, small_layers, small_machines

from swatlib.simulator import (
    HALF,
    PRODUCTS,
    SINGLE,
    Cartesian,
    Layer,
    Masks,
    Memory,
    Precision,
    Tactical,
    Window,
    dense_masks,
    energy,
    simulate,
)
from swatlib.simulator.counts import Count
from swatlib.simulator.mapping import Convolution, convolutions


def test_bytes_and_energy() -> None:
    result = simulate([LAYER], masks(), Tactical(Window("T", 2, 5)), products=["forward"])
    count = result.total()
    # 64 weights of 16 + ceil(log2(2 + 5 + 1)) bits, 256 inputs and 256 outputs of 16
    assert count.dram_bits == 64 * 19 + 2 * 256 * 16
    assert count.macs == 64 * 16
    # SRAM: weights once per window, one broadcast row of 16 lanes per window, 32-bit results
    assert count.sram_bits == 64 * 19 * 16 + 16 * 16 * 16 + 256 * 32
    assert count.sram_written_bits == 256 * 32
    traffic = count.sram_bits / 64 * 10 + count.dram_bits / 64 * 1300
    assert result.to_dict()["forward"]["energy_pj"] == pytest.approx(1024 * (1.1 + 0.9) + traffic)


def test_energy_in_one_precision() -> None:
    half, single = (
        simulate(
            [LAYER],
            masks(),
            Tactical(Window("T", 2, 5), value_bits=precision.bits),
            products=["forward"],
        ).total()
        for precision in (HALF, SINGLE)
    )
    # The place of a weight in the window takes 3 bits whatever its value takes.
    assert half.dram_bits == 64 * 19 + 2 * 256 * 16
    assert single.dram_bits == 64 * 35 + 2 * 256 * 32
    assert single.sram_bits == 64 * 35 * 16 + 16 * 16 * 32 + 256 * 32
    assert energy(half, Memory(), HALF)["arithmetic"] == pytest.approx(1024 * (1.1 + 0.9))
    bill = energy(single, Memory(), SINGLE)
    assert bill["arithmetic"] == pytest.approx(1024 * (3.7 + 0.9))
    assert bill["DRAM"] == pytest.approx(single.dram_bits / 64 * 1300)
    with pytest.raises(ValueError, match="bits"):
        Precision(0, 1.0)


def test_scnn_reads_and_writes_a_partial_sum_for_each_product() -> None:
    count = simulate([LAYER], masks(), Cartesian(), products=["forward"]).total()
    assert count.sram_written_bits == 64 * 16 * 32
    # What is read besides are chunks of four of 20 bits each.
    chunks, rest = divmod(count.sram_read_bits - count.sram_written_bits, 4 * 20)
    assert chunks > 0
    assert rest == 0


def test_scnn_counts_zeros_beside_a_value_of_any_width() -> None:
    single = simulate([LAYER], masks(), Cartesian(value_bits=32), products=["forward"]).total()
    assert single.dram_bits == 64 * 36 + 2 * 256 * 32


def test_scnn_compresses_both_operands_where_it_pays() -> None:
    count = simulate([LAYER], masks(), Cartesian(), products=["forward"]).total()
    # 20 bits per non-zero weight; the dense input would grow, and is stored as it is
    assert count.dram_bits == 64 * 20 + 2 * 256 * 16


def test_the_roofline_is_the_longer_of_computing_and_moving() -> None:
    fast = simulate([LAYER], masks(), Tactical(), products=["forward"])
    slow = simulate([LAYER], masks(), Tactical(), Memory(bandwidth=2), products=["forward"])
    moved = fast.total().dram_bits / 8
    assert slow.total().cycles == math.ceil(moved / 2) > fast.total().cycles
    assert slow.total().dense_cycles == 3 * 256 * 2 / 2
    assert slow.total().losses["memory"] == slow.total().cycles - fast.total().cycles
    wide = simulate([LAYER], masks(), Tactical(), Memory(bandwidth=1e9), products=["forward"])
    assert wide.total().cycles == fast.total().cycles


@pytest.mark.parametrize("arguments", [{"bandwidth": 0}, {"bandwidth": -1}, {"dram_pj": -1}])
def test_bad_memories_are_refused(arguments: dict) -> None:
    with pytest.raises(ValueError, match=next(iter(arguments))):
        Memory(**arguments)


@pytest.mark.parametrize(
    ("machine", "message"),
    [
        (lambda: Tactical(lanes=0), "lanes must be in"),
        (lambda: Tactical(lanes=65), "lanes must be in"),
        (lambda: Tactical(policy="best"), "policy must be one of"),
        (lambda: Cartesian(0), "elements must be at least 1"),
    ],
)
def test_bad_machines_are_refused(machine, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=message):
        machine()


def simulated(
    layer: Layer, made: Masks, machine: Tactical | Cartesian
) -> Iterator[tuple[Count, list[Convolution]]]:
    """Yield the count of every product and its convolutions, once its DRAM traffic is right."""
    result = simulate([layer], [made], machine, vs_self=False)
    for product in PRODUCTS:
        count = result.total(product)
        parts = convolutions(layer, product, made.stationary(product), made.stream(product))
        moved = plain_machines.dram(layer, product, made, machine) if parts else [0, 0]
        assert [count.dram_read_bits, count.dram_written_bits] == moved
        yield count, parts


@given(layers_with_masks(streams=True), small_machines, st.sampled_from([16, 32]))
def test_traffic_against_a_count_of_every_value(
    drawn: tuple[Layer, Masks], machine: Tactical, bits: int
) -> None:
    machine = replace(machine, value_bits=bits)
    for count, parts in simulated(*drawn, machine):
        counted = [plain_machines.sram(conv, machine) for conv in parts]
        assert count.sram_bits == sum(moved for moved, _ in counted)
        assert count.macs == sum(macs for _, macs in counted)


@given(layers_with_masks(streams=True), st.sampled_from([16, 32]))
def test_dram_traffic_of_scnn_against_a_count_of_every_value(
    drawn: tuple[Layer, Masks], bits: int
) -> None:
    assert len(list(simulated(*drawn, Cartesian(elements=2, value_bits=bits)))) == len(PRODUCTS)


@given(small_layers(), st.sampled_from([Tactical(), Cartesian(elements=2)]))
def test_what_is_dense_is_stored_without_compression(
    layer: Layer, machine: Tactical | Cartesian
) -> None:
    result = simulate([layer], [dense_masks(layer)], machine, vs_self=False)
    values = sum(map(math.prod, (layer.weight_shape, layer.input_shape, layer.output_shape)))
    for product in PRODUCTS:
        if not result.total(product).macs:  # no output reaches the input: nothing to compute
            continue
        assert result.total(product).dram_bits == values * machine.value_bits


@given(layers_with_masks(streams=True), st.sampled_from([Tactical(), Cartesian(elements=2)]))
def test_columns_add_up_and_sparsity_never_costs_energy(
    drawn: tuple[Layer, Masks], machine: Tactical | Cartesian
) -> None:
    layer, made = drawn
    sparse, dense = (
        simulate([layer], [m], machine, Memory(25.6), vs_self=False)
        for m in (made, dense_masks(layer))
    )
    table = sparse.table()
    assert table["sram_bits"].equals(table["sram_read_bits"] + table["sram_written_bits"])
    parts = ["arithmetic_pj", "sram_pj", "dram_pj"]
    assert table["energy_pj"].to_numpy() == pytest.approx(table[parts].sum(axis=1).to_numpy())
    total = sparse.to_dict()["total"]
    for column in ("dram_read_bits", "dram_written_bits", "sram_bits", "energy_pj"):
        assert table[column].sum() == pytest.approx(total[column])
    for product in PRODUCTS:
        for part in ("arithmetic", "SRAM", "DRAM"):
            bills = [energy(r.total(product), Memory(), HALF)[part] for r in (sparse, dense)]
            assert bills[0] <= bills[1]


def test_a_batch_shares_its_weights() -> None:
    one, many = (
        simulate([layer], [dense_masks(layer)], Tactical(), vs_self=False).total
        for layer in (replace(LAYER, first=False), replace(LAYER, first=False, batch=256))
    )
    weights = math.prod(LAYER.weight_shape) * 16
    for product in ("forward", "input_grad"):
        moved = one(product).dram_bits - weights
        assert many(product).dram_bits == weights + 256 * moved
    assert many("weight_grad").dram_written_bits == one("weight_grad").dram_written_bits == weights


def test_arithmetic_follows_the_width_of_values() -> None:
    for bits, pj in ((16, 1.1 + 0.9), (32, 3.7 + 0.9)):
        result = simulate([LAYER], masks(), Tactical(value_bits=bits), products=["forward"])
        row = result.to_dict()["forward"]
        assert row["arithmetic_pj"] == pytest.approx(row["macs"] * pj)
    with pytest.raises(ValueError, match="value_bits must be 16 or 32 to have an energy"):
        simulate([LAYER], masks(), Tactical(value_bits=8))
    with pytest.raises(ValueError, match="precision must have the 16 bits"):
        simulate([LAYER], masks(), Tactical(), precision=SINGLE)
    cheap = Precision(8, 0.2, 0.03)
    result = simulate([LAYER], masks(), Tactical(value_bits=8), precision=cheap)
    assert result.to_dict()["forward"]["arithmetic_pj"] == pytest.approx(1024 * 0.23)
