"""The command sweep."""

from __future__ import annotations

import errno
import os
import signal
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
