"""Let the tests here import their toy runs, which stand in for the experiments of the book."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

import swatlib.experiments
from swatlib.cli import places

sys.path.insert(0, str(Path(__file__).parent))

from command_line import RUNS, toy


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
