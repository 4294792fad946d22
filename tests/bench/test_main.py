"""The benchmark runner finds topics, says what it runs on, and tells errors apart."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

import swatlib.bench
from swatlib.bench import __main__ as bench
from swatlib.bench.results import Measured, Results, machine, now, read, write
from swatlib.bench.timing import Row


def test_topics_are_the_files_with_a_main() -> None:
    folder = Path(swatlib.bench.__file__).parent
    found = bench.topics()
    assert {"step", "threshold"} <= set(found)
    assert "timing" not in found  # what the topics share
    assert all((folder / f"{name}.py").is_file() for name in found)


ROW = Row("a step", "sparse", 0.5, "dense", 0.001)


@pytest.fixture
def two_topics(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    ran: list[str] = []

    def succeed() -> Iterator[Row]:
        ran.append("good")
        yield ROW

    def fail() -> Iterator[Row]:
        yield ROW
        raise RuntimeError("out of luck")

    modules = {"good": succeed, "bad": fail}
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(bench, "topics", lambda: ["bad", "good"])
    monkeypatch.setattr(
        bench, "import_module", lambda name: SimpleNamespace(main=modules[name.rpartition(".")[2]])
    )
    return ran


def test_says_the_machine_and_goes_on_after_a_failure(
    two_topics: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench.main([]) == 1
    assert two_topics == ["good"]
    output = capsys.readouterr()
    assert "torch" in output.out
    assert "threads" in output.out
    assert output.err == "error: bad: RuntimeError: out of luck\n"
    (path,) = Path("_bench").glob("*.json")
    assert list(read(path).topics) == ["good"]  # half a topic is none


def test_named_topics(two_topics: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert bench.main(["good"]) == 0
    assert bench.main(["god"]) == 2
    assert "unknown topic 'god': allowed are bad, good" in capsys.readouterr().err
    assert two_topics == ["good"]


def test_a_file_keeps_the_topics_that_are_not_run_again(two_topics: list[str]) -> None:
    path = Path("mine.json")
    old = Measured("2020-01-01T00:00:00+00:00", "0.1.0", [0.0, 1.0], [])
    write(path, Results(machine(), {"other": old, "good": old}))
    assert bench.main(["good", "--json", str(path)]) == 0
    topics = read(path).topics
    assert topics["other"] == old
    assert topics["good"].rows == [ROW]


def test_a_file_of_another_machine_is_not_added_to(
    two_topics: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    write(Path("theirs.json"), Results(machine() | {"processor": "abacus"}, {}))
    before = Path("theirs.json").read_bytes()
    assert bench.main(["good", "--json", "theirs.json"]) == 2
    error = capsys.readouterr().err
    assert error.startswith(
        "error: theirs.json must be of this kind of machine: processor 'abacus'"
    )
    assert error.count("\n") == 1
    assert Path("theirs.json").read_bytes() == before
    assert two_topics == []


def test_compares_with_a_file(two_topics: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    then = Measured(now(), "0.1.0", [], [replace(ROW, ratio=2.0)])
    write(Path("then.json"), Results(machine(), {"good": then}))
    assert bench.main(["good", "--compare", "then.json"]) == 0
    output = capsys.readouterr().out
    assert "sparse" in output
    assert "0.250 x  (0.500 / 2.000)" in output


@pytest.mark.parametrize("option", ["--json", "--compare"])
@pytest.mark.parametrize("text", ["", "[1]", '{"rows": []}'])
def test_a_foreign_file_is_refused_before_anything_is_measured(
    option: str, text: str, two_topics: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    Path("foreign.json").write_text(text)
    assert bench.main(["good", option, "foreign.json"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: foreign.json must be a file that `make bench` wrote")
    assert error.count("\n") == 1
    assert Path("foreign.json").read_text() == text
    assert two_topics == []
