"""Window patterns and their names."""

import pytest

from swatlib.simulator import Window, parse_window


def test_t25_is_bit_tacticals_pattern() -> None:
    # Source: the accelerator's specification, T8<2,5>.
    pattern = [(1, -1), (1, 0), (1, 1), (1, 3), (2, -2), (2, 0), (2, 2)]
    found = [(r, d if d < 8 else d - 16) for r, d in Window("T", 2, 5).offsets(16)]
    assert found == pattern


def test_l_looks_ahead_in_its_lane_and_aside_in_the_next_row() -> None:
    assert Window("L", 2, 3).offsets(16) == [(1, 0), (2, 0), (1, 15), (1, 14), (1, 13)]


@pytest.mark.parametrize(("ahead", "aside"), [(1, 6), (2, 5), (3, 9), (15, 30)])
def test_t_has_h_plus_d_places_in_h_rows(ahead: int, aside: int) -> None:
    places = Window("T", ahead, aside).offsets(64)
    assert len(places) == len(set(places)) == ahead + aside
    assert {r for r, _ in places} == set(range(1, ahead + 1))


def test_offsets_that_wrap_onto_each_other_are_kept_once() -> None:
    assert Window("L", 1, 6).offsets(4) == [(1, 0), (1, 3), (1, 2), (1, 1)]


@pytest.mark.parametrize("text", ["X9", "T2,5", "L1,6", "inf"])
def test_names_round_trip(text: str) -> None:
    assert str(parse_window(text)) == text


def test_angle_brackets_may_be_written() -> None:
    assert parse_window("T<2, 5>") == Window("T", 2, 5)


@pytest.mark.parametrize("text", ["", "T2", "X", "Y1,2", "X-1", "T2,5,1"])
def test_other_names_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="window must look like X9, T2,5, L1,6 or inf"):
        parse_window(text)


# ceil(log2(h + d + 1)) of the specification: 1 place needs no bit, 8 need 3.
@pytest.mark.parametrize(
    ("window", "bits"),
    [(Window("L", 0, 0), 0), (Window("L", 1, 0), 1), (Window("T", 2, 5), 3), (Window("X", 1), 5)],
)
def test_selector_bits(window: Window, bits: int) -> None:
    assert window.selector_bits(16) == bits


def test_bad_windows_are_refused() -> None:
    with pytest.raises(ValueError, match="shape must be one of"):
        Window("Z", 1)
    with pytest.raises(ValueError, match="ahead must be at least 0, got -1"):
        Window("X", -1)
