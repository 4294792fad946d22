"""Bytes, roofline and energy, by hand on one small layer."""

import math

import pytest
from simulator_shapes import LAYER, masks

from swatlib.simulator import (
    HALF,
    SINGLE,
    Cartesian,
    Memory,
    Precision,
    Tactical,
    Window,
    energy,
    simulate,
)


def test_bytes_and_energy() -> None:
    result = simulate([LAYER], masks(), Tactical(Window("T", 2, 5)), products=["forward"])
    count = result.total()
    # 64 weights of 16 + ceil(log2(2 + 5 + 1)) bits, 256 inputs and 256 outputs of 16
    assert count.dram_bits == 64 * 19 + 2 * 256 * 16
    assert count.macs == 64 * 16
    # SRAM: weights once per window, one broadcast row of 16 lanes per window, 32-bit results
    assert count.sram_bits == 64 * 19 * 16 + 16 * 16 * 16 + 256 * 32
    energy = result.to_dict()["forward"]["energy_pj"]
    assert energy == pytest.approx(
        1024 * (3.7 + 0.9) + count.sram_bits / 64 * 10 + count.dram_bits / 64 * 1300
    )


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
