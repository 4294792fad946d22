"""Toy runs that are done in no time, and how the tests here call the command line."""

from typing import Any

import pytest
from typer.testing import CliRunner

from swatlib.cli import app, main
from swatlib.training import Run

RUNS = [Run(seed=seed, sparsity=0.5, method="swat") for seed in range(3)]


def toy(run: Run) -> dict[str, Any]:
    if run.seed == 9:
        raise RuntimeError("no such\nluck")
    return {"epochs": [{"epoch": 1, "test_accuracy": 50.0}], "test_accuracy": 50.0 + run.seed}


def call(*arguments: str) -> tuple[int, str]:
    """Call a command within this process; return its exit code and standard output."""
    result = CliRunner().invoke(app, list(arguments))
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout


def errs(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """Call the whole program; return its exit code and its one line of error."""
    with pytest.raises(SystemExit) as caught:
        main(list(arguments))
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1, lines
    return int(caught.value.code or 0), lines[0]
