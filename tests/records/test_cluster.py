"""A Dask cluster: workers write records, a dead one's runs are done again, nothing is lost."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

import swatlib
from swatlib.records import cluster, key, read_record, record_path, specification
from swatlib.records.checkpoint import Checkpoint
from swatlib.records.executors import open_executor
from swatlib.records.sweep import sweep
from swatlib.training import Run, train_run

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Toy:
    seed: int
    log: str
    seconds: float = 0.0
    deaths: int = 0

    def compute(self) -> dict[str, Any]:
        with open(self.log, "a") as log:
            log.write(f"{self.seed}\n")
        time.sleep(self.seconds)
        if Path(self.log).read_text().split().count(str(self.seed)) <= self.deaths:
            os.kill(os.getpid(), signal.SIGKILL)
        return {"double": 2 * self.seed}


@dataclass(frozen=True)
class Noted:
    """A real run that notes how many epochs it finds done."""

    log: str

    def compute(self, checkpoint: Checkpoint) -> dict[str, Any]:
        done = len(checkpoint.found["epochs"]) if checkpoint.found else 0
        with open(self.log, "a") as log:
            log.write(f"{done}\n")
        run = Run(images=64, batch_size=16, width=4, epochs=60, method="rigl", sparsity=0.5)
        return train_run(run, "cpu", checkpoint=checkpoint)


def toys(folder: Path, count: int, **more: Any) -> list[Toy]:
    return [Toy(seed, str(folder / "log"), **more) for seed in range(count)]


def begun(folder: Path) -> Counter[int]:
    """Return how often each run was begun."""
    return Counter(map(int, (folder / "log").read_text().split()))


def records(folder: Path) -> dict[int, bytes]:
    """Return the records by seed, each of them whole."""
    paths = sorted((folder / "records").glob("[!.]*.json"))
    return {read_record(path).specification["seed"]: path.read_bytes() for path in paths}


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, "nothing happened for a minute"
        time.sleep(0.02)


def group_is_there(pid: int) -> bool:
    try:
        os.killpg(pid, 0)
    except ProcessLookupError:
        return False
    return True


@dataclass
class Processes:
    """A scheduler and its workers, each a process as a user starts it."""

    address: str
    scheduler: subprocess.Popen[bytes]
    start: Callable[..., subprocess.Popen[bytes]]

    def worker(self, *more: str, path: Path = ROOT) -> subprocess.Popen[bytes]:
        where = os.pathsep.join([str(path), str(Path(__file__).parent)])
        arguments = ["worker", self.address, "--no-dashboard", *(more or ("--nthreads", "1"))]
        return self.start(*arguments, PYTHONPATH=where)


@pytest.fixture
def processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Processes]:
    pytest.importorskip("distributed")
    # Where the processes, too, find the toys.
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    for kind in (Toy, Noted):
        monkeypatch.setattr(kind, "__module__", "test_cluster")
    monkeypatch.setitem(sys.modules, "test_cluster", sys.modules[__name__])
    started: list[subprocess.Popen[bytes]] = []

    def start(*arguments: str, **environment: str) -> subprocess.Popen[bytes]:
        with (tmp_path / "said").open("ab") as said:
            process = subprocess.Popen(
                [sys.executable, "-m", "dask", *arguments],
                env=os.environ | {"OMP_NUM_THREADS": "1"} | environment,
                stdout=said,
                stderr=said,
                cwd=tmp_path,
                start_new_session=True,
            )
        started.append(process)
        return process

    scheduler = start("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard")

    def address() -> str:
        found = re.search(r"Scheduler at: *(tcp://\S+)", (tmp_path / "said").read_text())
        return found[1] if found else ""

    wait_for(lambda: bool(address()))
    yield Processes(address(), scheduler, start)
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def await_workers(address: str, count: int) -> None:
    from distributed import Client

    with Client(address) as client:
        client.wait_for_workers(count, timeout=60)


def test_without_dask_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ValueError, match=r"pip install swatlib\[dask\]"):
        sweep(toys(tmp_path, 1), tmp_path / "records", executor="dask")


@pytest.mark.slow
def test_workers_write_the_records(tmp_path: Path, processes: Processes) -> None:
    processes.worker()
    await_workers(processes.address, 1)
    runs, where = toys(tmp_path, 3), f"dask:{processes.address}"
    assert sweep(runs, tmp_path / "records", executor=where).computed == 3
    assert sorted(records(tmp_path)) == [0, 1, 2]
    assert sweep(runs, tmp_path / "records", executor=where).done == 3
    assert set(begun(tmp_path).values()) == {1}


@pytest.mark.slow
def test_a_dead_workers_run_is_done_again_and_the_finished_ones_are_not(
    tmp_path: Path, processes: Processes
) -> None:
    processes.worker()
    await_workers(processes.address, 1)
    runs = toys(tmp_path, 4)
    runs[2] = replace(runs[2], deaths=1)
    summary = sweep(runs, tmp_path / "records", executor=f"dask:{processes.address}")
    assert (summary.computed, summary.failed) == (4, [])
    assert begun(tmp_path) == {0: 1, 1: 1, 2: 2, 3: 1}
    assert len(records(tmp_path)) == 4


@pytest.mark.slow
def test_a_dead_workers_run_goes_on_at_its_checkpoint(tmp_path: Path, processes: Processes) -> None:
    """And ends as if nobody had died, with the metrics of a sweep here."""
    run = Noted(str(tmp_path / "log"))
    processes.worker()
    await_workers(processes.address, 1)
    checkpoints = Checkpoint(tmp_path / "records" / ".checkpoints" / key(specification(run)), run)

    def kill() -> None:
        from distributed import Client

        wait_for(lambda: len(checkpoints.files) == 2)
        with Client(processes.address) as client:
            [pid] = client.run(os.getpid).values()
        os.kill(pid, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    where = f"dask:{processes.address}"
    assert sweep([run], tmp_path / "records", executor=where, every=0.0).computed == 1
    killer.join()
    first, second = map(int, (tmp_path / "log").read_text().split())
    assert first == 0
    assert 2 <= second < 60
    assert sweep([run], tmp_path / "here", executor="process:1").computed == 1
    found, expected = (
        read_record(record_path(tmp_path / name, run)) for name in ("records", "here")
    )
    assert found.metrics == expected.metrics
    assert found.threads == expected.threads == 1


@pytest.mark.slow
def test_a_dead_scheduler_loses_nothing(
    tmp_path: Path, processes: Processes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "PATIENCE", 3.0)
    processes.worker()
    await_workers(processes.address, 1)
    runs = [replace(run, seconds=0.0 if run.seed < 2 else 600.0) for run in toys(tmp_path, 4)]

    def kill() -> None:
        wait_for(lambda: (tmp_path / "log").exists() and len(begun(tmp_path)) == 3)
        os.killpg(processes.scheduler.pid, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    with pytest.raises(ConnectionError, match=r"is gone; finished runs have their records"):
        sweep(runs, tmp_path / "records", executor=f"dask:{processes.address}")
    killer.join()
    before = records(tmp_path)
    assert sorted(before) == [0, 1]
    with pytest.raises(ConnectionError, match="no cluster answers at tcp://"):
        sweep(runs, tmp_path / "records", executor=f"dask:{processes.address}")
    assert records(tmp_path) == before


@pytest.mark.slow
def test_what_is_not_fit_is_said_before_anything_is_computed(
    tmp_path: Path, processes: Processes
) -> None:
    def refused(error: type[Exception], text: str, folder: Path = tmp_path / "records") -> None:
        with pytest.raises(error, match=text):
            sweep(toys(tmp_path, 1), folder, executor=f"dask:{processes.address}")

    refused(ConnectionError, "has no workers")
    several = processes.worker("--nthreads", "2")
    await_workers(processes.address, 1)
    refused(ValueError, "must have one thread .* has 2")
    os.killpg(several.pid, signal.SIGKILL)
    other = tmp_path / "other" / "swatlib"
    other.mkdir(parents=True)
    (other / "__init__.py").write_text('__version__ = "0.0.1"\n')
    processes.worker(path=other.parent)
    wait_for(lambda: _only(processes.address, threads=1))
    refused(ValueError, r"must have swatlib .*, as here, the one at tcp://\S+ has 0.0.1")
    assert not (tmp_path / "log").exists()
    assert not records(tmp_path)


def _only(address: str, threads: int) -> bool:
    from distributed import Client

    with Client(address) as client:
        return list(client.nthreads().values()) == [threads]


PROGRAM = """
import sys
from pathlib import Path
from test_cluster import toys
from swatlib.records.sweep import sweep
if __name__ == "__main__":
    folder, runs = Path(sys.argv[1]), toys(Path(sys.argv[1]), 3)
    runs[2:] = toys(folder, 3, deaths=9)[2:] if sys.argv[2] == "deaths" else []
    if sys.argv[2] == "long":
        runs = toys(folder, 1, seconds=600.0)
    try:
        summary = sweep(runs, folder / "records", executor="dask")
        print(summary.computed, [outcome.error for outcome in summary.failed])
    except KeyboardInterrupt:
        print("interrupted")
"""


def own_cluster(folder: Path, what: str) -> subprocess.Popen[str]:
    """Start a program that sweeps on a cluster of its own."""
    pytest.importorskip("distributed")
    (folder / "program.py").write_text(PROGRAM)
    where = os.pathsep.join([str(ROOT), str(Path(__file__).parent)])
    return subprocess.Popen(
        [sys.executable, str(folder / "program.py"), str(folder), what],
        env=os.environ | {"PYTHONPATH": where, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        text=True,
    )


@pytest.mark.slow
def test_a_cluster_on_this_machine(tmp_path: Path) -> None:
    said = own_cluster(tmp_path, "deaths").communicate(timeout=240)
    assert said == ("2 ['2 workers died of it']\n", "")
    assert begun(tmp_path) == {0: 1, 1: 1, 2: 2}


@pytest.mark.slow
def test_a_cluster_on_this_machine_ends_at_ctrl_c(tmp_path: Path) -> None:
    """At a terminal, where all its processes are told; the run would take ten minutes more."""
    told = own_cluster(tmp_path, "long")
    wait_for((tmp_path / "log").exists)
    os.killpg(told.pid, signal.SIGINT)
    assert told.communicate(timeout=60) == ("interrupted\n", "")
    wait_for(lambda: not group_is_there(told.pid))


def test_a_worker_that_does_not_see_the_folder(tmp_path: Path) -> None:
    class Client:
        def nthreads(self) -> dict[str, int]:
            return {"tcp://there": 1}

        def run(self, function: Any, on_error: str) -> dict[str, Any]:
            answer = function()
            answers.append(answer)
            return {"tcp://there": (answer[0], False)}

    answers: list[tuple[str, bool]] = []

    with pytest.raises(ValueError, match=r"must see .*, the one at tcp://there does not"):
        cluster._workers(Client(), "tcp://here", tmp_path)
    assert answers == [(swatlib.__version__, True)]  # this process does
    assert cluster._workers(Client(), "tcp://here", None) == 1
    assert not list(tmp_path.iterdir())


def test_an_address_that_is_none(tmp_path: Path) -> None:
    with (
        pytest.raises(ValueError, match="executor must be sequential, thread, process:N"),
        open_executor("dask:"),
    ):
        pass
    pytest.importorskip("distributed")
    with (
        pytest.raises(ConnectionError, match="no cluster answers at nowhere: "),
        open_executor("dask:nowhere"),
    ):
        pass
