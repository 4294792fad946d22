"""Ratios of ratios, and what only one side has."""

from swatlib.bench.compare import compared
from swatlib.bench.results import Measured, Results
from swatlib.bench.timing import Row


def results(rows: list[Row], processor: str = "a", topic: str = "step") -> Results:
    return Results({"processor": processor}, {topic: Measured("2026-01-01", "0.1.0", [], rows)})


def test_each_row_is_a_ratio_of_ratios() -> None:
    now = results([Row("small", "sparse", 0.5, "dense"), Row("large", "sparse", 3.0, "dense")])
    then = results([Row("small", "sparse", 2.0, "dense"), Row("large", "sparse", 2.0, "dense")])
    lines = list(compared(now, then, ["step"]))
    assert lines[1::2] == ["\nsmall", "\nlarge"]
    assert lines[2].split()[:3] == ["sparse", "0.250", "x"]
    assert lines[4].split()[:3] == ["sparse", "1.500", "x"]


def test_rows_that_one_side_has_are_named() -> None:
    now = results([Row("small", "new", 0.5, "dense")])
    then = results([Row("small", "old", 2.0, "dense")])
    assert list(compared(now, then, ["step"]))[1:] == [
        "missing then: small: new",
        "missing now: small: old",
    ]
    lines = list(compared(now, results([], topic="other"), ["step"]))
    assert lines[1:] == ["missing then: small: new"]


def test_another_machine_or_baseline_is_told() -> None:
    now = results([Row("small", "sparse", 0.5, "dense")])
    then = results([Row("small", "sparse", 2.0, "obvious")], processor="b")
    warning, _, _, row = compared(now, then, ["step"])
    assert warning == "warning: another kind of machine: processor 'b' there, 'a' here"
    assert row.split(maxsplit=1)[1] == "not compared: then in units of obvious"
