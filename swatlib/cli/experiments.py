"""``swatlib experiments``: the named experiments and how far their records are."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from swatlib.cli.places import folder_option, is_there, records_folder, records_root


def experiments(
    records: Annotated[
        Path | None,
        folder_option("Folder that holds a folder of records per experiment."),
    ] = None,
) -> None:
    """List the named experiments: number of runs, how many are done and how many are missing."""
    from swatlib.experiments import EXPERIMENTS

    width = max(map(len, EXPERIMENTS))
    typer.echo(f"{'experiment':{width}}  runs  done  missing")
    for name, declare in EXPERIMENTS.items():
        runs = declare()
        folder = records_folder(name, None if records is None else records / name)
        done = sum(is_there(folder, run) for run in runs)
        typer.echo(f"{name:{width}}  {len(runs):4}  {done:4}  {len(runs) - done:7}")
    typer.echo(f"records in {records if records is not None else records_root()}")
