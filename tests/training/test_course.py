"""A run that is stopped goes on at its checkpoint and ends to the bit as one that was not."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from swatlib.detection.training import DetectionRun, train_detection
from swatlib.methods import ALIASES, METHODS, NO_SPARSITY, resolve
from swatlib.records.checkpoint import Checkpoint
from swatlib.surgery.state import sparsity_state
from swatlib.training import Run, train_run
from swatlib.training.course import Course

EPOCH = 4
"""Steps."""
SMALL = Run(images=64, batch_size=16, width=4, epochs=3, shifts=1, flips=True)


class Stopped(Exception):
    """The run is stopped in the middle."""


def run_of(name: str, **options: Any) -> Run:
    row, fixed = resolve(name, options)
    run = replace(SMALL, method=row, sparsity=0.0 if row in NO_SPARSITY else 0.5, options=fixed)
    sparse = run.plan.recipe.forward_weight is not None
    return replace(run, observe="active-weights" if sparse else None)


ROWS = {name: run_of(name) for name in (*METHODS, *ALIASES)} | {
    "after dense epochs": run_of("swat", pretrain_epochs=2),
    "frozen": run_of("swat", freeze_epoch=1),
    "period": replace(run_of("swat", period=4), observe="thresholds"),
    "ramp": run_of("rigl", every=2, ramp=0.5),
    "topology": replace(run_of("set", every=2), observe="topology", optimizer="adamw"),
}


def whole(run: Run, checkpoint: Checkpoint | None = None, stop: int = 0) -> tuple[Any, Any]:
    """Return the metrics of a run and all that its network ends with."""
    last: list[nn.Module] = []
    steps = 0

    def watch(step: int, model: nn.Module) -> None:
        nonlocal steps
        steps += 1
        last[:] = [model]
        if steps == stop:
            raise Stopped

    metrics = train_run(run, "cpu", watch, checkpoint)
    return metrics, (dict(last[0].state_dict()), sparsity_state(last[0])["layers"])


def same(a: Any, b: Any) -> bool:
    if isinstance(a, torch.Tensor):
        return a.shape == b.shape and torch.equal(a.nan_to_num(), b.nan_to_num())
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[name], b[name]) for name in a)
    if isinstance(a, tuple):
        return all(map(same, a, b))
    return bool(a == b)


@pytest.mark.parametrize("name", ROWS)
def test_every_method_ends_as_if_it_had_not_been_stopped(name: str, tmp_path: Path) -> None:
    run = ROWS[name]
    uninterrupted = whole(run)
    # Twice: in the middle of the second and, counted from where it goes on, of the third epoch.
    for _ in range(2):
        with pytest.raises(Stopped):
            whole(run, Checkpoint(tmp_path, run, every=0.0), stop=EPOCH + 3)
    torch.manual_seed(99)
    found = whole(run, Checkpoint(tmp_path, run, every=0.0))
    assert json.dumps(found[0]) == json.dumps(uninterrupted[0])
    assert same(found[1], uninterrupted[1])


def test_only_the_epoch_in_flight_is_done_again(tmp_path: Path) -> None:
    run, seen = ROWS["rigl"], list[int]()

    def watch(step: int, model: nn.Module) -> None:
        seen.append(step)
        if len(seen) == EPOCH + 3:
            raise Stopped

    with pytest.raises(Stopped):
        train_run(run, "cpu", watch, Checkpoint(tmp_path, run, every=0.0))
    train_run(run, "cpu", watch, Checkpoint(tmp_path, run, every=0.0))
    assert seen == [*range(1, EPOCH + 4), *range(EPOCH + 1, 3 * EPOCH + 1)]


def test_it_is_written_when_it_is_due(tmp_path: Path) -> None:
    train_run(SMALL, "cpu", checkpoint=Checkpoint(tmp_path / "rarely", SMALL, every=600.0))
    assert not (tmp_path / "rarely").exists()
    train_run(SMALL, "cpu", checkpoint=Checkpoint(tmp_path / "often", SMALL, every=0.0))
    assert len(Checkpoint(tmp_path / "often", SMALL).files) == 2


def test_a_run_whose_last_epoch_was_done_trains_no_more(tmp_path: Path) -> None:
    first = train_run(SMALL, "cpu", checkpoint=Checkpoint(tmp_path, SMALL, every=0.0))
    steps: list[int] = []
    again = Checkpoint(tmp_path, SMALL)
    assert train_run(SMALL, "cpu", lambda step, _: steps.append(step), again) == first
    assert steps == []


def test_what_diverged_diverges_again(tmp_path: Path) -> None:
    run = replace(SMALL, lr=1e12, images=256, epochs=5, schedule="constant")
    first = train_run(run, "cpu", checkpoint=Checkpoint(tmp_path, run, every=0.0))
    assert first["diverged"]
    again = train_run(run, "cpu", checkpoint=Checkpoint(tmp_path, run, every=0.0))
    assert str(again) == str(first)


def test_a_detector_ends_as_if_it_had_not_been_stopped(tmp_path: Path) -> None:
    run = DetectionRun(images=8, pixels=32, width=4, method="swat", sparsity=0.5, epochs=3)
    uninterrupted = train_detection(run, "cpu")
    steps = 0

    def stop(step: int, model: nn.Module) -> None:
        nonlocal steps
        steps += 1
        if steps == 2:
            raise Stopped

    with pytest.raises(Stopped):
        train_detection(run, "cpu", stop, Checkpoint(tmp_path, run, every=0.0))
    assert train_detection(run, "cpu", checkpoint=Checkpoint(tmp_path, run)) == uninterrupted


def test_a_course_without_a_checkpoint_keeps_nothing() -> None:
    course, model = Course(), nn.Linear(2, 2)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    assert not course.is_begun
    assert course.take_up(model, optimizer, ()) == 0
    course.keep(model, optimizer, ())


def test_the_state_of_another_stage_is_not_taken_up(tmp_path: Path) -> None:
    run = ROWS["after dense epochs"]
    with pytest.raises(Stopped):
        whole(run, Checkpoint(tmp_path, run, every=0.0), stop=1)
    found = Checkpoint(tmp_path, run)
    assert Course(found, "dense").is_begun
    assert not Course(found).is_begun
    assert len(Course(found, "dense").epochs) == 2
