"""What a constraint does to the choice, and what would refute it."""

import pytest

from swatlib.claims.claim import OPEN
from swatlib.claims.inventory import claim
from swatlib.claims.judge import judge
from swatlib.claims.quantity import MissingRecords
from swatlib.claims.swat import which_entries


def choices(**small: float) -> dict[str, list[dict[str, object]]]:
    rows = [
        {
            "seed": 0,
            "sparsity": 0.9,
            "variant": variant,
            "operand": "W",
            "layer": layer,
            "small": small[variant],
            "dropped": small[variant],
            "choice": layer == "conv" or variant != "HW",
        }
        for variant in ("NCHW", "CHW", "HW")
        for layer in ("conv", "fc")
    ]
    return {"layers": rows}


def test_a_mechanism_of_the_wrong_order_is_refuted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(which_entries, "measured", lambda _: choices(NCHW=0, CHW=0.1, HW=0.2))
    assert all(quantity.holds for quantity in which_entries.constraint_mechanism())
    assert [quantity.ours for quantity in which_entries.constraint_mechanism()] == [2, 2, 2, 1]
    monkeypatch.setattr(which_entries, "measured", lambda _: choices(NCHW=0, CHW=0.2, HW=0.1))
    assert not which_entries.constraint_mechanism()[0].holds


def test_a_measurement_that_is_missing_leaves_open(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_: str) -> None:
        raise MissingRecords("the measurement")

    monkeypatch.setattr(which_entries, "measured", missing)
    assert judge(claim("i-constraint-mechanism")).verdict == OPEN
