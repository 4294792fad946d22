"""Processes that train one network together: equal to the bit, and going on after one has died."""

from __future__ import annotations

import json
import multiprocessing
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from swatlib.methods import METHODS, NO_SPARSITY
from swatlib.records.checkpoint import Checkpoint
from swatlib.records.executors import LostError
from swatlib.training import Run, train_run
from swatlib.training.together import _agreed, _all, train_together

SMALL = Run(images=38, batch_size=16, width=4, epochs=2, shifts=1, flips=True)
PERIOD = replace(SMALL, method="swat", sparsity=0.5, options={"period": 4}, observe="thresholds")


@pytest.mark.slow
def test_every_method_ends_with_the_same_weights_and_masks() -> None:
    """The last batch has six images, three for each process."""
    runs = [
        replace(SMALL, method=name, sparsity=0.0 if name in NO_SPARSITY else 0.5)
        for name in METHODS
    ]
    found = _all([*runs, PERIOD, runs[-1]], 2)
    assert all(len(metrics["epochs"]) == 2 for metrics in found)
    assert json.dumps(found[-1]) == json.dumps(found[-3])  # two equal runs


def test_different_weights_are_an_error() -> None:
    assert _agreed([({"a": 1}, "same"), ({"a": 2}, "same")]) == {"a": 1}
    with pytest.raises(RuntimeError, match="ended with different weights or masks"):
        _agreed([({"a": 1}, "one"), ({"a": 1}, "other")])


@pytest.mark.slow
def test_gradients_are_those_of_the_whole_batch() -> None:
    """Without batch normalisation it is the training of one process; the last batch has five."""
    run = replace(
        SMALL, network="vision_transformer", images=37, width=None, optimizer="adamw", lr=1e-3
    )
    alone, shared = train_run(run, "cpu"), train_together(run, 2)
    for one, other in zip(alone["epochs"], shared["epochs"], strict=True):
        assert other["train_loss"] == pytest.approx(one["train_loss"], rel=1e-4)
        assert other["test_loss"] == pytest.approx(one["test_loss"], rel=1e-4)


@pytest.mark.slow
def test_a_dead_process_ends_the_run_which_goes_on_to_the_bit(tmp_path: Path) -> None:
    run = replace(PERIOD, epochs=30)
    uninterrupted = train_together(run, 2)
    kept = Checkpoint(tmp_path, run, every=0.0)
    before = set(multiprocessing.active_children())

    def kill() -> None:
        end = time.monotonic() + 60
        while not kept.files and time.monotonic() < end:
            time.sleep(0.01)
        [*_, last] = set(multiprocessing.active_children()) - before
        last.kill()

    killer = threading.Thread(target=kill)
    killer.start()
    with pytest.raises(LostError, match="a process of the training died"):
        train_together(run, 2, kept)
    killer.join()
    assert kept.files
    with pytest.raises(ValueError, match="as many processes as made it, 2, got 1"):
        train_run(run, "cpu", checkpoint=Checkpoint(tmp_path, run))
    steps = Checkpoint(tmp_path, run)
    assert len(steps.found["epochs"]) < 30  # type: ignore[index]
    again = train_together(run, 2, Checkpoint(tmp_path, run, every=600.0))
    assert json.dumps(again) == json.dumps(uninterrupted)


def test_what_cannot_be_shared() -> None:
    with pytest.raises(ValueError, match="nproc must be at least 2, got 1"):
        train_together(SMALL, 1)
    with pytest.raises(ValueError, match="batch_size must be at least 2 for each of 9 processes"):
        train_together(SMALL, 9)


@pytest.mark.slow
def test_an_error_in_the_processes_is_that_error(tmp_path: Path) -> None:
    other = replace(SMALL, seed=7)
    train_run(SMALL, "cpu", checkpoint=Checkpoint(tmp_path, SMALL, every=0.0))
    with pytest.raises(ValueError, match="must be of this run, it is of one with seed 0 and not 7"):
        train_together(other, 2, Checkpoint(tmp_path, other))
