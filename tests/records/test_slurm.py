"""Slurm: shares of an experiment, the script of an array, and how it is submitted."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from swatlib.records.slurm import array_script, share, submit, unfinished, write_array


@pytest.mark.parametrize("tasks", [1, 2, 3, 7, 12])
def test_every_run_is_in_one_share(tasks: int) -> None:
    shares = [share(range(10), task, tasks) for task in range(1, tasks + 1)]
    assert sorted(run for one in shares for run in one) == list(range(10))
    assert all(one == sorted(one) for one in shares)
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_a_share_that_there_is_not() -> None:
    with pytest.raises(ValueError, match=r"task must be in \[1, 3\], got 4"):
        share([7, 8, 9], 4, 3)


def test_tasks_whose_runs_are_done_are_left_out() -> None:
    assert unfinished(range(6), 3, lambda run: run in (0, 3, 1)) == [2, 3]
    assert unfinished(range(2), 3, lambda run: False) == [1, 2]  # the third has none
    assert unfinished(range(6), 3, lambda run: True) == []


def test_the_script_calls_the_command_with_its_number(tmp_path: Path) -> None:
    show = "import sys; print(sys.argv[1:])"
    command = [sys.executable, "-c", show, "{task}/9", "two words", "$HOME"]
    script = tmp_path / "array.sh"
    script.write_text(array_script("toys", command, [2, 5], tmp_path))
    assert "#SBATCH --array=2,5\n" in script.read_text()
    done = subprocess.run(
        ["sh", str(script)],
        env=os.environ | {"SLURM_ARRAY_TASK_ID": "5"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "['5/9', 'two words', '$HOME']\n"


def stand_in(folder: Path, body: str, monkeypatch: pytest.MonkeyPatch) -> None:
    program = folder / "bin" / "sbatch"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{body}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)


def test_submit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = write_array("toys", tmp_path, [1], 4)
    assert f'sweep toys --share "$SLURM_ARRAY_TASK_ID"/4 --records {tmp_path}' in (
        script.read_text().replace("''", "")
    )
    assert (script.parent / ".gitignore").read_text() == "*\n"
    stand_in(tmp_path, 'test "$1" = --parsable && test -f "$2" && echo "17;here"', monkeypatch)
    assert submit(script) == "17"


def test_what_slurm_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(tmp_path, "echo 'no such account' >&2; exit 1", monkeypatch)
    with pytest.raises(OSError, match=r"sbatch refused .*array.sh: no such account"):
        submit(write_array("toys", tmp_path, [1], 4))


def test_without_slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert submit(tmp_path / "array.sh") is None
