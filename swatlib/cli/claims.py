"""``swatlib claims``: the papers' claims, what is known of each, and a check of the runs behind."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from swatlib.cli.places import EXECUTORS, folder_option, records_root

app = typer.Typer(
    help="List, show and judge the papers' claims, and train runs behind them again.",
    no_args_is_help=True,
)

Root = Annotated[
    Path | None, folder_option("Folder that holds a folder of records for each experiment.")
]
Names = Annotated[list[str] | None, typer.Argument(help="Claims; all of them if left out.")]


def _chosen(names: list[str] | None) -> list[Any]:
    from swatlib.claims.inventory import CLAIMS, claim

    return [claim(name) for name in names] if names else list(CLAIMS.values())


@app.command("list")
def list_claims(
    paper: Annotated[
        str | None, typer.Option(help="N, I or F: those of one paper.", show_default=False)
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option(
            help="exact, training, measurement or simulation: those of one kind.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """List the claims with where they stand in the papers; nothing is judged."""
    from swatlib import checks
    from swatlib.claims.claim import KINDS, PAPERS

    if paper is not None:
        checks.one_of("paper", paper, tuple(PAPERS))
    if kind is not None:
        checks.one_of("kind", kind, KINDS)
    found = [
        one for one in _chosen(None) if paper in (None, one.paper) and kind in (None, one.kind)
    ]
    for one in found:
        typer.echo(f"{one.id}  ({one.kind}; {PAPERS[one.paper]}, {one.place})  {one.statement}")
    typer.echo(f"{len(found)} claims")


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="A claim; `swatlib claims list` shows all.")],
    records: Root = None,
) -> None:
    """Show one claim: what the paper says, what we found at every scale, and what is missing."""
    from swatlib.claims.claim import PAPERS
    from swatlib.claims.judge import judge
    from swatlib.claims.show import ours, word

    (one,) = _chosen([name])
    found = judge(one, records or records_root())
    for line in (
        one.id,
        one.statement,
        f"paper: {one.says} ({PAPERS[one.paper]}, {one.place})",
        f"decided by: {one.needs}",
        *([f"stands for it here: {one.limits}"] if one.limits else []),
        *([f"its own evidence: {one.weakness}"] if one.weakness else []),
        f"verdict: {word(found)} (grade {found.grade})",
    ):
        typer.echo(line)
    for finding in (found, *found.others):
        typer.echo(f"{finding.scale or 'here'}: {finding.verdict} (grade {finding.grade})")
        for text in (ours(finding), finding.stands_on):
            if text:
                typer.echo(f"  {text}")
        for text in finding.missing:
            typer.echo(f"  missing: {text}")
    typer.echo(f"chapter: {one.chapter}")


@app.command()
def judge(
    names: Names = None,
    records: Root = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False,
) -> None:
    """Judge claims from the records there are: verdict, grade, our numbers and the paper's."""
    from collections import Counter

    from swatlib.claims.judge import judge as decide
    from swatlib.claims.show import ours, word

    count: Counter[str] = Counter()
    for one in _chosen(names):
        found = decide(one, records or records_root())
        count[f"{found.verdict} ({found.grade})"] += 1
        if as_json:
            fields = {
                "id": one.id,
                "verdict": found.verdict,
                "grade": found.grade,
                "ours": ours(found),
                "paper": one.says,
                "scale": found.scale,
                "stands_on": found.stands_on,
                "missing": found.missing,
                "chapter": one.chapter,
            }
            typer.echo(json.dumps(fields))
        else:
            typer.echo(f"{one.id}  {word(found)} ({found.grade})  {ours(found)}")
    if not as_json:
        typer.echo(", ".join(f"{number} {text}" for text, number in count.most_common()))


@app.command()
def rerun(
    names: Names = None,
    share: Annotated[float, typer.Option(help="Share of the runs behind them, in (0, 1].")] = 0.05,
    seed: Annotated[int, typer.Option(help="Of the choice of runs.")] = 0,
    tolerance: Annotated[
        float, typer.Option(help="Allowed difference of a metric, e.g. in points of accuracy.")
    ] = 3.0,
    executor: Annotated[str, typer.Option(help=f"{EXECUTORS}.")] = "sequential",
    records: Root = None,
) -> None:
    """Train a random share of the runs behind claims again and compare with their records.

    On the machine that made the records every number comes out the same; elsewhere the single
    metrics must agree within the tolerance.
    """
    from swatlib.claims.rerun import rerun as again
    from swatlib.cli.records import report_verdict, summary

    verdicts = again(
        _chosen(names),
        share,
        seed,
        records=records or records_root(),
        tolerance=tolerance,
        report=report_verdict,
        executor=executor,
    )
    summary(verdicts, tolerance)
