"""Sittings: whatever is cut, all of them together do what one sweep does, and nothing twice."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from swatlib.records import iterate_records
from swatlib.records.deadline import Deadline
from swatlib.records.sitting import sit
from swatlib.training import Run, train_run

COMPUTED: list[int] = []


@dataclass(frozen=True)
class Toy:
    number: int

    def compute(self) -> dict[str, Any]:
        COMPUTED.append(self.number)
        if self.number == 9:
            raise RuntimeError("no luck")
        return {"square": self.number**2}


class Looks(Deadline):
    """A deadline that allows so many pieces, so that no test waits for a clock."""

    def __init__(self, pieces: int) -> None:
        super().__init__(3600)
        self.pieces = pieces

    def allows_more(self) -> bool:
        self.pieces -= 1
        self.is_over = self.pieces < 0
        return not self.is_over


def test_what_is_done_is_not_done_again(tmp_path: Path) -> None:
    COMPUTED.clear()
    runs = [Toy(n) for n in (3, 1, 2, 3)]
    first = sit(runs, tmp_path, Looks(2), progress=False)
    assert (first.computed, first.done, first.left) == (2, 0, 1)
    assert COMPUTED == [3, 1]
    second = sit(runs, tmp_path, Looks(5), progress=False)
    assert (second.computed, second.done, second.left) == (1, 2, 0)
    assert COMPUTED == [3, 1, 2]


def test_a_run_that_fails_does_not_stop_the_others(tmp_path: Path) -> None:
    summary = sit([Toy(9), Toy(1)], tmp_path, Looks(5), progress=False)
    assert summary.computed == 1
    assert [outcome.error for outcome in summary.failed] == ["RuntimeError: no luck"]


def test_a_training_stops_in_its_checkpoint_and_ends_as_if_it_had_not(tmp_path: Path) -> None:
    run = Run(method="rigl", sparsity=0.9, width=4, images=64, epochs=4, batch_size=32)
    sittings = 0
    left = 1
    while left:
        sittings += 1
        left = sit([run], tmp_path, Looks(2), progress=False).left  # the start and one epoch
    (record,) = iterate_records(tmp_path)
    assert sittings > 2
    assert record.metrics == train_run(run)
    assert not list((tmp_path / ".checkpoints").glob("*"))


def test_the_time_of_an_epoch_is_what_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a look at the clock between epochs a run of any length would be cut nowhere."""
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    run = Run(width=4, images=64, epochs=6, batch_size=32)
    compute = Run.compute

    def slow(self: Run, checkpoint: Any = None) -> dict[str, Any]:
        keep = type(checkpoint).is_due.fget

        def look(checkpoint: Any) -> bool:
            now[0] += 10
            return bool(keep(checkpoint))

        with monkeypatch.context() as patch:
            patch.setattr(type(checkpoint), "is_due", property(look))
            return compute(self, checkpoint)

    monkeypatch.setattr(Run, "compute", slow)
    assert sit([run], tmp_path, Deadline(35), progress=False).left == 1
    assert now[0] == 30  # a fourth epoch would have ended at 40
    assert sit([run], tmp_path, Deadline(1000), progress=False).computed == 1
