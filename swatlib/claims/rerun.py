"""Train a random share of the runs behind the claims again and compare."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from functools import partial
from pathlib import Path

from swatlib import checks
from swatlib.checked import checked
from swatlib.claims.claim import Claim
from swatlib.claims.judge import RECORDS, judge
from swatlib.experiments.verify import TOLERANCE, Verdict, verify_records
from swatlib.records import Record, read_record
from swatlib.records.sweep import Train


@checked(claims=None)
def behind(claims: Iterable[Claim], records: Path | str = RECORDS) -> list[Record]:
    """Return the records of training runs behind claims, each once, in the order of their names."""
    found = [judge(claim, records) for claim in claims]
    keys = {key for one in found for finding in (one, *one.others) for key in finding.keys}
    paths = {path.stem: path for path in Path(records).rglob("*.json") if path.stem in keys}
    return [read_record(paths[key]) for key in sorted(paths)]


@checked(claims=None, share=partial(checks.number, above=0, most=1), executor=None)
def rerun(
    claims: Iterable[Claim],
    share: float,
    seed: int = 0,
    *,
    records: Path | str = RECORDS,
    tolerance: float = TOLERANCE,
    train: Train | None = None,
    report: Callable[[Verdict], None] | None = None,
    executor: str | Executor = "sequential",
) -> list[Verdict]:
    """Train a random share of the runs behind claims again and compare with their records.

    Parameters
    ----------
    claims : iterable of Claim
    share : float
        In (0, 1], of the records behind them; at least one run.
    seed : int
        Of the choice.
    records : Path
        Folder with one folder of records for each experiment.
    tolerance, train, report
        See :func:`swatlib.experiments.verify.verify`.
    executor : str or Executor
        Where they are trained, see :func:`swatlib.records.executors.open_executor`.

    Raises
    ------
    ValueError
        If no record is behind the claims.
    """
    every = behind(claims, records)
    if not every:
        raise ValueError(f"no records of training runs behind the claims in {records}")
    chosen = random.Random(seed).sample(every, math.ceil(share * len(every)))
    return verify_records(
        chosen, tolerance=tolerance, train=train, report=report, executor=executor
    )
