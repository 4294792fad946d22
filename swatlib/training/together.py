"""Several processes of one machine train one network together."""

import concurrent.futures as futures
import hashlib
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import nn

from swatlib import checks
from swatlib.checked import checked
from swatlib.records.checkpoint import Checkpoint
from swatlib.records.executors import GRACE, LostError, open_executor
from swatlib.training.loop import train_run
from swatlib.training.ranks import alike
from swatlib.training.run import Run


@checked(nproc=partial(checks.count, least=2))
def train_together(run: Run, nproc: int, checkpoint: Checkpoint | None = None) -> dict[str, Any]:
    """Train as ``run`` says, every batch shared by several processes.

    They speak by gloo, on GPUs by NCCL, one GPU for each. Two equal calls give the same numbers.
    One process gives others: batch normalisation and what is chosen of activations know a process's
    own images only.

    Parameters
    ----------
    run : Run
    nproc : int
        Processes, at least 2.
    checkpoint : Checkpoint, optional
        As for :func:`swatlib.training.loop.train_run`; to be taken up by as many processes.

    Returns
    -------
    dict
        The metrics of :func:`swatlib.training.loop.train_run`.

    Raises
    ------
    ValueError
        If there are not two images of a batch for each process, or too few GPUs.
    LostError
        If a process dies. The others are ended.
    RuntimeError
        If the processes do not end with the same weights and masks, to the bit.
    """
    return _all([run], nproc, checkpoint)[0]


def _all(
    runs: Sequence[Run], nproc: int, checkpoint: Checkpoint | None = None
) -> list[dict[str, Any]]:
    """Train runs one after the other, each by the same processes."""
    for run in runs:
        if run.batch_size < 2 * nproc:
            raise ValueError(
                f"batch_size must be at least 2 for each of {nproc} processes, got {run.batch_size}"
            )
    gpus = torch.cuda.device_count()
    if 0 < gpus < nproc:
        raise ValueError(f"nproc must be at most the number of GPUs, {gpus}, got {nproc}")
    threads = max(1, torch.get_num_threads() // nproc)
    with (
        tempfile.TemporaryDirectory() as folder,
        open_executor(f"process:{nproc}") as (pool, _, _),
    ):
        store = Path(folder) / "store"
        ranks = [
            pool.submit(_rank, rank, nproc, store, threads, runs, checkpoint)
            for rank in range(nproc)
        ]
        return [_agreed(of_a_run) for of_a_run in zip(*_results(ranks), strict=True)]


def _agreed(results: Sequence[tuple[dict[str, Any], str]]) -> dict[str, Any]:
    """Return the metrics that the first rank has, if all end with the same digest."""
    if len({digest for _, digest in results}) > 1:
        raise RuntimeError("the processes ended with different weights or masks")
    return results[0][0]


def _rank(
    rank: int,
    nproc: int,
    store: Path,
    threads: int,
    runs: Sequence[Run],
    checkpoint: Checkpoint | None,
) -> list[tuple[dict[str, Any], str]]:
    """Train in one of the processes; return metrics and a digest of what all must share."""
    torch.set_num_threads(threads)
    gpu = torch.cuda.is_available()
    if gpu:
        torch.cuda.set_device(rank)
    dist.init_process_group(
        "cpu:gloo,cuda:nccl" if gpu else "gloo",
        init_method=f"file://{store}",
        rank=rank,
        world_size=nproc,
    )
    results = []
    for run in runs:
        last: list[nn.Module] = []

        def watch(step: int, model: nn.Module, last: list[nn.Module] = last) -> None:
            last[:] = [model]

        metrics = train_run(run, f"cuda:{rank}" if gpu else "cpu", watch, checkpoint)
        results.append((metrics, _digest(last)))
    dist.destroy_process_group()
    return results


def _digest(models: Sequence[nn.Module]) -> str:
    found = hashlib.sha256()
    for model in models:
        for tensor in alike(model):
            found.update(tensor.cpu().contiguous().numpy().tobytes())
    return found.hexdigest()


def _results(ranks: Sequence[futures.Future[Any]]) -> list[Any]:
    """Wait for all, or for the first error, and raise the one that the others follow from."""
    futures.wait(ranks, return_when=futures.FIRST_EXCEPTION)
    if any(one.done() and one.exception() for one in ranks):
        # What the first to fail has done to the others: they lost a connection, or wait for ever.
        done = futures.wait(ranks, timeout=GRACE).done
        errors = [error for one in done if (error := one.exception()) is not None]
        for error in errors:
            if not isinstance(error, RuntimeError):
                raise error
        for error in errors:
            if isinstance(error, futures.BrokenExecutor):
                raise LostError("a process of the training died") from error
        raise errors[0]
    return [one.result() for one in ranks]
