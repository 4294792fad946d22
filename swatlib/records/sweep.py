"""Sweeps: compute the runs of an experiment that have no record yet.

Several sweeps of one experiment may run at once: a run is locked while it is computed, and the
operating system frees the lock when its process ends, however it ends. A sweep that is killed has
lost what the runs in flight did since their last checkpoint, and nothing else. One that can no
longer store what it computes stops.
"""

from __future__ import annotations

import concurrent.futures as futures
import contextlib
import os
import re
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from filelock import FileLock, Timeout
from tqdm.auto import tqdm

import swatlib
from swatlib import checks, machine
from swatlib.checked import checked, checked_fields
from swatlib.kernels.fastest import FAST, products
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
from swatlib.records.checkpoint import EVERY, Checkpoint, of_records
from swatlib.records.deadline import Deadline, Paused
from swatlib.records.executors import LostError, open_executor, undisturbed

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

ROOM = 256 * 2**10  # bytes that must be free for another run; the largest record has 170 kB

Train = Callable[..., dict[str, Any]]
"""From a run to its metrics; one that has a parameter ``checkpoint`` is given a `Checkpoint`."""


class StorageError(OSError):
    """Records cannot be stored in their folder: whatever would be computed would be lost."""


@contextlib.contextmanager
def _storing(what: str) -> Iterator[None]:
    """Turn an OSError in the block into a StorageError whose message begins with ``what``."""
    try:
        yield
    except OSError as error:
        raise StorageError(f"{what}: {error}") from error


@dataclass(frozen=True)
class Outcome:
    """What became of a run: "computed", "done" before, "busy" in another sweep, or "failed"."""

    run: Any
    status: str
    seconds: float = 0.0
    error: str = ""

    def __post_init__(self) -> None:
        checked_fields(self)


@dataclass
class Summary:
    """What a sweep did; every run of the experiment is in exactly one of the five counts."""

    done: int = 0
    computed: int = 0
    busy: int = 0
    left: int = 0
    failed: list[Outcome] = field(default_factory=list)

    def __post_init__(self) -> None:
        checked_fields(self)

    @checked
    def count(self, outcome: Outcome) -> None:
        """Count a run that was left as what became of it."""
        self.left -= 1
        if outcome.status == "failed":
            self.failed.append(outcome)
        else:
            setattr(self, outcome.status, getattr(self, outcome.status) + 1)


def own_train() -> Train:
    """Return what computes a run of the library: the run's own method ``compute``."""
    return _own


def _own(run: Any, checkpoint: Checkpoint | None = None) -> dict[str, Any]:
    return _called(run.compute, checkpoint=checkpoint)


def _called(train: Train, *run: Any, checkpoint: Checkpoint | None) -> dict[str, Any]:
    resumes = "checkpoint" in signature(train).parameters
    return train(*run, checkpoint=checkpoint) if resumes else train(*run)


@checked
def data_as_used(run: Any) -> dict[str, Any] | None:
    """Describe the data set of a run that has one.

    A run with a method ``describe_data`` describes it itself. Otherwise its fields ``data``,
    ``pixels`` and ``images`` say which data set for classification it is. None if it has no data.
    """
    if hasattr(run, "describe_data"):
        return run.describe_data()
    if getattr(run, "data", None) is None:
        return None
    from swatlib.data import describe, load

    return describe(load(run.data, pixels=run.pixels, images=run.images))


@checked
def is_done(folder: Path, run: DataclassInstance) -> bool:
    """Say whether a run has a good record; a damaged one is named in a warning and does not count.

    Raises
    ------
    UnknownVersion
        If there is a record of another version, which must not be overwritten.
    OSError
        If what is there cannot be read.
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


@checked
def lock(folder: Path, run: DataclassInstance) -> FileLock:
    """Return the lock of a run, not yet taken.

    A lock file stays on the disk after use; that it is there does not mean that the lock is held.

    Where the file system has no locks, taking it is an error: a mere file in place of a lock would
    outlive a sweep that was killed, and its run would never be computed.

    Raises
    ------
    StorageError
        If there can be no lock.
    """
    locks = folder / ".locks"
    with _storing(f"lock folder {locks} cannot be used"):
        if not locks.is_dir():
            locks.mkdir(exist_ok=True)
            (locks / ".gitignore").write_text("*\n")
    path = locks / f"{key(specification(run))}.lock"
    return FileLock(path, timeout=0, fallback_to_soft=False)


@contextlib.contextmanager
def _locked(folder: Path, run: DataclassInstance) -> Iterator[bool]:
    """Hold the lock of a run; yield whether it could be had."""
    held = lock(folder, run)
    with _storing(f"lock folder {folder / '.locks'} cannot be used"), contextlib.suppress(Timeout):
        held.acquire()
    try:
        yield held.is_locked
    finally:
        held.release()  # does nothing if it is not held


@checked
def compute(
    run: DataclassInstance,
    folder: Path,
    train: Train | None = None,
    threads: int | None = None,
    every: float = EVERY,
    deadline: Deadline | None = None,
) -> Outcome:
    """Train one run and write its record, unless it is done already or being computed elsewhere.

    An exception in training becomes an outcome ``"failed"``, so that the sweep goes on. A run that
    was killed goes on at its checkpoint, which is removed when the record stands.

    Parameters
    ----------
    run : dataclass instance
    folder : Path
        Of the records.
    train : callable, optional
        As `sweep` takes it.
    threads : int, optional
        For PyTorch.
    every : float
        Seconds between checkpoints.
    deadline : Deadline, optional
        When a run with checkpoints stops in one.

    Raises
    ------
    StorageError
        If the record cannot be stored. As far as possible this is found out before training.
    Paused
        If the run stopped at the deadline.
    """
    with _locked(folder, run) as free:
        if not free:
            return Outcome(run, "busy")
        try:
            return _compute(run, folder, train or own_train(), threads, every, deadline)
        except (StorageError, Paused):
            raise
        except Exception as error:
            return Outcome(run, "failed", error=f"{type(error).__name__}: {error}")


def _compute(
    run: DataclassInstance,
    folder: Path,
    train: Train,
    threads: int | None,
    every: float,
    deadline: Deadline | None,
) -> Outcome:
    checkpoint = of_records(folder, run, every, deadline)
    if is_done(folder, run):
        checkpoint.remove()  # of a sweep that was killed between the two
        return Outcome(run, "done")
    check_writable(folder)
    for scrap in folder.glob(f".{key(specification(run))}-*.tmp"):
        scrap.unlink(missing_ok=True)  # of a sweep that was killed while it wrote
    if threads is not None:
        torch.set_num_threads(threads)
    before = torch.get_num_threads()
    start = time.perf_counter()
    try:
        with products(FAST):  # a record must not depend on how fast this machine is
            metrics = _called(train, run, checkpoint=checkpoint)
        threads = torch.get_num_threads()
    finally:
        torch.set_num_threads(before)  # a checkpoint may have had another number
    seconds = checkpoint.earlier + time.perf_counter() - start
    with undisturbed():
        record = Record(
            specification=specification(run),
            metrics=metrics,
            data=data_as_used(run),
            library=swatlib.__version__,
            torch=torch.__version__,
            device=machine.device(),
            processor=machine.processor(),
            instruction_set=machine.instruction_set(),
            threads=threads,
            seconds=round(seconds, 3),
            date=datetime.now(UTC).isoformat(timespec="seconds"),
        )
        with _storing(f"records folder {folder} cannot be written"):
            write_record(folder, record)
        checkpoint.remove()
    return Outcome(run, "computed", seconds)


@checked
def seconds(text: str, name: str = "budget") -> float:
    """Read a length of time such as ``"90"``, ``"45s"``, ``"30m"``, ``"1h30m"`` as seconds.

    Raises
    ------
    ValueError
        If the text is no length of time.
    """
    match = re.fullmatch(r"(?:([0-9]+)h)?(?:([0-9]+)m)?(?:([0-9]+)s?)?", text.strip())
    if not match or not any(match.groups()):
        raise ValueError(f"{name} must be a length of time such as 90s, 30m or 1h30m, got {text!r}")
    hours, minutes, rest = (int(part or 0) for part in match.groups())
    return 3600.0 * hours + 60.0 * minutes + rest


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


@checked
def check_writable(folder: Path) -> None:
    """Make the folder of records if need be, and be sure that it has room for another one.

    Raises
    ------
    StorageError
        If it cannot be written or the disk is full.
    """
    with _storing(f"records folder {folder} cannot be written"):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(bytes(ROOM))
            probe.flush()
            os.fsync(probe.fileno())


# An executor is whatever has a method submit, see `open_executor`.
@checked(executor=None, workers=checks.optional(checks.count))
def sweep(
    runs: Sequence[DataclassInstance],
    folder: Path | str,
    train: Train | None = None,
    *,
    budget: float | None = None,
    executor: str | futures.Executor = "sequential",
    workers: int | None = None,
    progress: bool = True,
    every: float = EVERY,
) -> Summary:
    """Compute the runs that have no record in ``folder`` yet.

    A run whose record is there and cannot be read counts as failed and is not computed.

    Parameters
    ----------
    runs : sequence of dataclass instances
        The experiment. A run that is named twice is computed once.
    folder : Path
        Where the records go; made if it does not exist.
    train : callable, optional
        ``train(run) -> metrics``, or ``train(run, checkpoint=...)`` if it can go on at one;
        ``run.compute`` if None. For a process executor it must be importable.
    budget : float, optional
        Seconds. No run is started that would, judged by the runs before it, end later.
    executor : str or Executor
        See `open_executor`.
    workers : int, optional
        Runs in flight, where an executor object does not say its size.
    progress : bool
        Show a progress bar on a terminal.
    every : float
        Seconds between checkpoints of a run in flight, which are written at the ends of epochs, in
        ``.checkpoints`` in the folder. A run that was killed goes on there.

    Raises
    ------
    StorageError
        If the folder cannot be written, also later on: the disk is full, or there are no locks.
    UnknownVersion
        If a record is of another version.
    ValueError
        If the budget is not positive, or there is no such executor.
    """
    if budget is not None and not budget > 0:
        raise ValueError(f"budget must be a positive number of seconds, got {budget}")
    folder = Path(folder).absolute()  # what computes may be in another folder
    check_writable(folder)
    distinct = list({key(specification(run)): run for run in runs}.values())
    summary = Summary()
    missing: list[DataclassInstance] = []
    for run in distinct:
        try:
            if is_done(folder, run):
                summary.done += 1
                of_records(folder, run).remove()  # of a sweep that was killed between the two
            else:
                missing.append(run)
        except OSError as error:
            summary.failed.append(Outcome(run, "failed", error=str(error)))
    summary.left = len(missing)
    clock = _Clock(budget)
    if budget is not None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # damaged records were named above
            for record in iterate_records(folder):
                clock.saw(record.specification, record.seconds)
    hidden = None if progress else True  # None: shown on a terminal only
    with (
        open_executor(executor, workers, folder) as (pool, size, threads),
        tqdm(
            total=len(distinct), initial=len(distinct) - len(missing), unit="run", disable=hidden
        ) as bar,
    ):
        flying: dict[futures.Future[Outcome], DataclassInstance] = {}
        try:
            while missing or flying:
                while len(flying) < size:
                    chosen = next((run for run in missing if clock.allows(run)), None)
                    if chosen is None:
                        break
                    missing.remove(chosen)
                    future = pool.submit(compute, chosen, folder, train, threads, every)
                    flying[future] = chosen
                if not flying:
                    break  # nothing more fits into the budget
                for future in futures.wait(flying, return_when=futures.FIRST_COMPLETED).done:
                    run = flying.pop(future)
                    try:
                        outcome = future.result()
                    except LostError as error:
                        outcome = Outcome(run, "failed", error=str(error))
                    summary.count(outcome)
                    if outcome.status == "computed":
                        clock.saw(specification(outcome.run), outcome.seconds)
                    bar.update()
        finally:
            for future in flying:
                future.cancel()
    return summary
