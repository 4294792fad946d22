"""``swatlib sweep``: compute the runs of an experiment that have no record yet."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Annotated

import typer

from swatlib.cli.places import experiment_runs, folder_option, is_there, records_folder


def sweep(
    name: Annotated[str, typer.Argument(help="An experiment; `swatlib experiments` lists them.")],
    budget: Annotated[
        str | None,
        typer.Option(help="Start no run that would end later: 90s, 30m, 1h30m.", metavar="TIME"),
    ] = None,
    executor: Annotated[
        str,
        typer.Option(
            help="sequential, thread, process:N with one CPU thread each, dask:ADDRESS for the "
            "workers of a Dask cluster, or dask for one on this machine."
        ),
    ] = "sequential",
    records: Annotated[Path | None, folder_option("Folder of the records.")] = None,
    checkpoint_every: Annotated[
        str,
        typer.Option(help="Keep a run in flight so often, at the end of an epoch.", metavar="TIME"),
    ] = "60s",
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

    runs = experiment_runs(name)
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
