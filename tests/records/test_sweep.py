"""Sweeps: only what is missing, in time, side by side, and going on after being killed."""

from __future__ import annotations

import errno
import json
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

from swatlib import machine
from swatlib.kernels.fastest import current, products
from swatlib.records import Record, read_record, record_path, write_record
from swatlib.records.sweep import StorageError, compute, lock, seconds, sweep


@dataclass(frozen=True)
class Run:
    seed: int = 0
    size: int = 1


def double(run: Run) -> dict[str, Any]:
    return {"double": 2 * run.seed}


def records(folder: Path) -> list[Path]:
    return sorted(folder.glob("[!.]*.json"))


def test_computes_what_is_missing_and_no_more(tmp_path: Path) -> None:
    seen = []

    def train(run: Run) -> dict[str, Any]:
        seen.append(run.seed)
        return double(run)

    runs = [Run(0), Run(1), Run(0)]
    first = sweep(runs, tmp_path / "new" / "folder", train)
    assert (first.done, first.computed, seen) == (0, 2, [0, 1])
    second = sweep([*runs, Run(2)], tmp_path / "new" / "folder", train)
    assert (second.done, second.computed, seen) == (2, 1, [0, 1, 2])
    record = read_record(record_path(tmp_path / "new" / "folder", Run(2)))
    assert record.metrics == {"double": 4}
    assert record.specification == {"seed": 2, "size": 1}
    assert record.torch == torch.__version__
    assert record.threads == torch.get_num_threads()
    assert (record.processor, record.instruction_set) == (
        machine.processor(),
        torch.backends.cpu.get_cpu_capability(),
    )
    assert record.data is None


def test_a_record_never_depends_on_timing(tmp_path: Path) -> None:
    seen = []
    with products("auto"):
        sweep([Run(1)], tmp_path, train=lambda run: seen.append(current()) or {"double": 2})
        assert current() == "auto"
    assert seen == ["fast"]


def test_records_the_data_as_used(tmp_path: Path) -> None:
    @dataclass(frozen=True)
    class WithData:
        data: str = "digits"
        pixels: int | None = None
        images: int | None = 50

    sweep([WithData()], tmp_path, lambda run: {})
    data = read_record(record_path(tmp_path, WithData())).data
    assert data is not None
    assert (data["name"], data["train"], data["shape"]) == ("digits", 50, [1, 8, 8])


def test_a_failed_run_is_told_and_the_sweep_goes_on(tmp_path: Path) -> None:
    def train(run: Run) -> dict[str, Any]:
        if run.seed == 1:
            raise RuntimeError("it broke")
        return double(run)

    summary = sweep([Run(0), Run(1), Run(2)], tmp_path, train)
    assert summary.computed == 2
    assert [(o.run, o.error) for o in summary.failed] == [(Run(1), "RuntimeError: it broke")]
    assert sweep([Run(0), Run(1), Run(2)], tmp_path, double).computed == 1  # it is tried again


def test_metrics_that_are_not_json_fail(tmp_path: Path) -> None:
    summary = sweep([Run(0)], tmp_path, lambda run: {"x": object()})
    assert "TypeError" in summary.failed[0].error
    assert records(tmp_path) == []


def test_a_damaged_record_is_named_and_computed_again(tmp_path: Path) -> None:
    sweep([Run(0)], tmp_path, double)
    path = record_path(tmp_path, Run(0))
    path.write_bytes(path.read_bytes()[:50])
    with pytest.warns(UserWarning, match=f"will be computed again: .*{path.name}.* is damaged"):
        assert sweep([Run(0)], tmp_path, double).computed == 1
    assert read_record(path).metrics == {"double": 0}


def test_a_record_of_another_version_stops_the_sweep(tmp_path: Path) -> None:
    sweep([Run(0)], tmp_path, double)
    path = record_path(tmp_path, Run(0))
    newer = json.dumps(json.loads(path.read_text()) | {"version": 99})
    path.write_text(newer)
    with pytest.raises(ValueError, match="has version 99, this library knows 2"):
        sweep([Run(0), Run(1)], tmp_path, double)
    assert path.read_text() == newer
    assert compute(Run(0), tmp_path, double).status == "failed"
    assert path.read_text() == newer


def test_a_run_that_is_locked_is_left_alone(tmp_path: Path) -> None:
    with lock(tmp_path, Run(1)):
        summary = sweep([Run(0), Run(1)], tmp_path, double)
    assert (summary.computed, summary.busy) == (1, 1)
    assert sweep([Run(0), Run(1)], tmp_path, double).computed == 1
    assert (tmp_path / ".locks" / ".gitignore").read_text() == "*\n"


def test_a_run_done_meanwhile_is_not_computed_again(tmp_path: Path) -> None:
    sweep([Run(0)], tmp_path, double)
    assert compute(Run(0), tmp_path, lambda run: pytest.fail("computed again")).status == "done"


def test_scraps_of_a_killed_write_are_cleared(tmp_path: Path) -> None:
    path = record_path(tmp_path, Run(0))
    (tmp_path / f".{path.stem}-abc.tmp").write_text("{")
    sweep([Run(0)], tmp_path, double)
    assert not list(tmp_path.glob(".*.tmp"))


class Clock:
    """Time that passes only when a run says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    perf_counter = monotonic


@pytest.fixture
def timed(monkeypatch: pytest.MonkeyPatch) -> Callable[[Run], dict[str, Any]]:
    """A training that takes ten seconds for every unit of size."""
    clock = Clock()
    monkeypatch.setattr("swatlib.records.sweep.time", clock)

    def train(run: Run) -> dict[str, Any]:
        clock.now += 10 * run.size
        return {}

    return train


def test_budget_starts_no_run_that_would_overrun(tmp_path: Path, timed: Callable) -> None:
    runs = [Run(seed) for seed in range(10)]
    first = sweep(runs, tmp_path, timed, budget=35)
    assert (first.computed, first.left) == (3, 7)
    second = sweep(runs, tmp_path, timed, budget=9)  # its records say ten seconds
    assert (second.done, second.computed, second.left) == (3, 0, 7)
    assert sweep(runs, tmp_path, timed).left == 0


def test_budget_judges_a_run_by_the_one_most_like_it(tmp_path: Path, timed: Callable) -> None:
    sweep([Run(0, size=1), Run(0, size=9)], tmp_path, timed)
    runs = [Run(1, size=9), Run(1, size=1), Run(2, size=1), Run(3, size=1)]
    summary = sweep(runs, tmp_path, timed, budget=25)
    assert (summary.computed, summary.left) == (2, 2)
    assert not record_path(tmp_path, runs[0]).exists()


@pytest.mark.parametrize(
    ("text", "want"), [("90", 90), ("45s", 45), ("30m", 1800), ("1h30m", 5400), ("2h", 7200)]
)
def test_lengths_of_time(text: str, want: float) -> None:
    assert seconds(text) == want


@pytest.mark.parametrize("text", ["", "m", "-5", "1.5h", "30 m", "10x", "m30"])
def test_what_is_no_length_of_time(text: str) -> None:
    with pytest.raises(ValueError, match=r"budget must be a length of time .* got"):
        seconds(text)


def test_bad_budget(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="budget must be a positive number of seconds, got 0"):
        sweep([Run()], tmp_path, double, budget=0)


def test_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match=r"records folder .*file.* cannot be written"):
        sweep([Run()], tmp_path / "file" / "records", double)


FULL = [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EIO]


def broken(number: int) -> Callable[..., Any]:
    """Return a function that fails as the operating system does."""

    def fail(*arguments: Any, **options: Any) -> Any:
        raise OSError(number, os.strerror(number))

    return fail


@pytest.fixture
def never() -> Callable[[Run], dict[str, Any]]:
    """A training that must not begin."""
    return lambda run: pytest.fail(f"{run} was computed")


@pytest.mark.parametrize("number", FULL)
@pytest.mark.parametrize("call", ["tempfile.TemporaryFile", "os.fsync", "pathlib.Path.mkdir"])
def test_nothing_is_computed_where_nothing_can_be_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, never: Callable, number: int, call: str
) -> None:
    monkeypatch.setattr(call, broken(number))  # root may write anywhere
    with pytest.raises(StorageError, match=f"(written|used): .*{os.strerror(number)}"):
        sweep([Run()], tmp_path, never)


@pytest.mark.parametrize("number", FULL)
def test_a_sweep_stops_when_the_disk_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    seen = []

    def train(run: Run) -> dict[str, Any]:
        seen.append(run.seed)
        return double(run)

    def write(folder: Path, record: Record) -> Path:
        if record.specification["seed"] == 1:
            monkeypatch.setattr("tempfile.mkstemp", broken(number))
        return write_record(folder, record)

    monkeypatch.setattr("swatlib.records.sweep.write_record", write)
    with pytest.raises(StorageError, match=os.strerror(number)):
        sweep([Run(seed) for seed in range(5)], tmp_path, train)
    assert seen == [0, 1]
    assert [path.stem for path in records(tmp_path)] == [record_path(tmp_path, Run(0)).stem]


def test_a_disk_that_is_full_is_seen_before_the_next_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def train(run: Run) -> dict[str, Any]:
        seen.append(run.seed)
        if run.seed == 1:
            monkeypatch.setattr("tempfile.TemporaryFile", broken(errno.ENOSPC))
        return double(run)

    with pytest.raises(StorageError, match="No space left"):
        sweep([Run(seed) for seed in range(5)], tmp_path, train)
    assert seen == [0, 1]
    assert len(records(tmp_path)) == 2


def test_a_file_that_a_training_misses_stops_nothing(tmp_path: Path) -> None:
    def train(run: Run) -> dict[str, Any]:
        return {"x": (tmp_path / "nowhere").read_text()} if run.seed == 1 else double(run)

    summary = sweep([Run(seed) for seed in range(3)], tmp_path, train)
    assert (summary.computed, len(summary.failed)) == (2, 1)
    assert "FileNotFoundError" in summary.failed[0].error


def test_a_lock_folder_that_is_a_file(tmp_path: Path, never: Callable) -> None:
    (tmp_path / ".locks").write_text("")
    with pytest.raises(StorageError, match=r"lock folder .*\.locks cannot be used: .*exists"):
        sweep([Run()], tmp_path, never)


def test_a_lock_that_is_a_folder(tmp_path: Path, never: Callable) -> None:
    Path(lock(tmp_path, Run()).lock_file).mkdir()
    with pytest.raises(StorageError, match=r"cannot be used: .*directory"):
        sweep([Run()], tmp_path, never)


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.EIO])
def test_a_file_system_without_locks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, never: Callable, number: int
) -> None:
    monkeypatch.setattr("fcntl.flock", broken(number))
    with pytest.raises(StorageError, match=r"lock folder .* cannot be used"):
        sweep([Run()], tmp_path, never)


@pytest.mark.parametrize("call", ["os.open", "pathlib.Path.write_text"])
def test_a_lock_folder_without_permission(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, never: Callable, call: str
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(call, broken(errno.EACCES))
        with pytest.raises(StorageError, match=r"lock folder .* cannot be used: .*denied"):
            compute(Run(), tmp_path, never)


def test_a_folder_in_place_of_a_record_fails_alone(tmp_path: Path) -> None:
    record_path(tmp_path, Run(0)).mkdir()

    def train(run: Run) -> dict[str, Any]:
        assert run.seed != 0, "what cannot be stored was computed"
        return double(run)

    summary = sweep([Run(seed) for seed in range(3)], tmp_path, train)
    assert (summary.computed, summary.left) == (2, 0)
    assert [outcome.run for outcome in summary.failed] == [Run(0)]
    assert "must be a file" in summary.failed[0].error


def test_a_link_that_leads_nowhere_is_replaced_by_the_record(tmp_path: Path) -> None:
    record_path(tmp_path, Run()).symlink_to(tmp_path / "nowhere")
    assert sweep([Run()], tmp_path, double).computed == 1
    assert not record_path(tmp_path, Run()).is_symlink()


def test_interruption_stops_the_sweep(tmp_path: Path) -> None:
    def train(run: Run) -> dict[str, Any]:
        if run.seed == 2:
            raise KeyboardInterrupt
        return double(run)

    with pytest.raises(KeyboardInterrupt):
        sweep([Run(s) for s in range(5)], tmp_path, train)
    assert len(records(tmp_path)) == 2
    assert sweep([Run(s) for s in range(5)], tmp_path, double).computed == 3


def test_interruption_while_a_record_is_written_keeps_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(folder: Path, record: Record) -> Path:
        os.kill(os.getpid(), signal.SIGINT)
        return write_record(folder, record)

    monkeypatch.setattr("swatlib.records.sweep.write_record", write)
    with pytest.raises(KeyboardInterrupt):
        sweep([Run(seed) for seed in range(5)], tmp_path, double)
    assert len(records(tmp_path)) == 1
    read_record(records(tmp_path)[0])


def test_library_runs_train_with_one_thread_in_each_process(tmp_path: Path) -> None:
    from swatlib.training import Run as RealRun

    run = RealRun(epochs=1, images=100, width=8)
    assert sweep([run], tmp_path / "other", executor="process:1").computed == 1
    one = read_record(record_path(tmp_path / "other", run))
    assert one.threads == 1
    assert one.data is not None
    assert one.data["train"] == 100
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        sweep([run], tmp_path / "one")
    finally:
        torch.set_num_threads(threads)
    assert read_record(record_path(tmp_path / "one", run)).metrics == one.metrics


def test_records_of_other_experiments_in_the_folder_do_not_matter(tmp_path: Path) -> None:
    sweep([Run(7)], tmp_path, double)
    other = read_record(record_path(tmp_path, Run(7)))
    write_record(tmp_path, other)
    assert sweep([Run(1)], tmp_path, double).done == 0
