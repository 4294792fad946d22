"""The commands on records."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import RUNS, call, errs, toy

from swatlib.records import record_path
from swatlib.records.sweep import sweep


def test_records_list(tmp_path: Path) -> None:
    sweep(RUNS, tmp_path / "toys", toy)
    code, output = call("records", "list", "toys")
    assert code == 0
    assert "seed=1 test_accuracy=51" in output
    assert "sparsity" not in output  # it is the same everywhere
    assert "3 records in" in output
    code, output = call("records", "list", "toys", "--json")
    assert {json.loads(line)["specification"]["seed"] for line in output.splitlines()} == {0, 1, 2}


def test_records_show_by_beginning_and_by_path(tmp_path: Path) -> None:
    sweep(RUNS, tmp_path / "toys", toy)
    path = record_path(tmp_path / "toys", RUNS[1])
    for name in (path.stem, path.stem[:10], str(path)):
        code, output = call("records", "show", name)
        assert code == 0
        assert json.loads(output)["metrics"]["test_accuracy"] == 51.0


def test_records_verify(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sweep(RUNS, tmp_path / "toys", toy)
    code, output = call("records", "verify", "toys", "--sample", "2", "--seed", "1")
    assert code == 0
    assert output.count("identical") == 2
    assert "2 of 2 agree" in output
    other = lambda run: toy(run) | {"test_accuracy": 52.0}  # noqa: E731
    monkeypatch.setattr("swatlib.experiments.verify.own_train", lambda: other)
    code, output = call("records", "verify", "toys", "--tolerance", "1.5")
    assert code == 1
    assert "DIFFERS  test_accuracy 50.0 then, 52.0 now" in output
    assert "agrees  test_accuracy 51.0 then, 52.0 now" in output
    assert "2 of 3 agree" in output


@pytest.mark.filterwarnings("always")  # they are what is looked at
def test_records_upgrade(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sweep(RUNS, tmp_path / "toys", toy)
    path = record_path(tmp_path / "toys", RUNS[1])
    fields = json.loads(path.read_text())
    for name in ("checksum", "processor", "instruction_set"):
        del fields[name]
    path.write_text(json.dumps(fields | {"version": 1}))
    code, line = errs(capsys, "records", "list", "toys")
    assert code == 0
    folder = path.parent
    assert (
        f"has version 1, this library knows 2; `swatlib records upgrade --records {folder}`" in line
    )
    assert call("records", "upgrade", "--records", str(folder))[1].startswith("1 upgraded, 2 of")
    assert "3 records in" in call("records", "list", "toys")[1]
    assert call("records", "upgrade")[1].startswith("0 upgraded, 3 of this version already, 0")
    path.write_text("{")
    code, line = errs(capsys, "records", "upgrade", "toys")
    assert code == 1
    assert f"{path.name} is damaged" in line


@pytest.mark.filterwarnings("always")  # they are what is looked at
def test_damaged_records_are_one_line_warnings(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    sweep(RUNS, tmp_path / "toys", toy)
    (tmp_path / "toys" / "0abc.json").write_text("{")
    code, line = errs(capsys, "records", "list", "toys")
    assert code == 0
    assert line.startswith("warning: skipped: record ")
    assert "0abc.json is damaged" in line
