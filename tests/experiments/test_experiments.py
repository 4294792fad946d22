"""Named experiments: every grid is what its chapter says, and every record belongs to one."""

from collections import Counter
from pathlib import Path

import pytest

from swatlib.experiments import EXPERIMENTS
from swatlib.experiments.gpu import PIECES
from swatlib.experiments.verify import own_run
from swatlib.records import iterate_records, key, record_path, specification

RECORDS = Path(__file__).parents[2] / "data" / "records"

NOT_COMPLETE = {
    "two-to-four-cifar": "no records: there are those on digits",
    "photographs": "some records: a run takes long, and the most important ones come first",
    "photographs-more": "no records: a run takes long",
    "photographs-float32": "no records: a run takes long",
    "photographs-100": "no records: a run takes long",
    "photographs-field": "no records: a run takes long",
    "restoration-regime": "no records: a run takes minutes",
    "detection-64": "no records: a run takes minutes",
    "detection-64-rates": "no records: a run takes minutes",
    "transformer-patches": "no records: those on digits come first",
    "transformer-photographs": "no records: a run takes long",
}
"""Experiments without records, or with some of them, and why; all others are complete."""

OTHERS = {"fst-timing": "times, measured by swatlib.bench.fst_overhead and not by a sweep"}
"""Folders of records that belong to no experiment."""


@pytest.fixture(scope="module")
def expected() -> dict[str, list[str]]:
    """Return the names of all records of every experiment."""
    return {
        name: [record_path(RECORDS / name, run).name for run in declare()]
        for name, declare in EXPERIMENTS.items()
    }


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_no_run_stands_in_an_experiment_twice(name: str, expected: dict[str, list[str]]) -> None:
    counts = Counter(expected[name])
    assert max(counts.values()) == 1
    assert len(counts) > 1


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_records_cover_their_experiment(name: str, expected: dict[str, list[str]]) -> None:
    """What the chapters quote rests on whole grids, not on what happened to be done."""
    found = {path.name for path in (RECORDS / name).glob("*.json")}
    if name in NOT_COMPLETE:
        assert found < set(expected[name]), f"{name} is complete now: take it off the list"
    else:
        assert found == set(expected[name])


def test_every_folder_of_records_belongs_to_an_experiment() -> None:
    folders = {path.name for path in RECORDS.iterdir() if path.is_dir()}
    assert folders <= set(EXPERIMENTS) | set(OTHERS) | {f"gpu-{name}" for name in PIECES}
    assert set(NOT_COMPLETE) <= set(EXPERIMENTS)


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_a_record_is_named_by_the_run_that_its_specification_gives(name: str) -> None:
    folder = RECORDS / name
    paths = {path.stem for path in folder.glob("*.json")}
    runs = {r.key: own_run(r.specification) for r in iterate_records(folder)} if paths else {}
    assert set(runs) == paths, "a record is damaged or has another name"
    assert {key(specification(run)) for run in runs.values()} == paths
