"""The command line: what it prints, its exit codes, and never a traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
from command_line import call, errs

from swatlib.cli import app
from swatlib.training import Run


def test_every_command_has_help() -> None:
    def walk(command: Any, path: list[str]) -> None:
        assert command.help, path
        code, output = call(*path, "--help")
        assert code == 0
        assert "Usage" in output
        for parameter in command.params:
            assert parameter.name == "help" or parameter.help, (path, parameter.name)
        for name, inner in getattr(command, "commands", {}).items():
            walk(inner, [*path, name])

    walk(typer.main.get_command(app), [])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["sweep", "nope"], "unknown experiment 'nope': allowed are toys, bad-toys"),
        (["sweep", "toys", "--budget", "soon"], "budget must be a length of time"),
        (["sweep", "toys", "--budget", "٣٠s"], "budget must be a length of time"),
        (["sweep", "toys", "--records", ""], "records must be a folder, got ''"),
        (["experiments", "--records", ""], "records must be a folder, got ''"),
        (["records", "list", "toys", "--records", ""], "records must be a folder, got ''"),
        (["records", "show", "0000", "--records", ""], "records must be a folder, got ''"),
        (
            ["sweep", "toys", "--executor", "cloud"],
            "executor must be sequential, thread, process:N",
        ),
        (["sweep", "toys", "--records", "/dev/null/x"], "/dev/null/x cannot be written"),
        (["sweep"], "Missing argument"),
        (["sweep", "toys", "--nope"], "No such option"),
        (["nope"], "No such command 'nope'"),
        (["records", "list", "toys"], "toys does not exist"),
        (["records", "show", "0000"], "no record is called '0000'"),
        (["records", "show", "../x"], "no record is called '../x'"),
        (["records", "verify", "toys", "--sample", "0"], "sample must be at least 1, got 0"),
        (["train", "--sparsity", "1.5", "--method", "swat"], "sparsity must be in [0, 1), got 1.5"),
        (["train", "--method", "magic"], "magic"),
        (["train", "--network", "brain"], "brain"),
        (["train", "--data", "dogs"], "unknown data set 'dogs'"),
        (["train", "--pixels", "9"], "pixels must be 8"),
        (["train", "--epochs", "0"], "epochs must be at least 1, got 0"),
        (["train", "--batch-size", "1"], "batch_size must be at least 2"),
        (["train", "--epochs", "few"], "'--epochs'"),
        (["train", "--option", "period"], "option must be NAME=VALUE, got 'period'"),
        (["train", "--option", "nope=1", "--method", "swat"], "nope"),
        (["train", "--method", "swat", "--period", "0"], "period must be at least 1, got 0"),
        (["train", "--method", "swat", "--structured", "rows"], "structured must be one of filter"),
        (
            ["train", "--method", "swat", "--allocation", "even"],
            "allocation must be one of uniform",
        ),
        (["train", "--method", "swat", "--freeze-epoch", "10"], "freeze_epoch must be in [0, 10)"),
        (
            ["train", "--method", "saw", "--masked-gradients"],
            "masked_gradients needs a method with",
        ),
        (["train", "--pretrain-epochs", "0"], "pretrain_epochs must be at least 1, got 0"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    code, line = errs(capsys, *arguments)
    assert code == 2
    assert line.startswith("error: ")
    assert message in line


def test_a_fault_of_the_library_is_one_line_too(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fault(run: Run) -> None:
        raise KeyError("oops")

    monkeypatch.setattr("swatlib.training.train_run", fault)
    code, line = errs(capsys, "train")
    assert code == 1
    assert "KeyError: 'oops'" in line


def test_interruption(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(run: Run) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("swatlib.training.train_run", interrupt)
    assert errs(capsys, "train") == (130, "interrupted")


def test_as_a_program(tmp_path: Path) -> None:
    """One real run in a process of its own, from the command line to numbers."""
    here = str(Path(__file__).parents[2])
    chosen = [
        "train",
        "--epochs",
        "1",
        "--width",
        "8",
        "--images",
        "64",
        "--method",
        "swat",
        "--sparsity",
        "0.5",
        "--json",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "swatlib.cli", *chosen],
        env=os.environ | {"PYTHONPATH": here, "OMP_NUM_THREADS": "1"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    metrics = json.loads(done.stdout)
    assert metrics["train_images"] == 64
    assert 0 <= metrics["test_accuracy"] <= 100
