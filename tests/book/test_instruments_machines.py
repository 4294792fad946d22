"""What the instruments of Part IV show is what the library computes."""

import math

import numpy as np
import pytest

import instrument_machines as machines
from swatlib import Recipe, TopK
from swatlib.claims.counting_and_hardware.simulated import printed_speedup, speedup
from swatlib.core.operands import OPERANDS
from swatlib.simulator import FINITE_BANDWIDTH, Memory, Tactical, generate, simulate
from swatlib.simulator.schedule import unlimited_cycles

pytestmark = pytest.mark.browser


def shown_mask(cells) -> np.ndarray:
    """The mask that the cells show, read from what a screen reader says of each."""
    labels = cells.evaluate_all("(all) => all.map((one) => one.ariaLabel)")
    weights = [not label.endswith(": zero") for label in labels]
    return np.array(weights).reshape(-1, machines.LANES)


def test_lane_packing(instrument):
    shown = instrument("lane-packing")
    cells = shown.box.locator(".instrument-cells button")
    assert (shown_mask(cells) == machines.mask_of(machines.FILTERS[0])).all()
    drawn = [shown_mask(cells)]
    for _ in range(4):
        for name, window in machines.WINDOWS.items():
            shown.choose("window", name)
            assert shown.said("cycles") == machines.cycles_of(drawn[-1], window)
            assert shown.said("speedup") == pytest.approx(
                len(drawn[-1]) / machines.cycles_of(drawn[-1], window), abs=0.006
            )
        packed = machines.pack_lanes(drawn[-1])
        assert shown.said("least") == unlimited_cycles(packed[None], machines.LANES)[0]
        shown.press("another mask")
        drawn.append(shown_mask(cells))
    assert len({mask.tobytes() for mask in drawn}) == 5
    shown.press("no weights")
    assert not shown_mask(cells).any()


def test_lane_packing_is_followed_step_by_step(instrument):
    shown = instrument("lane-packing")
    cells = shown.box.locator(".instrument-cells button")
    assert "7 weights wait" in shown.words("now")
    multiplied = []
    for number in range(1, 4):
        shown.press("next cycle")
        assert shown.words("now").startswith(f"{number} of 3: row")
        now = cells.evaluate_all(
            "(all) => all.map((one, place) => [place, one]).filter(([, one]) =>"
            " one.ariaLabel.includes('multiplied now')).map(([place]) => place)"
        )
        assert f"; {len(now)} of 4 lanes work." in shown.words("now")
        multiplied += now
    # Every weight once, and none twice.
    assert sorted(multiplied) == list(np.flatnonzero(machines.mask_of(machines.FILTERS[0])))
    shown.press("next cycle")
    assert shown.words("now").startswith("3 of 3")
    cells.nth(1).press("Space")
    assert "8 weights wait" in shown.words("now")
    assert cells.nth(1).get_attribute("aria-label") == "row 0, lane 1: a weight that waits"
    shown.set("cycle shown", 1)
    assert shown.words("now").startswith("1 of")
    shown.press("back to the start")
    assert "8 weights wait" in shown.words("now")


@pytest.mark.parametrize("network", machines.NETWORKS)
def test_table_row(instrument, network):
    shown = instrument("table-row")
    assert shown.said("total") == 47.7
    shown.choose("network", network)
    for name, method in machines.ROWS.items():
        shown.choose("method", name)
        exact = machines.left_of_step(network, method(0.8))
        for said, value in zip(("total", "product0", "product1", "product2"), exact, strict=True):
            assert shown.said(said) == pytest.approx(value, abs=0.06)
    # One sparsity for each tensor, and operands of the reader's own.
    sparsities = {"weight": 0.9, "activation": 0.5, "gradient": 0.7}
    for tensor, sparsity in sparsities.items():
        shown.set(
            f"sparsity of {'activations' if tensor == 'activation' else tensor + 's'}",
            100 * sparsity,
        )
    chosen = [False, True, False, False, True, True]
    shown.ticks("sparse operands", chosen)
    assert shown.box.get_by_label("method").input_value() == "your own"
    pairs = zip(OPERANDS, chosen, strict=True)
    own = Recipe("own", **{o.name: TopK(sparsities[o.tensor]) for o, one in pairs if one})
    exact = machines.left_of_step(network, own)
    for said, value in zip(("total", "product0", "product1", "product2"), exact, strict=True):
        assert shown.said(said) == pytest.approx(value, abs=0.06)
    assert shown.words("row") == "forward yes, input gradient no, weight gradient yes"


def test_table_6(instrument):
    shown = instrument("table-6")
    for label, machine in machines.MACHINES.items():
        shown.choose("machine", label)
        for said, baseline in machines.BASELINES.items():
            shown.choose("compared with", said)
            off = {}
            for level, sparsity in machines.PRINTED.items():
                shown.choose("sparsity", level)
                for number, (name, products) in enumerate(machines.PASSES.items()):
                    ours = speedup(machine, sparsity, products, baseline)
                    printed = printed_speedup(name, sparsity)
                    off[level, name] = 100 * (ours / printed - 1)
                    assert shown.said(f"ours{number}") == pytest.approx(ours, abs=0.006)
                    assert shown.said(f"off{number}") == pytest.approx(off[level, name], abs=0.51)
            inside = sum(abs(one) <= 10 for one in off.values())
            assert shown.words("inside") == f"{inside} of 4"
    shown.set("band around the print", 60)
    assert shown.words("inside") == "4 of 4"


def test_memory(instrument):
    shown = instrument("memory")
    assert shown.said("speedup") == 2.09
    for level, channels, width, counted in (
        ("90 %", 4, 64, (True, False)),
        ("90 %", 2, 64, (True, True)),
        ("80 %", 32, 16, (False, True)),
        ("80 %", 1, 512, (True, True)),
        ("90 %", 1, 16, (False, False)),
    ):
        shown.choose("sparsity", level)
        shown.set("DDR4 channels", channels)
        shown.set("vector unit, elements a cycle", width)
        shown.ticks("counted", counted)
        exact = machines.step_speedup(
            machines.PRINTED[level],
            channels * FINITE_BANDWIDTH if counted[0] else math.inf,
            width if counted[1] else math.inf,
        )
        assert shown.said("speedup") == pytest.approx(exact, abs=0.006)
    assert shown.said("free") == shown.said("speedup")
    assert shown.said("waiting") == 0
    assert shown.said("rest") == 0


def test_finite_memory_is_that_of_the_simulator():
    layers, free = machines.step_on_x9(0.9)
    masks = generate(layers, 0.9, seed=0)
    slow = Memory(FINITE_BANDWIDTH)
    step = simulate(layers, masks, Tactical(), slow, ["forward"], vs_self=False)
    own = machines.step_cycles(0.9)
    for kind, cycles in (("dense", "dense_cycles"), ("sparse", "cycles")):
        first = own[kind][: len(layers)]  # of the forward product
        ours = sum(max(c, math.ceil(bits / 8 / FINITE_BANDWIDTH)) for c, bits in first)
        assert ours == getattr(step.total(), cycles)
    assert free.speedup() == pytest.approx(machines.step_speedup(0.9))
