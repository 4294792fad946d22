"""Records of the first layout: rewritten once, in place, with every digit and every name kept."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from swatlib.records import read_record, record_path
from swatlib.records.upgrade import upgrade, upgrade_record


@dataclass(frozen=True)
class Run:
    seed: int = 0


def first_layout(folder: Path, seed: int, **changes: Any) -> Path:
    """Write a record as version 1 had them."""
    path = record_path(folder, Run(seed))
    fields = {
        "data": None,
        "date": "2026-01-02T03:04:05+00:00",
        "device": "cpu",
        "library": "0.1.0",
        "metrics": {"accuracy": 0.1 + 0.2, "epochs": [{"loss": "NaN"}], "one": 1.0, "two": 2},
        "seconds": 12,
        "specification": {"seed": seed},
        "threads": 1,
        "torch": "2.13.0",
        "version": 1,
    }
    path.write_text(json.dumps(fields | changes, indent=1, sort_keys=True) + "\n")
    return path


def test_only_lines_are_added(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    path = first_layout(tmp_path / "inner", 3)
    before = path.read_text().splitlines()
    assert upgrade(tmp_path) == (1, 0, 0)
    after = path.read_text().splitlines()
    new = [' "checksum"', ' "instruction_set": null,', ' "processor": null,', ' "version": 2']
    assert [line for line in before if line not in after] == [' "version": 1']
    assert [line.split(": ")[0] for line in after if line not in before] == [
        line.split(": ")[0] for line in new
    ]
    record = read_record(path)
    assert (record.processor, record.instruction_set) == (None, None)
    assert record.metrics["accuracy"] == 0.1 + 0.2
    assert upgrade(tmp_path) == (0, 1, 0)
    assert path.read_text().splitlines() == after
    assert [item.name for item in path.parent.iterdir()] == [path.name]


def test_what_is_no_good_is_named_and_left_alone(tmp_path: Path) -> None:
    good = first_layout(tmp_path, 0)
    changes: list[dict[str, Any]] = [
        {"specification": {"seed": 9}},
        {"threads": "1"},
        {"version": 3},
        {"version": 0},
        {"surprise": 1},
        {"processor": "mine"},
    ]
    bad = [first_layout(tmp_path, seed, **change) for seed, change in enumerate(changes, start=1)]
    bad[1].write_text(bad[1].read_text().replace('"two": 2', '"two": 2, "two": 2'))
    before = [path.read_bytes() for path in bad]
    (tmp_path / "folder.json").mkdir()
    with pytest.warns(UserWarning, match="skipped") as caught:
        assert upgrade(tmp_path) == (1, 0, len(bad) + 1)
    named = " ".join(str(warning.message) for warning in caught)
    assert all(path.name in named for path in [*bad, tmp_path / "folder.json"])
    assert [path.read_bytes() for path in bad] == before
    read_record(good)


def test_an_upgrade_that_fails_leaves_the_old_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = first_layout(tmp_path, 0)
    before = path.read_bytes()

    def full(descriptor: int) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space"):
        upgrade_record(path)
    assert [(item, item.read_bytes()) for item in tmp_path.iterdir()] == [(path, before)]


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"records folder .*nowhere does not exist"):
        upgrade(tmp_path / "nowhere")
