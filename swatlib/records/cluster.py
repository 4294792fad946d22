"""A Dask cluster (Rocklin 2015) as an executor: workers compute and write the records.

The folder of the records must be one that all machines see, with locks. A worker that dies has its
runs done again by another one, from their last checkpoints on; a run that has a record is never
done again. When the scheduler dies, what has a record keeps it, and the next sweep computes the
rest. What is said of workers is checked of those that are there when a sweep begins.
"""

from __future__ import annotations

import contextlib
import logging
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import swatlib
from swatlib.records.executors import LostError, unheard

PATIENCE = 10.0
"""Seconds in which a cluster must answer, also when a connection to it was lost."""

OWN = {"distributed.scheduler.allowed-failures": 1}
"""What a cluster on this machine is told: a run whose process died is done again once."""


class Runs:
    """What submits runs to a cluster.

    Parameters
    ----------
    client : distributed.Client
    address : str
        Of its scheduler.
    """

    def __init__(self, client: Any, address: str) -> None:
        self.client, self.address = client, address

    def submit(self, fn: Any, /, *arguments: Any) -> Result:
        """Let a worker call a function; two equal calls are two."""
        from distributed.protocol.pickle import dumps

        content = dumps((fn, arguments))

        # Within this function and as bytes, so that the scheduler need not have what is in them.
        def call() -> Any:
            from distributed.protocol.pickle import loads

            fn, arguments = loads(content)
            return fn(*arguments)

        return Result(self.client.submit(call, pure=False), self.address)


class Result:
    """What a worker returns, some time.

    Parameters
    ----------
    future : distributed.Future
    address : str
        Of the cluster's scheduler.
    """

    def __init__(self, future: Any, address: str) -> None:
        self.future, self.address = future, address

    def result(self) -> Any:
        """Wait for it.

        Raises
        ------
        LostError
            If one worker after the other died of it.
        ConnectionError
            If the scheduler is gone.
        """
        from distributed import CancelledError
        from distributed.scheduler import KilledWorker

        try:
            return self.future.result()
        except KilledWorker as error:
            raise LostError(f"{error.allowed_failures + 1} workers died of it") from error
        except CancelledError as error:
            raise ConnectionError(
                f"the cluster at {self.address} is gone; finished runs have their records, and the "
                "same command computes the rest"
            ) from error


@contextlib.contextmanager
def connected(address: str | None = None, folder: Path | None = None) -> Iterator[tuple[Runs, int]]:
    """Yield what submits runs to a cluster, and how many it computes at once.

    Nothing is submitted before the workers that are there have been asked what they are.

    Parameters
    ----------
    address : str, optional
        Of the scheduler, such as ``tcp://host:8786``. If not given, a cluster is started on this
        machine for as long as the block lasts, one process with one thread for each processor.
    folder : Path, optional
        What all workers must see, on this machine or shared.

    Raises
    ------
    ValueError
        If Dask is not installed; if workers have another version of this library or do not see the
        folder; or if a worker process has several threads, as PyTorch's random numbers are shared
        by all threads of a process.
    ConnectionError
        If no cluster answers, or it has no workers.
    """
    try:
        import dask
        from distributed import Client, LocalCluster
    except ModuleNotFoundError as error:
        raise ValueError(
            "executor dask needs a package that is not installed: pip install swatlib[dask]"
        ) from error

    with contextlib.ExitStack() as stack:
        stack.enter_context(_quiet())
        with unheard():  # also the thread that starts the processes, and so they, inherit it
            if address is None:
                stack.enter_context(dask.config.set(OWN))
                cluster = LocalCluster(
                    n_workers=os.cpu_count(),
                    threads_per_worker=1,
                    memory_limit=0,  # none: a process that needs more is not killed for it
                    dashboard_address=None,
                    silence_logs=logging.CRITICAL,  # its processes'
                )
                address = stack.enter_context(cluster).scheduler_address
            try:
                client = stack.enter_context(Client(address, timeout=PATIENCE))
            except (OSError, ValueError) as error:
                raise ConnectionError(f"no cluster answers at {address}: {error}") from error
        yield Runs(client, address), _workers(client, address, folder)


def _workers(client: Any, address: str, folder: Path | None) -> int:
    """Return how many workers there are, once each has been found fit."""
    threads = client.nthreads()
    if not threads:
        raise ConnectionError(f"the cluster at {address} has no workers")
    for worker, count in threads.items():
        if count != 1:
            raise ValueError(
                "a worker must have one thread (dask worker --nthreads 1), the one at "
                f"{worker} has {count}"
            )
    with contextlib.ExitStack() as stack:
        mark = str(folder and stack.enter_context(tempfile.NamedTemporaryFile(dir=folder)).name)

        # Within this function, so that it travels whole: a worker may have no such module.
        def look() -> tuple[str, bool]:
            import os

            import swatlib

            return swatlib.__version__, os.path.exists(mark)

        for worker, answer in client.run(look, on_error="return").items():
            version, sees = answer if isinstance(answer, tuple) else (f"none ({answer!r})", False)
            if version != swatlib.__version__:
                raise ValueError(
                    f"a worker must have swatlib {swatlib.__version__}, as here, the one at "
                    f"{worker} has {version}"
                )
            if folder is not None and not sees:
                raise ValueError(f"a worker must see {folder}, the one at {worker} does not")
    return len(threads)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Leave it to this module to say what went wrong: Dask logs every lost connection at length."""
    loud = logging.getLogger("distributed")
    before = loud.level
    loud.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        loud.setLevel(before)
