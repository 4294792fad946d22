"""Checkpoints: the newest good one is taken, and nothing else is ever touched or believed."""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

import swatlib
from swatlib.records import checksum, read_record, record_path
from swatlib.records.checkpoint import Checkpoint, of_records
from swatlib.records.sweep import compute, sweep


@dataclass(frozen=True)
class Run:
    seed: int = 0
    size: int = 1


def two(folder: Path) -> list[Path]:
    """Write three checkpoints, of which two are kept, and return them, newest first."""
    checkpoint = Checkpoint(folder, Run(), every=0.0)
    for number in range(3):
        checkpoint.save({"number": number, "tensor": torch.full((3,), float(number))})
    return checkpoint.files


def test_what_was_written_is_found(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    assert Checkpoint(folder, Run()).found is None
    assert [path.name for path in two(folder)] == ["000003.checkpoint", "000002.checkpoint"]
    found = Checkpoint(folder, Run()).found
    assert found is not None
    assert found["number"] == 2
    assert found["tensor"].tolist() == [2.0] * 3


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-7])


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-99] ^= 1
    path.write_bytes(content)


def edit(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b'"seconds": ', b'"seconds": 1', 1))


DAMAGES: dict[str, Callable[[Path], Any]] = {
    "cut": cut,
    "flipped": flip,
    "edited": edit,
    "empty": lambda path: path.write_bytes(b""),
    "text": lambda path: path.write_text("no checkpoint"),
    "list": lambda path: path.write_text("[1]\n"),
    "folder": lambda path: (path.unlink(), path.mkdir()),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_one_is_named_and_the_one_before_is_taken(
    damage: Callable[[Path], Any], tmp_path: Path
) -> None:
    newest, older = two(tmp_path)
    damage(newest)
    with pytest.warns(UserWarning, match=f"checkpoint {newest} is damaged"):
        found = Checkpoint(tmp_path, Run()).found
    assert found is not None
    assert found["number"] == 1
    damage(older)
    with pytest.warns(UserWarning, match="is damaged") as caught:
        assert Checkpoint(tmp_path, Run()).found is None
    assert [
        str(path) in str(w.message) for path, w in zip((newest, older), caught, strict=True)
    ] == [True, True]


def test_one_of_another_run_is_refused_and_stays(tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in two(tmp_path)}
    with pytest.raises(ValueError, match="must be of this run, it is of one with seed 0 and not 4"):
        _ = Checkpoint(tmp_path, Run(seed=4)).found
    assert {path: path.read_bytes() for path in Checkpoint(tmp_path, Run()).files} == before


@pytest.mark.parametrize(
    ("where", "name"),
    [
        ("swatlib.__version__", "library"),
        ("swatlib.records.checkpoint.machine.device", "device"),
        ("swatlib.records.checkpoint.machine.instruction_set", "instruction_set"),
    ],
)
def test_one_of_another_version_or_machine_is_refused_and_stays(
    where: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    two(tmp_path)
    other = "9.9" if name == "library" else lambda: "9.9"
    monkeypatch.setattr(where, other)
    with pytest.raises(ValueError, match=rf"was made with {name} .* and not 9.9: go on there"):
        _ = Checkpoint(tmp_path, Run()).found
    assert len(Checkpoint(tmp_path, Run()).files) == 2


def signed(path: Path, about: dict[str, Any], content: bytes) -> None:
    """Write a checkpoint whose checksums are right, whatever it holds."""
    rest = {name: value for name, value in about.items() if name != "checksum"}
    rest |= {"content": hashlib.sha256(content).hexdigest()}
    line = json.dumps(rest | {"checksum": checksum(rest)})
    path.write_bytes(line.encode() + b"\n" + content)


def test_another_layout_is_refused(tmp_path: Path) -> None:
    newest, _ = two(tmp_path)
    line, _, content = newest.read_bytes().partition(b"\n")
    signed(newest, json.loads(line) | {"version": 2}, content)
    with pytest.raises(ValueError, match="has version 2, this library knows 1"):
        _ = Checkpoint(tmp_path, Run()).found


def test_no_code_is_run_from_one(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> Any:
            return os.mkdir, (str(tmp_path / "done"),)

    newest, _ = two(tmp_path)
    content = io.BytesIO()
    torch.save({"evil": Evil()}, content)
    signed(newest, json.loads(newest.read_bytes().partition(b"\n")[0]), content.getvalue())
    with pytest.raises(Exception, match=r"weights_only|Weights only"):
        _ = Checkpoint(tmp_path, Run()).found
    assert not (tmp_path / "done").exists()


def test_it_takes_up_the_number_of_threads(tmp_path: Path) -> None:
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(before + 1)
        two(tmp_path)
        torch.set_num_threads(before)
        assert Checkpoint(tmp_path, Run()).found
        assert torch.get_num_threads() == before + 1
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()])
def test_files_are_whole_or_not_there(
    error: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {path: path.read_bytes() for path in two(tmp_path)}

    def broken(descriptor: int) -> None:
        raise error

    checkpoint = Checkpoint(tmp_path, Run(), every=0.0)
    with monkeypatch.context() as patched:
        patched.setattr("swatlib.files.os.fsync", broken)
        if isinstance(error, OSError):
            with pytest.warns(UserWarning, match="cannot be written: disk full"):
                checkpoint.save({})
        else:
            with pytest.raises(KeyboardInterrupt):
                checkpoint.save({})
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_what_a_killed_run_was_writing_is_swept_up(tmp_path: Path) -> None:
    two(tmp_path)
    scrap, other = tmp_path / ".000004-x.tmp", tmp_path / ".mine.tmp"
    scrap.write_text("half")
    other.write_text("not ours")
    assert Checkpoint(tmp_path, Run()).found
    assert not scrap.exists()
    assert other.exists()


def test_what_else_is_in_the_folder_stays(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("mine\n")
    (tmp_path / "notes.checkpoint").write_text("mine")
    two(tmp_path)
    Checkpoint(tmp_path, Run()).remove()
    assert sorted(path.name for path in tmp_path.iterdir()) == [".gitignore", "notes.checkpoint"]
    two(tmp_path / "own")
    assert (tmp_path / "own" / ".gitignore").read_text() == "*\n"
    Checkpoint(tmp_path / "own", Run()).remove()
    assert not (tmp_path / "own").exists()


class Killed(BaseException):
    """The process ends."""


def counted(run: Run, checkpoint: Checkpoint) -> dict[str, Any]:
    """Count to two, and be killed after one in the first sitting."""
    n = (checkpoint.found or {"n": 0})["n"] + 1
    if n == 1:
        checkpoint.earlier = 100.0  # there was one before
        checkpoint.save({"n": n})
        raise Killed
    return {"n": n}


def test_a_sweep_goes_on_in_the_middle_of_a_run(tmp_path: Path) -> None:
    with pytest.raises(Killed):
        sweep([Run()], tmp_path, counted)
    kept = of_records(tmp_path, Run())
    assert len(kept.files) == 1
    assert not list(tmp_path.glob("*.json"))
    assert sweep([Run()], tmp_path, counted).computed == 1
    record = read_record(record_path(tmp_path, Run()))
    assert record.metrics == {"n": 2}
    assert 100 < record.seconds < 200
    assert not kept.folder.exists()


def test_a_sweep_leaves_one_of_another_version_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Killed):
        sweep([Run()], tmp_path, counted)
    with monkeypatch.context() as patched:
        patched.setattr(swatlib, "__version__", "9.9")
        [failed] = sweep([Run()], tmp_path, counted).failed
        assert "was made with library" in failed.error
    assert sweep([Run()], tmp_path, counted).computed == 1


def test_what_was_left_of_a_finished_run_goes(tmp_path: Path) -> None:
    sweep([Run()], tmp_path, lambda run: {"n": 0})
    kept = of_records(tmp_path, Run(), 0.0)
    kept.save({})
    assert compute(Run(), tmp_path).status == "done"
    assert not kept.folder.exists()
    kept.save({})
    assert sweep([Run()], tmp_path).done == 1
    assert not kept.folder.exists()


def test_the_number_of_threads_is_that_of_the_record_and_no_longer(tmp_path: Path) -> None:
    def other(run: Run, checkpoint: Checkpoint) -> dict[str, Any]:
        torch.set_num_threads(before + 1)
        return {}

    before = torch.get_num_threads()
    sweep([Run()], tmp_path, other)
    assert read_record(record_path(tmp_path, Run())).threads == before + 1
    assert torch.get_num_threads() == before
