"""The command sweep."""

from __future__ import annotations

import errno
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from command_line import RUNS, call, errs, toy
from typer.testing import CliRunner

from swatlib.cli import app
from swatlib.records import record_path
from swatlib.records.sweep import sweep
from swatlib.training import Run


def test_sweep_then_nothing_is_missing(tmp_path: Path) -> None:
    code, output = call("sweep", "toys")
    assert code == 0
    assert "3 computed, 0 done before, 0 busy in another sweep, 0 left, 0 failed" in output
    assert all(record_path(tmp_path / "toys", run).is_file() for run in RUNS)
    assert "0 computed, 3 done before" in call("sweep", "toys")[1]


def test_sweep_list_computes_nothing(tmp_path: Path) -> None:
    sweep(RUNS[:1], tmp_path / "elsewhere", toy)
    code, output = call("sweep", "toys", "--list", "--records", str(tmp_path / "elsewhere"))
    assert code == 0
    states = [line.split()[1] for line in output.splitlines()]
    assert states == ["done", "missing", "missing"]
    assert "method=swat" in output
    assert len(list((tmp_path / "elsewhere").glob("*.json"))) == 1


def test_sweep_with_a_failed_run_exits_with_1() -> None:
    result = CliRunner().invoke(app, ["sweep", "bad-toys", "--budget", "1h"])
    assert result.exit_code == 1
    assert "3 computed" in result.stdout
    assert "1 failed" in result.stdout
    assert "RuntimeError: no such luck" in result.stderr


def test_a_sweep_ends_at_sigterm_as_at_ctrl_c(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def told(run: Run) -> dict[str, Any]:
        os.kill(os.getpid(), signal.SIGTERM)
        return toy(run)

    monkeypatch.setattr("swatlib.records.sweep.own_train", lambda: told)
    before = signal.getsignal(signal.SIGTERM)
    assert errs(capsys, "sweep", "toys") == (130, "interrupted")
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_sweep_stops_at_a_full_disk(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("os.fsync", full)
    code, line = errs(capsys, "sweep", "toys")
    assert code == 2
    assert "No space left on device" in line


SBATCH = """#!{python}
import os, re, subprocess, sys
from pathlib import Path

script = Path(sys.argv[-1]).read_text()
[numbers] = re.findall("--array=(.*)", script)
for number in numbers.split(","):
    Path(os.environ["TASKS"]).open("a").write(number + "\\n")
    command = re.findall("exec (.*)", script)[0].replace("-m swatlib.cli", os.environ["PROGRAM"])
    environment = os.environ | {{"SLURM_ARRAY_TASK_ID": number}}
    subprocess.run(["sh", "-c", command], env=environment, check=True, stdout=sys.stderr)
print("17")
"""

PROGRAM = """
import sys
import swatlib.experiments
import swatlib.records.sweep
from command_line import RUNS, toy
from swatlib.cli import main

swatlib.experiments.EXPERIMENTS = {"toys": lambda: RUNS}
swatlib.records.sweep.own_train = lambda: toy
main(sys.argv[1:])
"""


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in for Slurm: an ``sbatch`` that computes the tasks at once; return what it notes."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "sbatch").write_text(SBATCH.format(python=sys.executable))
    (tmp_path / "bin" / "sbatch").chmod(0o755)
    (tmp_path / "program.py").write_text(PROGRAM)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)
    where = [str(Path(__file__).parents[2]), str(Path(__file__).parent)]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(where))
    monkeypatch.setenv("PROGRAM", str(tmp_path / "program.py"))
    monkeypatch.setenv("TASKS", str(tmp_path / "tasks"))
    return tmp_path / "tasks"


@pytest.mark.slow
def test_an_array_of_slurm_computes_what_is_missing(tmp_path: Path, slurm: Path) -> None:
    sweep(RUNS[1:2], tmp_path / "toys", toy)
    where = ["--records", str(tmp_path / "toys")]
    code, output = call("sweep", "toys", "--executor", "slurm", "--budget", "1h", *where)
    assert code == 0
    assert "toys: job 17, 2 tasks; they print into " in output
    assert slurm.read_text().split() == ["1", "3"]
    assert all(record_path(tmp_path / "toys", run).is_file() for run in RUNS)
    output = call("sweep", "toys", "--executor", "slurm:2", *where)[1]
    assert output.startswith("toys: nothing is missing")
    assert slurm.read_text().split() == ["1", "3"]


def test_without_slurm_it_says_how_to_submit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    folder = tmp_path / "toys"
    output = call("sweep", "toys", "--executor", "slurm:2", "--records", str(folder))[1]
    assert "there is no sbatch here; submit 2 tasks: sbatch " in output
    assert "--array=1,2\n" in (folder / ".slurm" / "array.sh").read_text()
    assert not list(folder.glob("*.json"))


def test_a_share(tmp_path: Path) -> None:
    assert "1 computed" in call("sweep", "toys", "--share", "2/2")[1]
    assert record_path(tmp_path / "toys", RUNS[1]).is_file()
    assert "2 computed" in call("sweep", "toys", "--share", "1/2")[1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--share", "3/2"], "share must be K/N with K from 1 to N, got '3/2'"),
        (["--share", "half"], "share must be K/N with K from 1 to N, got 'half'"),
        (["--executor", "slurm:0"], "executor must be slurm or slurm:N (N at least 1)"),
        (["--executor", "slurm", "--share", "1/2"], "share must not be given with executor slurm"),
    ],
)
def test_bad_shares(capsys: pytest.CaptureFixture[str], arguments: list[str], message: str) -> None:
    code, line = errs(capsys, "sweep", "toys", *arguments)
    assert code == 2
    assert message in line
