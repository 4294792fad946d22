"""``swatlib gpu``: what only a GPU can say, for so many minutes at a time; or its rehearsal."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from swatlib.cli.places import folder_option, records_root


def gpu(
    pieces: Annotated[
        list[str] | None,
        typer.Argument(
            help="two-to-four, fst, steps, memory or training; all in this order if not given.",
            metavar="[PIECE]...",
            show_default=False,
        ),
    ] = None,
    minutes: Annotated[
        float, typer.Option(help="Stop in so many minutes, with a training in its checkpoint.")
    ] = 8.0,
    records: Annotated[
        Path | None, folder_option("Folder that gets a folder gpu-PIECE of records each.")
    ] = None,
    rehearse: Annotated[
        bool,
        typer.Option("--rehearse", help="Do the same, tiny, on any device; records go elsewhere."),
    ] = False,
) -> None:
    """Measure and train what only a GPU can say, and say what is left; call it again to go on.

    What has a record is not computed again. The trainings need CIFAR-10 in SWATLIB_DATA.
    """
    import torch

    from swatlib import machine
    from swatlib.experiments.gpu import PIECES, piece
    from swatlib.records import key, specification
    from swatlib.records.deadline import Deadline
    from swatlib.records.sitting import sit

    if not rehearse and not torch.cuda.is_available():
        raise ValueError(
            "gpu needs a CUDA device and finds none; without one: swatlib gpu --rehearse"
        )
    root = _rehearsal(records) if rehearse else records or records_root()
    wanted = {name: piece(name, machine.device(), rehearse) for name in pieces or PIECES}
    # How long a run or an epoch takes is not known before the first of a piece has ended.
    deadline = Deadline(60 * minutes, longest=60 * minutes / 16)
    failed = left = 0
    for name, runs in wanted.items():
        folder = root / f"gpu-{name}"
        deadline.begin()
        summary = sit(runs, folder, deadline)
        typer.echo(
            f"{name}: {summary.computed} computed, {summary.done} done before, {summary.busy} "
            f"busy, {summary.left} left, {len(summary.failed)} failed; records in {folder}"
        )
        for outcome in summary.failed:
            text = " ".join(outcome.error.split())
            typer.echo(f"failed {key(specification(outcome.run))}: {text}", err=True)
        failed += len(summary.failed)
        left += summary.left
    if left:
        typer.echo(f"{left} left: call it again")
    if failed:
        raise typer.Exit(1)


def _rehearsal(records: Path | None) -> Path:
    """Return the folder of a rehearsal's records: the one given, or a new one, never the book's."""
    if records is None:
        return Path(tempfile.mkdtemp(prefix="swatlib-rehearsal-"))
    if records.resolve().is_relative_to(records_root().resolve()):
        raise ValueError(f"records must not be among the book's in a rehearsal, got {records}")
    return records
