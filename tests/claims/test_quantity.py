"""Numbers beside the paper's: within, in the same direction, or neither."""

import pytest

from swatlib.claims.quantity import cells, close, fact


@pytest.mark.parametrize(
    ("ours", "paper", "within", "relative", "holds", "direction"),
    [
        (2.9, 3.0, 0.1, False, True, True),
        (2.89, 3.0, 0.1, False, False, True),
        (-2.9, 3.0, 0.1, False, False, False),
        (0.0, 3.0, 0.1, False, False, False),
        (0.0, 0.0, 0.0, False, True, True),
        (110.0, 100.0, 0.1, True, True, True),
        (-111.0, -100.0, 0.1, True, False, True),
    ],
)
def test_close(
    ours: float, paper: float, within: float, relative: bool, holds: bool, direction: bool
) -> None:
    found = close("x", ours, paper, within, relative=relative)
    assert (found.holds, found.direction) == (holds, direction)
    assert found.says == f"{paper:g}"


def test_what_holds_has_the_direction_too() -> None:
    assert fact("x", 1.0, "more", True).direction
    assert not fact("x", 1.0, "more", False).direction


def test_cells_of_a_table() -> None:
    found = cells("t", [True, True, False], "all")
    assert (found.ours, found.unit, found.holds, found.direction) == (2.0, "of 3", False, True)
    assert cells("t", [True, True, False], "most", least=0.6).holds
    assert not cells("t", [False, False, True], "all").direction
