"""The benchmark runner finds topics, says what it runs on, and tells errors apart."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

import swatlib.bench
from swatlib.bench import __main__ as bench


def test_topics_are_the_files_with_a_main() -> None:
    folder = Path(swatlib.bench.__file__).parent
    found = bench.topics()
    assert {"step", "threshold"} <= set(found)
    assert "timing" not in found  # what the topics share
    assert all((folder / f"{name}.py").is_file() for name in found)


@pytest.fixture
def two_topics(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    ran: list[str] = []

    def fail() -> None:
        raise RuntimeError("out of luck")

    modules = {"good": lambda: [ran.append("good")][:0], "bad": fail}
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


def test_named_topics(two_topics: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert bench.main(["good"]) == 0
    assert bench.main(["god"]) == 2
    assert "unknown topic 'god': allowed are bad, good" in capsys.readouterr().err
    assert two_topics == ["good"]
