"""Verification of records: the same numbers, nearly the same, or not."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch

from swatlib.experiments import EXPERIMENTS
from swatlib.experiments.verify import own_run, verify
from swatlib.records import read_record, record_path, specification, write_record
from swatlib.records.sweep import sweep


@dataclass(frozen=True)
class Run:
    seed: int = 0


def train(run: Run) -> dict[str, Any]:
    return {
        "epochs": [{"loss": math.nan}, {"loss": 1.0}],
        "accuracy": 80.0 + run.seed,
        "parameters": 100,
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    sweep([Run(seed) for seed in range(6)], tmp_path, train)
    return tmp_path


def again(folder: Path, change: dict[str, Any], **options: Any) -> list:
    return verify(
        folder, train=lambda run: train(run) | change, make_run=lambda s: Run(**s), **options
    )


def test_identical(folder: Path) -> None:
    seen: list = []
    verdicts = again(folder, {}, report=seen.append)
    assert len(verdicts) == 6
    assert seen == verdicts
    assert all(v.identical and v.agrees and not v.differences for v in verdicts)


def test_sample_is_random_and_reproducible(folder: Path) -> None:
    keys = [[v.key for v in again(folder, {}, sample=2, seed=s)] for s in (0, 0, 1, 2)]
    assert keys[0] == keys[1]
    assert len({tuple(k) for k in keys}) > 1
    assert all(len(set(k)) == 2 for k in keys)


@pytest.mark.parametrize(
    ("change", "agrees"),
    [
        ({"accuracy": 82.9}, True),
        ({"accuracy": 83.1}, False),
        ({"accuracy": math.nan}, False),
        ({"parameters": 101}, False),
        ({"new": 1}, False),
        ({"epochs": [{"loss": math.nan}, {"loss": 1.1}]}, True),
    ],
)
def test_tolerance(tmp_path: Path, change: dict[str, Any], agrees: bool) -> None:
    sweep([Run(0)], tmp_path, train)
    (verdict,) = again(tmp_path, change)
    assert not verdict.identical
    assert verdict.agrees == agrees
    assert set(verdict.differences) == set(change) - {"epochs"}


def test_what_lies_deeper_is_compared(tmp_path: Path) -> None:
    """Counted cycles and tables of rows have no single metric at the top."""

    def counted(run: Run) -> dict[str, Any]:
        rows = [{"layer": "fc", "entropy": 1.0}, {"layer": "conv", "entropy": 2.0}]
        return {"forward": {"cycles": 100, "lost": {"halo": 0.5}}, "rows": rows, "curve": [1, 2]}

    sweep([Run(0)], tmp_path, counted)

    def verdict(**change: Any) -> Any:
        (one,) = verify(
            tmp_path, train=lambda run: counted(run) | change, make_run=lambda s: Run(**s)
        )
        return one

    assert verdict().identical
    cycles = verdict(forward={"cycles": 150, "lost": {"halo": 0.5}})
    assert not cycles.agrees
    assert cycles.differences == {"forward.cycles": (100, 150)}
    near = verdict(forward={"cycles": 100, "lost": {"halo": 0.75}})
    assert (near.agrees, near.differences) == (True, {"forward.lost.halo": (0.5, 0.75)})
    assert not verdict(rows=[{"layer": "fc", "entropy": 1.0}]).agrees
    assert not verdict(rows=[]).agrees
    assert not verdict(forward=3).agrees
    assert verdict(curve=[1, 3]).agrees


def test_trains_with_the_threads_of_the_record(tmp_path: Path) -> None:
    before = torch.get_num_threads()
    sweep([Run(0)], tmp_path, train)
    path = record_path(tmp_path, Run(0))
    write_record(tmp_path, replace(read_record(path), threads=before + 1))
    seen = []
    verify(
        tmp_path,
        train=lambda run: seen.append(torch.get_num_threads()) or train(run),
        make_run=lambda s: Run(**s),
    )
    assert seen == [before + 1]
    assert torch.get_num_threads() == before


def test_other_data_is_an_error(tmp_path: Path) -> None:
    @dataclass(frozen=True)
    class WithData:
        data: str = "digits"
        pixels: int | None = None
        images: int | None = None

    sweep([WithData()], tmp_path, lambda run: {})
    path = record_path(tmp_path, WithData())
    record = read_record(path)
    assert record.data is not None
    write_record(tmp_path, replace(record, data=record.data | {"fingerprint": "other"}))
    with pytest.raises(ValueError, match="was made with the data"):
        verify(tmp_path, train=lambda run: {}, make_run=lambda s: WithData(**s))


def test_bad_input(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="sample must be at least 1, got 0"):
        again(folder, {}, sample=0)
    with pytest.raises(ValueError, match="tolerance must be at least 0, got -1"):
        again(folder, {}, tolerance=-1)
    sweep([_Odd()], tmp_path / "odd", lambda run: {})
    with pytest.raises(ValueError, match="fits no run of this version"):
        verify(tmp_path / "odd")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="holds no records"):
        verify(tmp_path / "empty")
    with pytest.raises(FileNotFoundError, match="does not exist"):
        verify(tmp_path / "nowhere")


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["period-digits", "detection", "accelerator-trained", "accelerator"]
)
def test_a_specification_finds_its_kind_of_run(name: str) -> None:
    for run in EXPERIMENTS[name]():
        assert own_run(specification(run)) == run


def test_a_record_older_than_a_field_finds_its_kind_of_run() -> None:
    (run, *_) = EXPERIMENTS["period-digits"]()
    fields = specification(run)
    del fields["observe"]
    assert own_run(fields) == run


@dataclass(frozen=True)
class _Odd:
    no_such_field: int = 1
