"""What the benchmarks share: times by name, and ratios of them."""

import pytest

from swatlib.bench.timing import Row, geometric_mean, ratios, seconds, shown


def test_every_function_runs_once_to_warm_up_and_then_in_turns() -> None:
    ran: list[str] = []
    taken = seconds({"a": lambda: ran.append("a"), "b": lambda: ran.append("b")}, repeat=2)
    assert ran == ["a", "b"] * 3
    assert list(taken) == ["a", "b"]
    assert all(value >= 0 for value in taken.values())


def test_ratios_are_to_the_baseline() -> None:
    dense, sparse = ratios("a step", {"dense": 0.002, "sparse": 0.001}, "dense")
    assert dense == Row("a step", "dense", 1.0, "dense", 0.002)
    assert sparse == Row("a step", "sparse", 0.5, "dense", 0.001)


def test_the_mean_of_ratios_is_geometric() -> None:
    assert geometric_mean([2.0, 0.5]) == pytest.approx(1)
    assert geometric_mean([4.0]) == pytest.approx(4)


def test_rows_are_printed_under_their_setting_as_they_come(
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows = [
        Row("a step", "sparse", 0.5, "dense", 0.001),
        Row("a step", "obvious", 3.0, "dense", 0.006),
        Row("bytes", "sparse", 0.25, "dense"),
    ]
    coming = shown(rows)
    assert next(coming) == rows[0]
    assert capsys.readouterr().out.split("\n")[1:4] == [
        "a step",
        "  in units of: dense, 2.00 ms",
        f"  {'sparse':<44} {'0.500':>8} x",
    ]
    assert list(coming) == rows[1:]
    obvious, _, *second = capsys.readouterr().out.rstrip("\n").split("\n")
    assert obvious.split() == ["obvious", "3.000", "x"]
    assert second[:2] == ["bytes", "  in units of: dense"]


def test_a_row_says_which_field_is_wrong() -> None:
    with pytest.raises(TypeError, match="ratio must be a finite number"):
        Row("a step", "sparse", "fast", "dense")  # type: ignore[arg-type]
