"""Executors: where the runs of a sweep are computed, and how all of them are stopped.

A sweep that is interrupted, or that can store nothing more, gives up what is in flight: it may take
hours. A record that is just being written is finished first, so that no finished run is lost.
"""

from __future__ import annotations

import concurrent.futures as futures
import contextlib
import ctypes
import multiprocessing
import os
import re
import signal
import threading
from collections.abc import Iterator
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any

GRACE = 5.0  # seconds that a thread told to end has for the one operation it is in

_writing = threading.Lock()


class LostError(RuntimeError):
    """What computed a run died of it, again and again: there is no outcome."""


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Delay whatever would end this process or thread until the block is done.

    In the main thread, which handles signals, that is Ctrl-C and SIGTERM. In another thread it is
    `_Thread.give_up`. In a worker process it is also the end of its parent.
    """
    with _writing:
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        caught: list[int] = []
        before = {
            number: signal.signal(number, lambda number, frame: caught.append(number))
            for number in (signal.SIGINT, signal.SIGTERM)
        }
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, signal.SIG_DFL if handler is None else handler)
            for late in caught:
                signal.raise_signal(late)


@contextlib.contextmanager
def unheard() -> Iterator[None]:
    """Let processes that are started in the block be deaf to Ctrl-C.

    At a terminal it reaches every process, but only the sweep should answer.
    """
    mask = getattr(signal, "pthread_sigmask", None)  # not on Windows
    if mask:
        # Python starts this helper at the first process, and clears the mask in doing so.
        resource_tracker.ensure_running()
    before = mask(signal.SIG_BLOCK, {signal.SIGINT}) if mask else None
    try:
        yield
    finally:
        if mask:
            mask(signal.SIG_SETMASK, before)


class _Sequential(futures.Executor):
    """Compute in this thread, at the moment of submission."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> futures.Future[Any]:
        future: futures.Future[Any] = futures.Future()
        future.set_result(fn(*args, **kwargs))
        return future

    def give_up(self) -> None:
        """Nothing is in flight."""


class _Thread(futures.Executor):
    """Compute in one thread beside the caller's, which can be told to end.

    It ends with the operation it is in. If that takes too long it is left alone: a thread cannot be
    killed, but as a daemon it does not keep the program from ending.
    """

    def __init__(self) -> None:
        self.thread: threading.Thread | None = None
        self.patience: float | None = None  # for ever

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> futures.Future[Any]:
        future: futures.Future[Any] = futures.Future()
        future.set_running_or_notify_cancel()  # it can no longer be cancelled, only given up

        def work() -> None:
            try:
                future.set_result(fn(*args, **kwargs))
            except BaseException as error:
                future.set_exception(error)

        self.thread = threading.Thread(target=work, daemon=True)
        self.thread.start()
        return future

    def give_up(self) -> None:
        """Raise KeyboardInterrupt in the thread, as Ctrl-C does in the main thread."""
        if self.thread is not None and self.thread.ident is not None:
            with _writing:
                ctypes.pythonapi.PyThreadState_SetAsyncExc(
                    ctypes.c_ulong(self.thread.ident), ctypes.py_object(KeyboardInterrupt)
                )
            self.patience = GRACE

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        if wait and self.thread is not None:
            self.thread.join(self.patience)


class _Processes(futures.ProcessPoolExecutor):
    """Compute in processes of their own; they end with the sweep, however it ends."""

    def __init__(self, workers: int) -> None:
        # spawn: a fork of a process that has run PyTorch's threads may hang
        context = multiprocessing.get_context("spawn")
        super().__init__(workers, context, initializer=_end_with_parent)

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> futures.Future[Any]:
        with unheard():
            return super().submit(fn, *args, **kwargs)

    def give_up(self) -> None:
        """End the processes; one that is `undisturbed` ends when it no longer is."""
        for process in list((self._processes or {}).values()):
            process.terminate()


class _Foreign(futures.Executor):
    """An executor of another kind: what its ``submit`` returns need only have a ``result``."""

    def __init__(self, pool: Any) -> None:
        self.pool = pool

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> futures.Future[Any]:
        theirs = self.pool.submit(fn, *args, **kwargs)
        if isinstance(theirs, futures.Future):
            return theirs
        if not callable(getattr(theirs, "result", None)):
            raise TypeError(f"executor must submit what has a method result, got {theirs!r}")
        future: futures.Future[Any] = futures.Future()
        future.set_running_or_notify_cancel()

        def wait() -> None:
            try:
                future.set_result(theirs.result())
            except BaseException as error:
                future.set_exception(error)

        threading.Thread(target=wait, daemon=True).start()
        return future


def _end_with_parent() -> None:
    """Let a worker process end when the sweep was killed, instead of waiting for work for ever."""
    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent is not None:
            parent.join()
            with _writing:
                os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


@contextlib.contextmanager
def open_executor(
    executor: Any, workers: int | None = None, folder: Path | None = None
) -> Iterator[tuple[futures.Executor, int, int | None]]:
    """Yield an executor, how many runs to keep in flight, and the threads of a run (None: leave).

    An exception in the block, Ctrl-C too, ends what is in flight.

    Parameters
    ----------
    executor : str or Executor
        ``"sequential"``; ``"thread"`` (one, beside the caller's: PyTorch's random numbers are
        shared by all threads, so two runs in two threads would not be reproducible);
        ``"process:N"``, N processes with one thread each; ``"dask:ADDRESS"``, the workers of a Dask
        cluster, or ``"dask"``, one on this machine, see `swatlib.records.cluster`; or any object
        with a ``submit`` that returns what has a ``result``: the executors of `concurrent.futures`,
        a Dask ``Client``, an executor of submitit. It stays open, and its runs in flight go on. A
        worker process of it must compute one run at a time, for the same reason.
    workers : int, optional
        Runs to keep in flight, for such an object; if not given, what it says itself, else one for
        each processor of this machine.
    folder : Path, optional
        Where records are written: a cluster's workers must see it.

    Raises
    ------
    ValueError, TypeError
        If it is none of these, or a cluster is not fit.
    ConnectionError
        If there is no cluster.
    """
    if not isinstance(executor, str):
        if not callable(getattr(executor, "submit", None)):
            raise TypeError(f"executor must have a method submit, got {executor!r}")
        own = getattr(executor, "_max_workers", None)
        yield _Foreign(executor), int(workers or own or os.cpu_count() or 1), None
        return
    if workers is not None:
        raise ValueError(f"workers must be None for an executor by name, got {workers}")
    kind, _, count = executor.partition(":")
    if executor == "dask" or (kind == "dask" and count):
        from swatlib.records.cluster import connected  # Dask is optional, and slow to import

        with connected(count or None, folder) as (runs, workers):
            yield _Foreign(runs), workers, 1
        return
    pool: _Sequential | _Thread | _Processes
    workers, threads = 1, None
    if kind == "sequential" and not count:
        pool = _Sequential()
    elif kind == "thread" and count in ("", "1"):
        pool = _Thread()
    elif kind == "process" and re.fullmatch(r"[1-9][0-9]*", count or "1"):
        workers, threads = int(count or 1), 1
        pool = _Processes(workers)
    else:
        raise ValueError(
            "executor must be sequential, thread, process:N (N at least 1), dask or dask:ADDRESS, "
            f"got {executor!r}"
        )
    try:
        yield pool, workers, threads
    except BaseException:
        pool.give_up()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
