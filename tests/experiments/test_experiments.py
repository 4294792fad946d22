"""Named experiments: every grid is what its chapter says, and every record belongs to one."""

from collections import Counter
from dataclasses import asdict
from pathlib import Path

import pytest

from swatlib.experiments import EXPERIMENTS, FAMILIES, SEEDS, grid
from swatlib.records import iterate_records, record_path
from swatlib.training import Run

RECORDS = Path(__file__).parents[2] / "data" / "records"


def test_grid_pairs_every_method_with_a_dense_run_of_its_seed_and_network() -> None:
    runs = grid(Run(), ("swat", "saw"), (0.5, 0.9))
    assert len(runs) == len(FAMILIES) * len(SEEDS) * (1 + 2 * 2)
    dense = {(r.network, r.seed) for r in runs if r.method == "dense"}
    assert {(r.network, r.seed) for r in runs} == dense


def test_options_of_a_method_do_not_reach_the_dense_baseline() -> None:
    base = Run(method="forward-weight", options={"matched": True})
    (dense,) = (r for r in grid(base, ("forward-weight",), (0.5,), FAMILIES[:1], (0,))[:1])
    assert dense.method == "dense"
    assert dense.options == {}


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_no_run_stands_in_an_experiment_twice(name: str) -> None:
    counts = Counter(str(sorted(asdict(r).items())) for r in EXPERIMENTS[name]())
    assert max(counts.values()) == 1
    assert len(counts) > 1


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_committed_record_belongs_to_its_experiment(name: str) -> None:
    folder = RECORDS / name
    if not folder.is_dir():
        pytest.skip(f"{name} has no committed records")
    expected = {record_path(folder, run).name for run in EXPERIMENTS[name]()}
    found = {path.name for path in folder.glob("*.json")}
    assert found <= expected
    assert len(list(iterate_records(folder))) == len(found), "a record is damaged"


def test_a_finished_experiment_is_complete() -> None:
    """What the chapters quote rests on whole grids, not on what happened to be done."""
    for name in ("forward-digits", "backward-digits", "forward-patches", "backward-patches"):
        folder = RECORDS / name
        missing = [r for r in EXPERIMENTS[name]() if not record_path(folder, r).exists()]
        assert not missing, f"{name}: {len(missing)} runs without a record"
