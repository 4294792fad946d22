"""The picture counts each number once, as it stands to the paper's."""

from dataclasses import replace
from pathlib import Path

import pytest
from claims_toys import SWAT, toy_claim
from matplotlib import pyplot as plt

from swatlib.claims.claim import NOT_REPRODUCED, OPEN, REPRODUCED, SAME_DIRECTION
from swatlib.claims.effect import DENSELY, Effect
from swatlib.claims.judge import Finding
from swatlib.claims.picture import picture, tally
from swatlib.claims.quantity import fact
from swatlib.claims.show import findings

EFFECT = Effect("90 %", SWAT, DENSELY, "below", 1.0)
NUMBERS = (
    fact("one", 1.0, "1", True),
    fact("two", 2.0, "1", True),
    fact("three", 3.0, "1", False, direction=True),
    fact("four", 4.0, "1", False),
)


@pytest.fixture
def found(tmp_path: Path) -> dict[str, Finding]:
    """Two claims: one of four numbers, and one without any."""
    counted = replace(toy_claim(EFFECT), kind="exact", decision=lambda: NUMBERS)
    return {
        "counted": findings([counted])["n-toy"],
        "missing": findings([toy_claim(EFFECT)], records=tmp_path)["n-toy"],
    }


def test_each_number_counts_once(found: dict[str, Finding]) -> None:
    assert tally(found["counted"]) == {
        REPRODUCED: 2, SAME_DIRECTION: 1, NOT_REPRODUCED: 1, OPEN: 0,
    }  # fmt: skip
    assert not any(tally(found["missing"]).values())


def test_the_bars_are_as_long_as_there_are_numbers(found: dict[str, Finding]) -> None:
    (ax,) = picture(found).axes
    widths = [[bar.get_width() for bar in kind] for kind in ax.containers]
    assert widths == [[2, 0], [1, 0], [1, 0], [0, 0]]
    assert [text.get_text() for text in ax.texts] == ["not reproduced", "open: no number"]
    plt.close("all")


def test_nothing_to_draw_is_refused() -> None:
    with pytest.raises(ValueError, match="found must have a finding"):
        picture({})
