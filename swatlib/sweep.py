"""Sweeps: compute the runs of an experiment that have no record yet.

Several sweeps of one experiment may run at once: a run is locked while it is computed, and the
operating system frees the lock when its process ends, however it ends. A sweep that is killed has
lost the runs in flight and nothing else.
"""

from __future__ import annotations

import concurrent.futures as futures
import contextlib
import multiprocessing
import os
import re
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from operator import methodcaller
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from filelock import FileLock, Timeout
from tqdm.auto import tqdm

import swatlib
from swatlib import machine
from swatlib.records import (
    Record,
    UnknownVersion,
    iterate_records,
    key,
    read_record,
    record_path,
    specification,
    write_record,
)

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Train = Callable[[Any], dict[str, Any]]


@dataclass(frozen=True)
class Outcome:
    """What became of a run: "computed", "done" before, "busy" in another sweep, or "failed"."""

    run: Any
    status: str
    seconds: float = 0.0
    error: str = ""


@dataclass
class Summary:
    """What a sweep did; every run of the experiment is in exactly one of the five counts."""

    done: int = 0
    computed: int = 0
    busy: int = 0
    left: int = 0
    failed: list[Outcome] = field(default_factory=list)


def own_train() -> Train:
    """Return what computes a run of the library: the run's own method ``compute``."""
    return methodcaller("compute")


def data_as_used(run: Any) -> dict[str, Any] | None:
    """Describe the data set of a run that has one.

    By the run's own method ``describe_data``, or as a data set for classification if there are but
    the fields ``data``, ``pixels`` and ``images``.
    """
    if hasattr(run, "describe_data"):
        return run.describe_data()
    if getattr(run, "data", None) is None:
        return None
    from swatlib.data import describe, load

    return describe(load(run.data, pixels=run.pixels, images=run.images))


def is_done(folder: Path, run: DataclassInstance) -> bool:
    """Say whether a run has a good record; a damaged one is named in a warning and does not count.

    Raises
    ------
    UnknownVersion
        If there is a record of another version, which must not be overwritten.
    """
    path = record_path(folder, run)
    try:
        read_record(path)
    except FileNotFoundError:
        return False
    except UnknownVersion:
        raise
    except ValueError as error:
        warnings.warn(f"will be computed again: {error}", stacklevel=2)
        return False
    return True


def lock(folder: Path, run: DataclassInstance) -> FileLock:
    """Return the lock of a run, not yet taken. Lock files are left behind and mean nothing."""
    locks = folder / ".locks"
    if not locks.is_dir():
        locks.mkdir(exist_ok=True)
        (locks / ".gitignore").write_text("*\n")
    return FileLock(locks / f"{key(specification(run))}.lock", timeout=0)


def compute(
    run: DataclassInstance, folder: Path, train: Train | None = None, threads: int | None = None
) -> Outcome:
    """Train one run and write its record, unless it is done already or being computed elsewhere.

    An exception in training becomes an outcome ``"failed"``, so that the sweep goes on.
    """
    try:
        with lock(folder, run):
            if is_done(folder, run):
                return Outcome(run, "done")
            for scrap in folder.glob(f".{key(specification(run))}-*.tmp"):
                scrap.unlink(missing_ok=True)  # of a sweep that was killed while it wrote
            if threads is not None:
                torch.set_num_threads(threads)
            train = train or own_train()
            start = time.perf_counter()
            metrics = train(run)
            seconds = time.perf_counter() - start
            record = Record(
                specification=specification(run),
                metrics=metrics,
                data=data_as_used(run),
                library=swatlib.__version__,
                torch=torch.__version__,
                device=machine.device(),
                processor=machine.processor(),
                instruction_set=machine.instruction_set(),
                threads=torch.get_num_threads(),
                seconds=round(seconds, 3),
                date=datetime.now(UTC).isoformat(timespec="seconds"),
            )
            write_record(folder, record)
            return Outcome(run, "computed", seconds)
    except Timeout:
        return Outcome(run, "busy")
    except Exception as error:
        return Outcome(run, "failed", error=f"{type(error).__name__}: {error}")


def seconds(text: str) -> float:
    """Read a length of time such as ``"90"``, ``"45s"``, ``"30m"``, ``"1h30m"`` as seconds.

    Raises
    ------
    ValueError
        If it is none.
    """
    match = re.fullmatch(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s?)?", text.strip())
    if not match or not any(match.groups()):
        raise ValueError(f"budget must be a length of time such as 90s, 30m or 1h30m, got {text!r}")
    hours, minutes, rest = (int(part or 0) for part in match.groups())
    return 3600.0 * hours + 60.0 * minutes + rest


def _end_with_parent() -> None:
    """Let a worker process end when the sweep was killed, instead of waiting for work for ever."""
    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


class _Sequential(futures.Executor):
    """Compute in this thread, at the moment of submission."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> futures.Future[Any]:
        future: futures.Future[Any] = futures.Future()
        future.set_result(fn(*args, **kwargs))
        return future


@contextlib.contextmanager
def open_executor(executor: str | futures.Executor) -> Iterator[tuple[Any, int, int | None]]:
    """Yield an executor, how many runs to keep in flight, and the threads of a run (None: leave).

    Parameters
    ----------
    executor : str or Executor
        ``"sequential"``; ``"thread"`` (one, beside the caller's: PyTorch's random numbers are
        shared by all threads, so two runs in two threads would not be reproducible);
        ``"process:N"``, N processes with one thread each; or any object with the ``submit`` of
        `concurrent.futures.Executor`, which stays open.

    Raises
    ------
    ValueError, TypeError
        If it is none of these.
    """
    if not isinstance(executor, str):
        if not callable(getattr(executor, "submit", None)):
            raise TypeError(f"executor must have a method submit, got {executor!r}")
        workers = getattr(executor, "_max_workers", None) or os.cpu_count() or 1
        yield executor, int(workers), None
        return
    kind, _, count = executor.partition(":")
    if kind == "sequential" and not count:
        yield _Sequential(), 1, None
        return
    if kind == "thread" and count in ("", "1"):
        pool: futures.Executor = futures.ThreadPoolExecutor(1)
        workers, threads = 1, None
    elif kind == "process" and re.fullmatch(r"[1-9]\d*", count or "1"):
        workers, threads = int(count or 1), 1
        # spawn: a fork of a process that has run PyTorch's threads may hang
        pool = futures.ProcessPoolExecutor(
            workers, multiprocessing.get_context("spawn"), initializer=_end_with_parent
        )
    else:
        raise ValueError(
            f"executor must be sequential, thread or process:N (N at least 1), got {executor!r}"
        )
    try:
        yield pool, workers, threads
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


class _Clock:
    """What is left of the budget, and how long a run will take, judged by the runs seen so far."""

    def __init__(self, budget: float | None) -> None:
        self.end = None if budget is None else time.monotonic() + budget
        self.seen: list[tuple[dict[str, Any], float]] = []

    def saw(self, specification: dict[str, Any], seconds: float) -> None:
        self.seen.append((specification, seconds))

    def estimate(self, run: DataclassInstance) -> float:
        """Return the time of the run seen that is most like this one, the longest of several."""
        fields = specification(run)

        def likeness(seen: tuple[dict[str, Any], float]) -> tuple[int, float]:
            other, taken = seen
            return sum(other.get(name) == value for name, value in fields.items()), taken

        return max(map(likeness, self.seen), default=(0, 0.0))[1]

    def allows(self, run: DataclassInstance) -> bool:
        return self.end is None or time.monotonic() + self.estimate(run) <= self.end


def check_writable(folder: Path) -> None:
    """Make the folder of records if need be, and be sure that it can be written.

    Raises
    ------
    OSError
        If it cannot.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OSError(f"records folder {folder} cannot be written: {error}") from error


def sweep(
    runs: Sequence[DataclassInstance],
    folder: Path | str,
    train: Train | None = None,
    *,
    budget: float | None = None,
    executor: str | futures.Executor = "sequential",
    progress: bool = True,
) -> Summary:
    """Compute the runs that have no record in ``folder`` yet.

    Parameters
    ----------
    runs : sequence of dataclass instances
        The experiment. A run that is named twice is computed once.
    folder : Path
        Where the records go; made if it does not exist.
    train : callable, optional
        ``train(run) -> metrics``; ``run.compute()`` if None. For a process executor it must be
        importable.
    budget : float, optional
        Seconds. No run is started that would, judged by the runs before it, end later.
    executor : str or Executor
        See `open_executor`.
    progress : bool
        Show a progress bar on a terminal.

    Raises
    ------
    OSError
        If the folder cannot be written.
    UnknownVersion
        If a record is of another version.
    ValueError
        If the budget or the executor is none.
    """
    if budget is not None and not budget > 0:
        raise ValueError(f"budget must be a positive number of seconds, got {budget}")
    folder = Path(folder)
    check_writable(folder)
    distinct = list({key(specification(run)): run for run in runs}.values())
    missing = [run for run in distinct if not is_done(folder, run)]
    summary = Summary(done=len(distinct) - len(missing), left=len(missing))
    clock = _Clock(budget)
    if budget is not None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # damaged records were named above
            for record in iterate_records(folder):
                clock.saw(record.specification, record.seconds)
    hidden = None if progress else True  # None: shown on a terminal only
    with (
        open_executor(executor) as (pool, workers, threads),
        tqdm(total=len(distinct), initial=summary.done, unit="run", disable=hidden) as bar,
    ):
        flying: set[futures.Future[Outcome]] = set()
        try:
            while missing or flying:
                while len(flying) < workers:
                    run = next((run for run in missing if clock.allows(run)), None)
                    if run is None:
                        break
                    missing.remove(run)
                    flying.add(pool.submit(compute, run, folder, train, threads))
                if not flying:
                    break  # nothing more fits into the budget
                landed, flying = futures.wait(flying, return_when=futures.FIRST_COMPLETED)
                for future in landed:
                    _count(summary, clock, future.result())
                    bar.update()
        finally:
            for future in flying:
                future.cancel()
    return summary


def _count(summary: Summary, clock: _Clock, outcome: Outcome) -> None:
    summary.left -= 1
    if outcome.status == "failed":
        summary.failed.append(outcome)
    else:
        setattr(summary, outcome.status, getattr(summary, outcome.status) + 1)
    if outcome.status == "computed":
        clock.saw(specification(outcome.run), outcome.seconds)
