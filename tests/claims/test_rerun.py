"""A random share of the runs behind claims is trained again and compared."""

from dataclasses import replace
from pathlib import Path

import pytest
from claims_toys import BASE, SWAT, toy_claim, write

from swatlib.claims.effect import DENSELY, Effect
from swatlib.claims.rerun import behind, rerun
from swatlib.experiments.verify import Verdict, verify_records
from swatlib.records import iterate_records, read_record
from swatlib.records.sweep import sweep
from swatlib.training import DENSE, Run

CLAIM = toy_claim(Effect("90 %", SWAT, DENSELY, "below", 1.0))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    every = [
        replace(BASE, **(DENSE | dict(one)), seed=seed)
        for one in (DENSELY, SWAT)
        for seed in range(3)
    ]
    write(tmp_path, lambda run: 90.0 - 5 * bool(run.sparsity), every)
    write(tmp_path, lambda run: 1.0, [replace(BASE, seed=7)])
    return tmp_path


def metrics(run: Run, root: Path) -> dict[str, object]:
    from swatlib.records import record_path

    return read_record(record_path(root / "toys", run)).metrics


def test_only_records_behind_the_claims_are_chosen(root: Path) -> None:
    assert len(behind([CLAIM], root)) == 6
    assert len(behind([CLAIM, CLAIM], root)) == 6


def test_a_share_of_them_agrees(root: Path) -> None:
    verdicts = rerun([CLAIM], 0.5, records=root, train=lambda run: metrics(run, root))
    assert len(verdicts) == 3
    assert all(verdict.identical for verdict in verdicts)
    assert len(rerun([CLAIM], 0.05, records=root, train=lambda run: metrics(run, root))) == 1


def test_a_difference_is_seen(root: Path) -> None:
    def off(run: Run) -> dict[str, object]:
        return metrics(run, root) | {"test_accuracy": 50.0}

    (verdict,) = rerun([CLAIM], 0.1, records=root, train=off)
    assert not verdict.agrees
    assert rerun([CLAIM], 0.1, records=root, train=off, tolerance=50.0)[0].agrees


def test_bad_shares(root: Path) -> None:
    for share in (0, 1.5, -1):
        with pytest.raises(ValueError, match="share must be"):
            rerun([CLAIM], share, records=root)
    with pytest.raises(ValueError, match="no records of training runs"):
        rerun([], 0.5, records=root)


def test_trained_elsewhere_the_verdicts_are_the_same(tmp_path: Path) -> None:
    """Small real runs, each with the threads of its record, in two processes and here."""
    small = Run(images=32, batch_size=16, width=4, epochs=1)
    runs = [replace(small, seed=seed, **DENSE) for seed in range(2)]
    sweep(runs, tmp_path / "small")
    records = list(iterate_records(tmp_path / "small"))
    seen: list[Verdict] = []
    here = verify_records(records)
    there = verify_records(records, executor="process:2", report=seen.append)
    assert here == there
    assert sorted(seen, key=str) == sorted(there, key=str)
    assert [(one.key, one.identical) for one in there] == [(r.key, True) for r in records]


def test_what_is_no_executor(root: Path) -> None:
    with pytest.raises(ValueError, match="executor must be sequential, thread, process:N"):
        rerun([CLAIM], 0.5, records=root, executor="slurm")
