"""``swatlib sweep``: compute the runs of an experiment that have no record yet."""

from __future__ import annotations

import re
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from swatlib.cli.places import (
    EXECUTORS,
    experiment_runs,
    folder_option,
    is_there,
    records_folder,
)


def _shared(runs: Sequence[Any], text: str | None) -> Sequence[Any]:
    """Return the runs that ``K/N`` means; all of them if it is not given."""
    from swatlib.records.slurm import share

    if text is None:
        return runs
    match = re.fullmatch(r"([1-9][0-9]*)/([1-9][0-9]*)", text)
    if not match or int(match[1]) > int(match[2]):
        raise ValueError(f"share must be K/N with K from 1 to N, got {text!r}")
    return share(runs, int(match[1]), int(match[2]))


def _array(
    name: str, runs: Sequence[Any], folder: Path, executor: str, more: Sequence[str]
) -> None:
    """Write the array of Slurm that ``slurm:N`` means, and submit it where that is possible."""
    from swatlib.records.slurm import TASKS, submit, unfinished, write_array
    from swatlib.records.sweep import check_writable

    match = re.fullmatch(r"slurm(?::([1-9][0-9]*))?", executor)
    if not match:
        raise ValueError(f"executor must be slurm or slurm:N (N at least 1), got {executor!r}")
    tasks = int(match[1] or min(TASKS, len(runs)))
    numbers = unfinished(runs, tasks, lambda run: is_there(folder, run))
    if not numbers:
        typer.echo(f"{name}: nothing is missing; records in {folder}")
        return
    check_writable(folder)
    script = write_array(name, folder, numbers, tasks, more)
    job = submit(script)
    if job is None:
        typer.echo(f"{name}: there is no sbatch here; submit {len(numbers)} tasks: sbatch {script}")
    else:
        typer.echo(f"{name}: job {job}, {len(numbers)} tasks; they print into {script.parent}")


def sweep(
    name: Annotated[str, typer.Argument(help="An experiment; `swatlib experiments` lists them.")],
    budget: Annotated[
        str | None,
        typer.Option(help="Start no run that would end later: 90s, 30m, 1h30m.", metavar="TIME"),
    ] = None,
    executor: Annotated[
        str,
        typer.Option(
            help=f"{EXECUTORS}; or slurm:N for an array of N tasks that sweep by themselves."
        ),
    ] = "sequential",
    records: Annotated[Path | None, folder_option("Folder of the records.")] = None,
    checkpoint_every: Annotated[
        str,
        typer.Option(help="Keep a run in flight so often, at the end of an epoch.", metavar="TIME"),
    ] = "60s",
    share: Annotated[
        str | None,
        typer.Option(help="Only every N-th run, from the K-th on.", metavar="K/N"),
    ] = None,
    listing: Annotated[
        bool, typer.Option("--list", help="List the runs and which are done; compute nothing.")
    ] = False,
) -> None:
    """Compute the runs of an experiment that have no record yet.

    It can be stopped at any moment, killed too, and goes on where it was when called again, in the
    middle of a run too; several sweeps of one experiment may run at once.
    """
    from swatlib.records import key, specification
    from swatlib.records.sweep import seconds
    from swatlib.records.sweep import sweep as compute

    runs = _shared(experiment_runs(name), share)
    folder = records_folder(name, records)
    if listing:
        for run in runs:
            state = "done   " if is_there(folder, run) else "missing"
            fields = specification(run).items()
            values = " ".join(f"{k}={v}" for k, v in fields if v not in (None, {}, []))
            typer.echo(f"{key(specification(run))} {state} {values}")
        return
    limit = None if budget is None else seconds(budget)
    every = seconds(checkpoint_every, "checkpoint-every")
    if executor.partition(":")[0] == "slurm":
        if share is not None:
            raise ValueError(f"share must not be given with executor slurm, got {share}")
        more = [] if budget is None else ["--budget", budget]
        _array(name, runs, folder, executor, [*more, "--checkpoint-every", checkpoint_every])
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)  # end as by Ctrl-C
    try:
        summary = compute(runs, folder, budget=limit, executor=executor, every=every)
    finally:
        signal.signal(signal.SIGTERM, before)
    typer.echo(
        f"{name}: {summary.computed} computed, {summary.done} done before, {summary.busy} busy in "
        f"another sweep, {summary.left} left, {len(summary.failed)} failed; records in {folder}"
    )
    for outcome in summary.failed:
        text = " ".join(outcome.error.split())
        typer.echo(f"failed {key(specification(outcome.run))}: {text}", err=True)
    if summary.failed:
        raise typer.Exit(1)
