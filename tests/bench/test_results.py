"""Results as a file: what is written is read again, what is foreign is named in one line."""

import json
from pathlib import Path
from typing import Any

import pytest

from swatlib.bench import results
from swatlib.bench.results import Measured, Results, default_path, differences, kind, machine
from swatlib.bench.timing import Row

ROWS = [Row("a step", "dense", 1.0, "dense", 0.002), Row("bytes", "sparse", 0.25, "dense")]
MEASURED = Measured("2026-01-02T03:04:05+00:00", "0.1.0", [0.1, 0.9], ROWS)


def test_written_and_read_again(tmp_path: Path) -> None:
    path = tmp_path / "new" / "mine.json"
    made = Results(machine(), {"step": MEASURED})
    results.write(path, made)
    assert results.read(path) == made
    assert [file.name for file in path.parent.iterdir()] == ["mine.json"]


def test_limits_are_part_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ATEN_CPU_CAPABILITY", raising=False)
    monkeypatch.delenv("ONEDNN_MAX_CPU_ISA", raising=False)
    free = machine() | {"processor": "Big (R) CPU", "instruction_set": "AVX512"}
    assert kind(free) == "Big (R) CPU, AVX512"
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
    limited = machine() | {"processor": "Big (R) CPU", "instruction_set": "AVX2"}
    assert limited["limits"] == {"ONEDNN_MAX_CPU_ISA": "AVX2"}
    assert kind(limited) == "Big (R) CPU, limited to AVX2"
    assert len(differences(limited, free)) == 2
    assert differences(free, free | {"torch": "9"}) == []
    name = default_path(limited, MEASURED.date).name
    assert name == "big-r-cpu-limited-to-avx2-20260102T030405.json"


def test_two_rows_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="must tell rows apart, got \\('bytes', 'sparse'\\) twice"):
        Measured(MEASURED.date, "0.1.0", [], [*ROWS, ROWS[1]])


GOOD: dict[str, Any] = {
    "format": results.FORMAT,
    "machine": {},
    "topics": {
        "step": {
            "date": MEASURED.date,
            "library": "0.1.0",
            "load": [],
            "rows": [{"setting": "a", "name": "b", "ratio": 1.0, "baseline": "b"}],
        }
    },
}


@pytest.mark.parametrize(
    ("place", "value", "what"),
    [
        (("format",), "another", "it has no such format"),
        (("machine",), None, "machine must be"),
        (("topics",), [], "list"),
        (("topics", "step", "date"), 5, "date must be a string"),
        (("topics", "step", "rows", 0, "ratio"), "1", "ratio must be a finite number"),
        (("topics", "step", "rows", 0, "colour"), "red", "colour"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_in_one_line(
    tmp_path: Path, place: tuple[Any, ...], value: object, what: str
) -> None:
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(GOOD))
    assert len(results.read(path).topics["step"].rows) == 1
    fields = json.loads(json.dumps(GOOD))
    inner = fields
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = value
    path.write_text(json.dumps(fields))
    with pytest.raises(ValueError, match="make bench") as error:
        results.read(path)
    assert str(path) in str(error.value)
    assert what in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("content", [b"\xff\xfe", b"{", None])
def test_what_is_no_json_or_no_file_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "mine.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=r"mine\.json must be a file that `make bench` wrote"):
        results.read(path)


def test_rows_of_every_committed_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "COMMITTED", tmp_path)
    for name in ("a", "b"):
        here = machine() | {"processor": name, "instruction_set": "AVX2", "limits": {}}
        results.write(tmp_path / f"{name}.json", Results(here, {"step": MEASURED}))
    frame = results.committed("step")
    assert list(frame["machine"]) == ["a, AVX2"] * 2 + ["b, AVX2"] * 2
    assert list(frame["ratio"]) == [1.0, 0.25] * 2
    with pytest.raises(ValueError, match=r"topic must be one of \['step'\], got 'stop'"):
        results.committed("stop")


def test_the_committed_results_hold_the_same_rows_of_every_machine() -> None:
    frame = results.committed("profile")
    rows = {
        machine: set(zip(group["setting"], group["name"], group["baseline"], strict=True))
        for machine, group in frame.groupby("machine")
    }
    first, *others = rows.values()
    assert len(rows) > 1
    assert all(other == first for other in others)
    assert (frame["ratio"] >= 0).all()
