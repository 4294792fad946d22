"""``swatlib records``: look at records and check them."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from swatlib.cli.places import folder_option, records_folder, records_root

if TYPE_CHECKING:
    from swatlib.experiments.verify import Verdict

app = typer.Typer(
    help="List, show, verify and upgrade records of finished runs.", no_args_is_help=True
)

Experiment = Annotated[str, typer.Argument(help="An experiment; `swatlib experiments` lists them.")]
Folder = Annotated[Path | None, folder_option("Folder of the records.")]


@app.command("list")
def list_records(
    experiment: Experiment,
    records: Folder = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False,
) -> None:
    """List the records of an experiment: what varies between them, and their single metrics."""
    from swatlib.records import iterate_records, jsonable

    found = list(iterate_records(records_folder(experiment, records)))
    if as_json:
        for record in found:
            fields = jsonable(dataclasses.asdict(record))
            typer.echo(json.dumps({"key": record.key} | fields, allow_nan=False))
        return
    values: dict[str, set[str]] = {}
    for record in found:
        for name, value in record.specification.items():
            values.setdefault(name, set()).add(str(value))
    varying = [name for name, seen in values.items() if len(seen) > 1]
    for record in found:
        parts = [f"{name}={record.specification.get(name)}" for name in varying]
        for name, value in record.metrics.items():
            if not isinstance(value, list | dict):
                parts.append(
                    f"{name}={value:.4g}" if isinstance(value, float) else f"{name}={value}"
                )
        typer.echo(f"{record.key}  {' '.join(parts)}  {record.seconds:.0f} s")
    typer.echo(f"{len(found)} records in {records_folder(experiment, records)}")


@app.command()
def show(
    key: Annotated[
        str, typer.Argument(help="A record's name or the beginning of it, or its path.")
    ],
    records: Annotated[
        Path | None,
        folder_option("Folder to look in, with all below it."),
    ] = None,
) -> None:
    """Show one record as JSON."""
    from swatlib.records import jsonable, read_record

    root = records if records is not None else records_root()
    path = Path(key)
    found = (
        [path] if path.is_file() else sorted(root.rglob(f"{key}*.json")) if key.isalnum() else []
    )
    names = {candidate.name for candidate in found}
    if len(names) != 1:
        reason = "no record is" if not names else f"{len(names)} records are"
        raise ValueError(f"key must name one record below {root}, {reason} called {key!r}")
    fields = jsonable(dataclasses.asdict(read_record(found[0])))
    typer.echo(json.dumps(fields, indent=1, allow_nan=False))


@app.command()
def verify(
    experiment: Experiment,
    sample: Annotated[int, typer.Option(help="How many records to train again.")] = 3,
    seed: Annotated[int, typer.Option(help="Of the choice of records.")] = 0,
    tolerance: Annotated[
        float, typer.Option(help="Allowed difference of a metric, e.g. in points of accuracy.")
    ] = 3.0,
    records: Folder = None,
) -> None:
    """Train a random sample of the records again and compare the metrics.

    On the machine that made the records every number comes out the same; elsewhere the single
    metrics must agree within the tolerance.
    """
    from swatlib.experiments.verify import verify as check

    folder = records_folder(experiment, records)
    verdicts = check(folder, sample, seed, tolerance=tolerance, report=report_verdict)
    summary(verdicts, tolerance)


def report_verdict(verdict: Verdict) -> None:
    """Print how a record compares with its run trained again, in one line."""
    word = "identical" if verdict.identical else "agrees" if verdict.agrees else "DIFFERS"
    pairs = [f"{n} {a} then, {b} now" for n, (a, b) in sorted(verdict.differences.items())]
    typer.echo("  ".join([verdict.key, word, *pairs]))


def summary(verdicts: Sequence[Verdict], tolerance: float) -> None:
    """Print how many records agree, and exit with 1 if one does not."""
    good = sum(verdict.agrees for verdict in verdicts)
    typer.echo(f"{good} of {len(verdicts)} agree within {tolerance:g}")
    if good < len(verdicts):
        raise typer.Exit(1)


@app.command()
def upgrade(
    experiment: Annotated[
        str | None, typer.Argument(help="An experiment; all of them if left out.")
    ] = None,
    records: Annotated[
        Path | None,
        folder_option("Folder of the records, with all below it."),
    ] = None,
) -> None:
    """Rewrite records of version 1 in place: they get a checksum and keep their names.

    Records of this version stay as they are. What is damaged is named and left alone.
    """
    from swatlib.records.upgrade import upgrade as rewrite

    folder = records_root() if experiment is None else records_folder(experiment)
    folder = folder if records is None else records
    upgraded, present, skipped = rewrite(folder)
    typer.echo(
        f"{upgraded} upgraded, {present} of this version already, {skipped} skipped in {folder}"
    )
    if skipped:
        raise typer.Exit(1)
