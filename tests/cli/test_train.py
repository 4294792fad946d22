"""The command train."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import click
import pytest
import typer
from command_line import call, errs, toy
from typer.testing import CliRunner

from swatlib.cli import app, main
from swatlib.cli.train import _read
from swatlib.kernels.fastest import current
from swatlib.records.checkpoint import Checkpoint
from swatlib.records.executors import LostError
from swatlib.training import Run, train_run


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


def test_products_as_asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seen: list[str] = []
    monkeypatch.setattr(
        "swatlib.training.train_run", lambda run: seen.append(current()) or toy(run)
    )
    for options in ([], ["--products", "auto"], ["--products", "exact"]):
        assert call("train", *options)[0] == 0
    assert seen == ["fast", "auto", "exact"]
    line = "error: products must be one of exact, fast, auto; got 'quick'"
    assert errs(capsys, "train", "--products", "quick") == (2, line)
    line = "error: products must be fast with several processes, got auto"
    assert errs(capsys, "train", "--products", "auto", "--nproc", "2") == (2, line)


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


def test_data_folder_that_is_not_there(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SWATLIB_DATA", str(tmp_path / "nowhere"))
    code, line = errs(capsys, "train", "--data", "cifar10")
    assert code == 2
    assert "SWATLIB_DATA must name a folder" in line


class Stopped(BaseException):
    """The process ends."""


def test_a_run_that_was_killed_goes_on(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def killed(run: Run, checkpoint: Checkpoint) -> dict[str, Any]:
        def stop(step: int, model: Any) -> None:
            if step == 3:
                raise Stopped

        return train_run(run, "cpu", stop, checkpoint)

    folder = tmp_path / "kept"
    run = ["train", "--images", "32", "--batch-size", "16", "--width", "4", "--epochs", "2"]
    keep = ["--checkpoint", str(folder), "--checkpoint-every", "0s"]
    with monkeypatch.context() as patched:
        patched.setattr("swatlib.training.train_run", killed)
        with pytest.raises(Stopped):
            main([*run, *keep])
    code, line = errs(capsys, *run, *keep)
    assert code == 2
    assert "or --resume goes on there" in line
    code, line = errs(capsys, *run, *keep, "--resume", "--seed", "7")
    assert code == 2
    assert "must be of this run, it is of one with seed 0 and not 7" in line
    assert call(*run, *keep, "--resume", "--json")[1] == call(*run, "--json")[1]
    assert not folder.exists()


def test_how_a_run_is_kept_is_checked(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert errs(capsys, "train", "--resume") == (
        2,
        "error: resume needs a folder: --checkpoint DIR --resume",
    )
    line = errs(capsys, "train", "--checkpoint", str(tmp_path), "--checkpoint-every", "soon")[1]
    assert "checkpoint-every must be a length of time such as 90s" in line


def test_processes_that_train_together(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def together(run: Run, nproc: int) -> dict[str, Any]:
        assert nproc == 2
        return toy(run)

    def dies(run: Run, nproc: int, checkpoint: Any = None) -> dict[str, Any]:
        raise LostError("a process of the training died")

    monkeypatch.setattr("swatlib.training.together.train_together", together)
    assert "test_accuracy 52" in call("train", "--nproc", "2", "--seed", "2")[1]
    monkeypatch.setattr("swatlib.training.together.train_together", dies)
    line = "error: a process of the training died"
    assert errs(capsys, "train", "--nproc", "2") == (1, line)
    kept = ["--checkpoint", str(tmp_path / "kept")]
    assert errs(capsys, "train", "--nproc", "2", *kept) == (
        1,
        f"{line}; --resume goes on at its last checkpoint",
    )
    assert errs(capsys, "train", "--nproc", "0") == (2, "error: nproc must be at least 1, got 0")
