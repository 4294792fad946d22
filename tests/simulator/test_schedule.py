"""The scheduler against hand-made cases and against loops over single weights."""

import math

import numpy as np
import plain_machines as plain
import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulator_shapes import windows

from swatlib.simulator import Window, parse_window
from swatlib.simulator.schedule import POLICIES, pack_lanes, set_cycles, unlimited_cycles


def rows(*texts: str) -> np.ndarray:
    return np.array([[letter == "1" for letter in text] for text in texts])


MASKS = {
    "A": rows("1000", "0100", "0010", "0001"),
    "B": rows("1000", "1000", "1000", "1000"),
    "C": rows("1111", "1111", "1111", "1111"),
    "D": rows("0000", "0000", "0000", "0000"),
    "F": rows("1111", "0000", "0000", "0000"),
}


def cycles(window: Window, *filters: np.ndarray, policy: str = "least") -> int:
    packed = pack_lanes(np.stack(filters))[None]
    return int(set_cycles([packed], window, filters[0].shape[1], policy)[0][0])


# Source: the golden cases of the accelerator's specification, worked out by hand.
@pytest.mark.parametrize(
    ("mask", "window", "expected"),
    [
        ("A", "L0,0", 4),
        ("A", "L1,0", 2),
        ("A", "L3,0", 1),
        ("B", "L3,0", 4),
        ("B", "L1,1", 2),
        ("B", "X1", 2),
        ("B", "X3", 1),
        *[("C", w, 4) for w in ("L0,0", "L3,0", "L1,1", "T2,5", "X3", "inf")],
        ("D", "L1,0", 2),
        ("D", "L2,0", 1),
        ("F", "L0,0", 4),
        ("F", "L1,0", 2),
        ("F", "L2,0", 2),
        ("F", "L3,0", 1),
    ],
)
def test_golden(mask: str, window: str, expected: int) -> None:
    assert cycles(parse_window(window), MASKS[mask]) == expected
    assert plain.set_cycles([MASKS[mask]], parse_window(window)) == expected


def test_a_set_is_as_slow_as_its_slowest_filter() -> None:
    assert cycles(parse_window("L3,0"), MASKS["A"], MASKS["C"]) == 4


@st.composite
def filter_sets(draw: st.DrawFn) -> list[list[np.ndarray]]:
    """Some sets of one layer: filters of one shape and any density."""
    lanes, time = draw(st.integers(1, 9)), draw(st.integers(1, 9))
    shape = (draw(st.integers(1, 3)), draw(st.integers(1, 3)), time, lanes)
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    density = rng.choice([0, 0.05, 0.2, 0.6, 1], size=(*shape[:3], 1))
    return [list(s) for s in rng.random(shape) < density]


@given(filter_sets(), windows(), st.sampled_from(POLICIES))
def test_equals_loops_over_single_weights(
    sets: list[list[np.ndarray]], window: Window, policy: str
) -> None:
    lanes = sets[0][0].shape[1]
    fast = set_cycles([pack_lanes(np.array(sets))], window, lanes, policy)[0]
    assert fast.tolist() == [plain.set_cycles(s, window, policy) for s in sets]


@given(filter_sets(), filter_sets(), windows())
def test_layers_scheduled_together_do_not_meet(
    one: list[list[np.ndarray]], two: list[list[np.ndarray]], window: Window
) -> None:
    lanes = 9
    packed = [
        pack_lanes(np.pad(np.array(s), ((0, 0), (0, 0), (0, 0), (0, lanes - s[0][0].shape[1]))))
        for s in (one, two)
    ]
    together = set_cycles(packed, window, lanes)
    for alone, joint in zip(packed, together, strict=True):
        assert set_cycles([alone], window, lanes)[0].tolist() == joint.tolist()


@given(filter_sets(), windows(bounded=True))
def test_bounds(sets: list[list[np.ndarray]], window: Window) -> None:
    packed = pack_lanes(np.array(sets))
    lanes, time = sets[0][0].shape[1], packed.shape[2]
    counted = set_cycles([packed], window, lanes)[0]
    unlimited = set_cycles([packed], Window("inf"), lanes)[0]
    assert (counted <= time).all()
    assert (counted >= unlimited).all()
    # The window moves h + 1 rows a cycle. Rows that are empty before the first weight are skipped
    # on top of that, up to h of them (golden case D), so the bound by T needs a first row.
    assert (counted >= (time - window.ahead) / (window.ahead + 1)).all()
    for c, s in zip(counted, sets, strict=True):
        if any(f[0].any() for f in s):
            assert c >= math.ceil(time / (window.ahead + 1))
        assert c >= max(math.ceil(f.sum() / lanes) for f in s)


@given(filter_sets(), st.integers(0, 6))
def test_pulling_from_any_lane_is_as_good_as_any_window_of_that_depth(
    sets: list[list[np.ndarray]], ahead: int
) -> None:
    packed, lanes = pack_lanes(np.array(sets))[:, :1], sets[0][0].shape[1]
    any_lane = set_cycles([packed], Window("X", ahead), lanes)[0]
    same_lane = set_cycles([packed], Window("L", ahead, 0), lanes)[0]
    assert (any_lane <= same_lane).all()


def test_unlimited_counts_single_filters() -> None:
    packed = pack_lanes(np.stack([MASKS["A"], MASKS["C"], MASKS["D"]]))
    assert unlimited_cycles(packed, 4).tolist() == [1, 4, 1]


def test_64_lanes() -> None:
    rng = np.random.default_rng(0)
    mask = rng.random((6, 64)) < 0.2
    window = Window("T", 2, 5)
    assert cycles(window, mask) == plain.set_cycles([mask], window)


@pytest.mark.parametrize("lanes", [0, 65])
def test_lanes_are_checked(lanes: int) -> None:
    with pytest.raises(ValueError, match=rf"lanes must be in \[1, 64\], got {lanes}"):
        pack_lanes(np.zeros((1, lanes), bool))


def test_policy_is_checked() -> None:
    with pytest.raises(ValueError, match="policy must be one of least, most, dnnsim, got 'best'"):
        set_cycles([], Window("X", 1), 4, "best")
