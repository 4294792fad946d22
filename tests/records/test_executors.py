"""Executors: sweeps side by side, going on after being killed, and ending when they are told to."""

from __future__ import annotations

import concurrent.futures as futures
import importlib.util
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from swatlib.records import read_record
from swatlib.records.executors import open_executor, undisturbed
from swatlib.records.sweep import sweep

# A module of its own, so that other processes can import it.
TOYS = """
import os, signal, sys, time
from dataclasses import dataclass, replace
from pathlib import Path
from swatlib.records.sweep import sweep

@dataclass(frozen=True)
class Toy:
    seed: int
    log: str
    seconds: float = 0.0

def train(run):
    with open(run.log, "a") as log:
        log.write(f"{run.seed} {os.getpid()}\\n")
    time.sleep(run.seconds)
    with open(run.log + "-ended", "a") as log:
        log.write(f"{run.seed}\\n")
    return {"double": 2 * run.seed}

if __name__ == "__main__":
    folder, count, seconds, executor = sys.argv[1:5]
    log = str(Path(folder).parent / "log")
    runs = [Toy(seed, log, float(seconds)) for seed in range(int(count))]
    if "long" in sys.argv:  # all but the first two
        runs[2:] = [replace(run, seconds=600.0) for run in runs[2:]]
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        print(sweep(runs, folder, train, executor=executor).computed)
    except KeyboardInterrupt:
        sys.exit("interrupted")
"""


@dataclass(frozen=True)
class Run:
    seed: int = 0
    size: int = 1


def double(run: Run) -> dict[str, Any]:
    return {"double": 2 * run.seed}


def records(folder: Path) -> list[Path]:
    return sorted(folder.glob("[!.]*.json"))


def test_what_is_no_executor(tmp_path: Path) -> None:
    for bad in ("process:0", "process:two", "thread:2", "dask:", "sequential:2", ""):
        with (
            pytest.raises(ValueError, match="executor must be sequential, thread, process:N"),
            open_executor(bad),
        ):
            pass
    with pytest.raises(TypeError, match="executor must have a method submit, got 3"):
        sweep([Run()], tmp_path, double, executor=3)  # type: ignore[arg-type]


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


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen]]:
    """Start a sweep in a process of its own, with a process group of its own."""
    script = tmp_path / "toys.py"
    script.write_text(TOYS)
    here = str(Path(__file__).parents[2])
    started: list[subprocess.Popen] = []

    def begin(
        count: int, pause: float, executor: str = "sequential", *more: str
    ) -> subprocess.Popen:
        process = subprocess.Popen(
            [
                sys.executable,
                str(script),
                str(tmp_path / "records"),
                str(count),
                str(pause),
                executor,
                *more,
            ],
            env=os.environ | {"PYTHONPATH": here, "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            text=True,
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()
        with process:  # closes its pipes and waits for its end
            pass


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


@pytest.mark.slow
@pytest.mark.parametrize(
    ("executor", "number", "to_all"),
    [
        ("sequential", signal.SIGINT, False),
        ("thread", signal.SIGINT, False),
        ("process:2", signal.SIGINT, True),  # as at a terminal
        ("process:2", signal.SIGTERM, False),
    ],
)
def test_ends_when_it_is_told_to(
    tmp_path: Path, start: Callable, executor: str, number: signal.Signals, to_all: bool
) -> None:
    """The runs in flight would take ten minutes more."""
    folder, log = tmp_path / "records", tmp_path / "log"
    told = start(6, 0.0, executor, "long")
    in_flight = 2 if executor == "process:2" else 1
    wait_for(lambda: log.exists() and len(log.read_text().splitlines()) == 2 + in_flight)
    (os.killpg if to_all else os.kill)(told.pid, number)
    output, errors = told.communicate(timeout=60)
    assert (output, errors, told.returncode) == ("", "interrupted\n", 1)
    workers = {int(line.split()[1]) for line in log.read_text().splitlines()}
    wait_for(lambda: not any(alive(pid) for pid in workers))
    assert len(records(folder)) == 2
    for path in records(folder):
        read_record(path)


@pytest.mark.slow
def test_no_run_that_ended_is_lost(tmp_path: Path, start: Callable) -> None:
    """Many short runs: those told to end are often just writing."""
    log = tmp_path / "log-ended"
    told = start(500, 0.0, "process:2")
    wait_for(lambda: log.exists() and len(log.read_text().splitlines()) >= 5)
    os.killpg(told.pid, signal.SIGINT)
    assert told.communicate(timeout=60)[1] == "interrupted\n"
    found = {read_record(path).specification["seed"] for path in records(tmp_path / "records")}
    ended = {int(line) for line in log.read_text().splitlines()}
    assert found <= ended
    assert len(ended - found) <= 2  # a process may be told between the last line and the writing
    assert not list((tmp_path / "records").glob(".*.tmp"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_undisturbed_until_the_end_of_the_block(number: signal.Signals) -> None:
    steps = []

    def told() -> None:
        with undisturbed():
            os.kill(os.getpid(), number)
            steps.extend(range(1000))  # Python looks for signals between two steps
            steps.append("end")
        steps.append("after")

    def failing() -> None:
        with undisturbed():
            raise ZeroDivisionError

    before = signal.signal(number, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            told()
        assert steps[-1] == "end"
        with pytest.raises(ZeroDivisionError):
            failing()
        assert signal.getsignal(number) is signal.default_int_handler
    finally:
        signal.signal(number, before)


def test_a_thread_is_given_up_after_it_was_undisturbed() -> None:
    entered, seen = threading.Event(), []

    def work() -> None:
        with undisturbed():
            entered.set()
            time.sleep(0.2)
            seen.append("written")
        while True:
            time.sleep(0.01)

    def told() -> None:
        with open_executor("thread") as (pool, _, _):
            seen.append(pool.submit(work))
            entered.wait()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        told()
    future, written = seen
    assert written == "written"
    assert isinstance(future.exception(), KeyboardInterrupt)


def test_an_error_ends_what_another_process_computes() -> None:
    def told() -> None:
        with open_executor("process:1") as (pool, workers, threads):
            assert (workers, threads) == (1, 1)
            assert pool.submit(abs, -1).result() == 1
            pool.submit(time.sleep, 600)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        told()


class Promised:
    """What a cluster returns for a run: it has a result some time, and nothing else."""

    def __init__(self, future: futures.Future) -> None:
        self.future = future

    def result(self) -> Any:
        return self.future.result()


class Cluster:
    """A pool that does not say its size, and whose futures are its own."""

    def __init__(self, pool: futures.Executor) -> None:
        self.pool, self.flying, self.most = pool, 0, 0

    def submit(self, function: Any, *arguments: Any) -> Promised:
        self.flying += 1
        self.most = max(self.most, self.flying)
        future = self.pool.submit(function, *arguments)
        future.add_done_callback(lambda _: setattr(self, "flying", self.flying - 1))
        return Promised(future)


@pytest.mark.parametrize("workers", [1, 3])
def test_what_has_a_result_is_a_future(tmp_path: Path, workers: int) -> None:
    with futures.ThreadPoolExecutor(1) as pool:
        cluster = Cluster(pool)
        runs = [Run(seed) for seed in range(6)]
        assert sweep(runs, tmp_path, double, executor=cluster, workers=workers).computed == 6  # type: ignore[arg-type]
    assert len(records(tmp_path)) == 6
    assert cluster.most <= workers


def test_an_error_of_a_cluster_ends_the_sweep_and_records_stay(tmp_path: Path) -> None:
    class Gone(Cluster):
        def submit(self, function: Any, *arguments: Any) -> Promised:
            if arguments[0].seed == 2:
                raise ConnectionError("the cluster is gone")
            return super().submit(function, *arguments)

    with futures.ThreadPoolExecutor(1) as pool:
        runs = [Run(seed) for seed in range(4)]
        with pytest.raises(ConnectionError, match="the cluster is gone"):
            sweep(runs, tmp_path, double, executor=Gone(pool), workers=1)  # type: ignore[arg-type]
        assert len(records(tmp_path)) == 2
        assert sweep(runs, tmp_path, double, executor=Cluster(pool), workers=1).done == 2  # type: ignore[arg-type]


def test_what_submits_nothing_is_no_executor(tmp_path: Path) -> None:
    class Nothing:
        def submit(self, function: Any, *arguments: Any) -> int:
            return 3

    with pytest.raises(TypeError, match="must submit what has a method result, got 3"):
        sweep([Run()], tmp_path, double, executor=Nothing())  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="workers must be None for an executor by name, got 2"):
        sweep([Run()], tmp_path, double, executor="thread", workers=2)
