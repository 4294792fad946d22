"""What the benchmarks share: times by name, and ratios of them."""

import pytest

from swatlib.bench.timing import print_ratios, seconds


def test_every_function_runs_once_to_warm_up_and_then_in_turns() -> None:
    ran: list[str] = []
    taken = seconds({"a": lambda: ran.append("a"), "b": lambda: ran.append("b")}, repeat=2)
    assert ran == ["a", "b"] * 3
    assert list(taken) == ["a", "b"]
    assert all(value >= 0 for value in taken.values())


def test_ratios_are_to_the_baseline(capsys: pytest.CaptureFixture[str]) -> None:
    print_ratios("a step", {"dense": 0.002, "sparse": 0.001}, "dense")
    title, dense, sparse = capsys.readouterr().out.split("\n")[1:4]
    assert title == "a step (dense: 2.00 ms)"
    assert dense.split() == ["dense", "1.000", "x"]
    assert sparse.split() == ["sparse", "0.500", "x"]
