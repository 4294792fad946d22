"""Sweeps: only what is missing, in time, side by side, and going on after being killed."""

from __future__ import annotations

import concurrent.futures as futures
import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from swatlib import machine
from swatlib.records import read_record, record_path, write_record
from swatlib.sweep import check_writable, compute, lock, open_executor, seconds, sweep

# A module of its own, so that other processes can import it.
TOYS = """
import os, sys, time
from dataclasses import dataclass
from pathlib import Path
from swatlib.sweep import sweep

@dataclass(frozen=True)
class Toy:
    seed: int
    log: str
    seconds: float = 0.0

def train(run):
    with open(run.log, "a") as log:
        log.write(f"{run.seed} {os.getpid()}\\n")
    time.sleep(run.seconds)
    return {"double": 2 * run.seed}

if __name__ == "__main__":
    folder, count, seconds, executor = sys.argv[1:]
    log = str(Path(folder).parent / "log")
    runs = [Toy(seed, log, float(seconds)) for seed in range(int(count))]
    print(sweep(runs, folder, train, executor=executor).computed)
"""


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
    monkeypatch.setattr("swatlib.sweep.time", clock)

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


def test_bad_budget_and_executor(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="budget must be a positive number of seconds, got 0"):
        sweep([Run()], tmp_path, double, budget=0)
    for bad in ("process:0", "process:two", "thread:2", "dask", "sequential:2", ""):
        with (
            pytest.raises(ValueError, match="executor must be sequential, thread or process"),
            open_executor(bad),
        ):
            pass
    with pytest.raises(TypeError, match="executor must have a method submit, got 3"):
        sweep([Run()], tmp_path, double, executor=3)  # type: ignore[arg-type]


def test_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match=r"records folder .*file.* cannot be written"):
        sweep([Run()], tmp_path / "file" / "records", double)


def test_folder_without_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*args: Any, **kwargs: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.TemporaryFile", denied)  # root may write anywhere
    with pytest.raises(OSError, match=r"cannot be written: .*Permission denied"):
        check_writable(tmp_path)


@pytest.mark.parametrize("executor", ["sequential", "thread"])
def test_executors_by_name(tmp_path: Path, executor: str) -> None:
    assert sweep([Run(s) for s in range(5)], tmp_path, double, executor=executor).computed == 5
    assert len(records(tmp_path)) == 5


def test_any_executor_object(tmp_path: Path) -> None:
    class Foreign:
        """Only ``submit``, like the executors of clusters."""

        def __init__(self, pool: futures.Executor) -> None:
            self.pool, self.calls = pool, 0

        def submit(self, function: Any, *arguments: Any) -> futures.Future:
            self.calls += 1
            return self.pool.submit(function, *arguments)

    with futures.ThreadPoolExecutor(2) as pool:
        foreign = Foreign(pool)
        runs = [Run(seed) for seed in range(5)]
        assert sweep(runs, tmp_path, double, executor=foreign).computed == 5  # type: ignore[arg-type]
        assert foreign.calls == 5
        assert pool.submit(int).result() == 0  # it stays open


def test_interruption_stops_the_sweep(tmp_path: Path) -> None:
    def train(run: Run) -> dict[str, Any]:
        if run.seed == 2:
            raise KeyboardInterrupt
        return double(run)

    with pytest.raises(KeyboardInterrupt):
        sweep([Run(s) for s in range(5)], tmp_path, train)
    assert len(records(tmp_path)) == 2
    assert sweep([Run(s) for s in range(5)], tmp_path, double).computed == 3


@pytest.fixture
def start(tmp_path: Path) -> Callable[..., subprocess.Popen]:
    """Start a sweep in a process of its own, with a process group of its own."""
    script = tmp_path / "toys.py"
    script.write_text(TOYS)
    here = str(Path(__file__).parents[1])

    def begin(count: int, pause: float, executor: str = "sequential") -> subprocess.Popen:
        return subprocess.Popen(
            [
                sys.executable,
                str(script),
                str(tmp_path / "records"),
                str(count),
                str(pause),
                executor,
            ],
            env=os.environ | {"PYTHONPATH": here, "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            text=True,
        )

    return begin


def load_toys(folder: Path) -> ModuleType:
    """Import the script that `start` runs."""
    spec = importlib.util.spec_from_file_location("toys", folder / "toys.py")
    assert spec is not None
    assert spec.loader is not None
    toys = importlib.util.module_from_spec(spec)
    sys.modules["toys"] = toys  # where dataclasses look for it
    spec.loader.exec_module(toys)
    return toys


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, "nothing happened for a minute"
        time.sleep(0.01)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("executor", ["sequential", "process:2"])
def test_goes_on_after_kill_9(tmp_path: Path, start: Callable, executor: str) -> None:
    folder, log = tmp_path / "records", tmp_path / "log"
    killed = start(8, 0.3, executor)
    wait_for(lambda: len(records(folder)) >= 2)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    workers = {int(line.split()[1]) for line in log.read_text().splitlines()}
    wait_for(lambda: not any(alive(pid) for pid in workers))

    survived = records(folder)
    assert 2 <= len(survived) < 8
    before = {path: path.read_bytes() for path in survived}
    for path in survived:
        read_record(path)  # whole, every one
    toys = load_toys(tmp_path)
    runs = [toys.Toy(seed, str(log), 0.3) for seed in range(8)]
    assert sweep(runs, folder, toys.train).computed == 8 - len(survived)
    assert len(records(folder)) == 8
    assert {path: path.read_bytes() for path in survived} == before
    started = Counter(line.split()[0] for line in log.read_text().splitlines())
    in_flight = 1 if executor == "sequential" else 2
    assert sum(started.values()) <= 8 + in_flight  # lost: what was in flight, and no more


def test_two_sweeps_at_once_do_no_harm(tmp_path: Path, start: Callable) -> None:
    other = start(12, 0.2)
    wait_for(lambda: (tmp_path / "log").exists())
    toys = load_toys(tmp_path)
    runs = [toys.Toy(seed, str(tmp_path / "log"), 0.2) for seed in range(12)]
    here = sweep(runs, tmp_path / "records", toys.train)
    computed = int(other.communicate(timeout=120)[0])
    assert here.computed > 0
    assert computed > 0
    assert here.computed + computed == 12
    started = Counter(line.split()[0] for line in (tmp_path / "log").read_text().splitlines())
    assert set(started.values()) == {1}
    for path in records(tmp_path / "records"):
        read_record(path)


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
