"""The command line: what it prints, its exit codes, and never a traceback."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import click
import pytest
import typer
from typer.testing import CliRunner

import swatlib.experiments
from swatlib.cli import app, main, places
from swatlib.cli.train import _read
from swatlib.records import record_path
from swatlib.records.sweep import sweep
from swatlib.training import Run

RUNS = [Run(seed=seed, sparsity=0.5, method="swat") for seed in range(3)]


def toy(run: Run) -> dict[str, Any]:
    if run.seed == 9:
        raise RuntimeError("no such\nluck")
    return {"epochs": [{"epoch": 1, "test_accuracy": 50.0}], "test_accuracy": 50.0 + run.seed}


@pytest.fixture(autouse=True)
def toy_experiments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two experiments that are done in no time, with their records in the test's folder."""
    bad = [*RUNS, replace(RUNS[0], seed=9)]
    experiments = {"toys": lambda: RUNS, "bad-toys": lambda: bad}
    monkeypatch.setattr(swatlib.experiments, "EXPERIMENTS", experiments)
    monkeypatch.setattr("swatlib.records.sweep.own_train", lambda: toy)
    monkeypatch.setattr("swatlib.experiments.verify.own_train", lambda: toy)
    monkeypatch.setattr(places, "records_root", lambda: tmp_path)
    monkeypatch.setattr("swatlib.cli.records.records_root", lambda: tmp_path)
    monkeypatch.setattr("swatlib.cli.experiments.records_root", lambda: tmp_path)


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


def test_experiments_counts_what_is_there(tmp_path: Path) -> None:
    sweep(RUNS[:2], tmp_path / "toys", toy)
    code, output = call("experiments")
    assert code == 0
    rows = {line.split()[0]: line.split()[1:] for line in output.splitlines()}
    assert rows["toys"] == ["3", "2", "1"]
    assert rows["bad-toys"] == ["4", "0", "4"]


def test_what_is_no_good_record_is_not_done(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sweep(RUNS, tmp_path / "toys", toy)
    paths = [record_path(tmp_path / "toys", run) for run in RUNS]
    paths[0].write_text(paths[0].read_text().replace("50.0", "99.0"))
    paths[1].write_text(paths[1].read_text().replace('"version": 2', '"version": 1'))
    paths[2].unlink()
    paths[2].mkdir()
    for command in (["experiments"], ["sweep", "toys", "--list"]):
        with pytest.raises(SystemExit) as caught:
            main(command)
        assert not caught.value.code
        output, errors = capsys.readouterr()
        assert len(errors.splitlines()) == 3
        assert all(line.startswith("warning: ") for line in errors.splitlines())
        assert all(path.name in errors for path in paths)
        assert "done   " not in output
        if command == ["experiments"]:
            assert output.splitlines()[1].split() == ["toys", "3", "0", "3"]


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


def test_train_prints_metrics(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Run] = []
    monkeypatch.setattr("swatlib.training.train_run", lambda run: seen.append(run) or toy(run))
    chosen = ["--method", "swat", "--sparsity", "0.5", "--option", 'over="NCHW"', "--seed", "2"]
    code, output = call("train", *chosen)
    assert code == 0
    assert "epoch 1  test_accuracy 50" in output
    assert "test_accuracy 52" in output
    assert seen == [Run(method="swat", sparsity=0.5, options={"over": "NCHW"}, seed=2)]
    code, output = call("train", "--json")
    assert json.loads(output)["test_accuracy"] == 50.0
    assert seen[1] == Run()  # the defaults of the command are those of a run


def test_a_diverged_run_says_so_and_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("swatlib.training.train_run", lambda run: toy(run) | {"diverged": True})
    for options in ([], ["--json"]):
        result = CliRunner().invoke(app, ["train", *options])
        assert result.exit_code == 1
        assert "diverged: the loss is no longer finite" in result.stderr


def test_train_has_an_option_for_every_field() -> None:
    command = typer.main.get_command(app)
    assert isinstance(command, click.Group | typer.core.TyperGroup)
    names = {parameter.name for parameter in command.commands["train"].params}
    assert {field.name for field in fields(Run)} - {"options"} <= names


def test_train_reaches_every_option_of_a_method(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Run] = []
    monkeypatch.setattr("swatlib.training.train_run", lambda run: seen.append(run) or toy(run))
    swat = ["train", "--method", "swat", "--sparsity", "0.9"]
    cases: list[tuple[list[str], dict[str, Any]]] = [
        (["--period", "100"], {"period": 100}),
        (["--over", "CHW"], {"over": "CHW"}),
        (["--exact"], {"exact": True}),
        (["--sample", "4096"], {"sample": 4096}),
        (["--structured", "layer"], {"structured": "layer"}),
        (["--activation-sparsity", "0.5"], {"activation_sparsity": 0.5}),
        (["--no-first-layer-dense"], {"first_layer_dense": False}),
        (["--period", "2", "--option", "sample=8"], {"period": 2, "sample": 8}),
    ]
    for arguments, options in cases:
        assert call(*swat, *arguments)[0] == 0
        assert seen.pop() == Run(method="swat", sparsity=0.9, options=options)
    assert call("train", "--method", "saw", "--sparsity", "0.9", "--random")[0] == 0
    assert seen.pop() == Run(method="saw", sparsity=0.9, options={"random": True})
    more = ["--allocation", "erk", "--masked-gradients", "--freeze-epoch", "3"]
    assert call(*swat, *more, "--observe", "topology", "--pretrain-epochs", "2")[0] == 0
    assert seen.pop() == Run(
        method="swat",
        sparsity=0.9,
        observe="topology",
        options={
            "allocation": "erk",
            "masked_gradients": True,
            "freeze_epoch": 3,
            "pretrain_epochs": 2,
        },
    )


def test_train_prints_what_a_run_adds(monkeypatch: pytest.MonkeyPatch) -> None:
    added = {"densities": {"conv1": 1.0, "fc": 0.25}, "observed": {"changed": [0.5] * 999}}
    monkeypatch.setattr("swatlib.training.train_run", lambda run: toy(run) | added)
    output = call("train")[1]
    assert "densities fc 0.25" in output
    assert "observed changed (--json prints them)" in output


def test_options_are_json_or_text() -> None:
    assert _read(["a=1", "b=0.5", "c=true", "d=NCHW", "e=x=y"]) == {
        "a": 1,
        "b": 0.5,
        "c": True,
        "d": "NCHW",
        "e": "x=y",
    }


def test_info() -> None:
    code, output = call("info")
    assert code == 0
    for word in ("swatlib", "torch", "threads", "digits, patches, cifar10, cifar100"):
        assert word in output


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
            "executor must be sequential, thread or process",
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


def test_data_folder_that_is_not_there(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SWATLIB_DATA", str(tmp_path / "nowhere"))
    code, line = errs(capsys, "train", "--data", "cifar10")
    assert code == 2
    assert "SWATLIB_DATA must name a folder" in line


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


def test_damaged_records_are_one_line_warnings(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    sweep(RUNS, tmp_path / "toys", toy)
    (tmp_path / "toys" / "0abc.json").write_text("{")
    code, line = errs(capsys, "records", "list", "toys")
    assert code == 0
    assert line.startswith("warning: skipped: record ")
    assert "0abc.json is damaged" in line


def test_records_are_in_the_checkout_or_here(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.undo()
    root = Path(__file__).parents[2]
    assert places.records_root() == root / "data" / "records"
    assert places.records_folder("toys") == root / "data" / "records" / "toys"
    monkeypatch.setattr("swatlib.__file__", str(tmp_path / "swatlib" / "__init__.py"))
    assert places.records_root() == Path("records")


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
