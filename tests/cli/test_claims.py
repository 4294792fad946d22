"""The commands on claims."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from command_line import call, errs, toy

from swatlib.claims.claim import Claim, Trained
from swatlib.claims.effect import DENSELY, Effect, Scale, way
from swatlib.records.sweep import sweep
from swatlib.training import Run

BASE = Run(data="digits", network="small_resnet")
SCALE = Scale("toys", (BASE,), ("toys",))
CLAIM = Claim(
    id="n-toy",
    paper="N",
    place="Section 0",
    statement="Toys do not mind.",
    says="nothing",
    kind="training",
    chapter="toys/01-toys",
    needs="toys",
    decision=Trained(
        (Effect("50 %", way("swat", 0.5), DENSELY, "level", 5.0),),
        (SCALE, replace(SCALE, name="others", experiments=("others",))),
    ),
    limits="toys for children",
    weakness="none was asked",
)


@pytest.fixture(autouse=True)
def toy_claims(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("swatlib.claims.inventory.CLAIMS", {"n-toy": CLAIM})
    monkeypatch.setattr("swatlib.cli.claims.records_root", lambda: tmp_path)
    monkeypatch.setattr("swatlib.experiments.verify.own_train", lambda: full_toy)


def full_toy(run: Run) -> dict[str, object]:
    return toy(run) | {"diverged": False, "pixels": 8, "train_images": 1438}


@pytest.fixture
def records(tmp_path: Path) -> None:
    ways = ({}, {"method": "swat", "sparsity": 0.5})
    runs = [replace(BASE, seed=seed, **fields) for seed in range(3) for fields in ways]
    sweep(runs, tmp_path / "toys", full_toy)


def test_list() -> None:
    code, output = call("claims", "list")
    assert code == 0
    assert "n-toy  (training; SWAT, NeurIPS 2020, Section 0)  Toys do not mind." in output
    assert "0 claims" in call("claims", "list", "--paper", "F")[1]
    assert "1 claims" in call("claims", "list", "--kind", "training")[1]


@pytest.mark.usefixtures("records")
def test_show() -> None:
    code, output = call("claims", "show", "n-toy")
    assert code == 0
    for line in (
        "verdict: reproduced, at small scale (grade B)",
        "toys: reproduced (grade B)",
        "50 %: +0.00 [+0.00, +0.00] points",
        "missing: swat 0.5 small_resnet on digits, seeds 0, 1, 2",
        "stands for it here: toys for children",
        "its own evidence: none was asked",
    ):
        assert line in output


@pytest.mark.usefixtures("records")
def test_judge() -> None:
    code, output = call("claims", "judge")
    assert code == 0
    assert "n-toy  reproduced, at small scale (B)" in output
    assert "1 reproduced (B)" in output
    code, output = call("claims", "judge", "n-toy", "--json")
    assert json.loads(output)["verdict"] == "reproduced"


def test_without_records_it_is_open() -> None:
    assert "n-toy  open (open)" in call("claims", "judge")[1]


@pytest.mark.usefixtures("records")
def test_rerun(monkeypatch: pytest.MonkeyPatch) -> None:
    code, output = call("claims", "rerun", "--share", "0.5", "--seed", "1", "--executor", "thread")
    assert code == 0
    assert output.count("identical") == 3
    assert "3 of 3 agree within 3" in output
    monkeypatch.setattr(
        "swatlib.experiments.verify.own_train",
        lambda: lambda run: full_toy(run) | {"test_accuracy": 0.0},
    )
    code, output = call("claims", "rerun", "n-toy", "--share", "1")
    assert code == 1
    assert "0 of 6 agree" in output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("claims", "show", "n-x"), "error: unknown claim 'n-x'"),
        (("claims", "judge", "n-x"), "error: unknown claim 'n-x'"),
        (("claims", "list", "--paper", "X"), "error: paper must be one of"),
        (("claims", "list", "--kind", "X"), "error: kind must be one of"),
        (("claims", "rerun", "--share", "2"), "error: share must be"),
        (("claims", "rerun"), "error: no records of training runs"),
    ],
)
def test_bad_input(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], message: str
) -> None:
    code, line = errs(capsys, *arguments)
    assert code == 2
    assert line.startswith(message)
