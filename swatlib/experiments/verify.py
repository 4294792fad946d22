"""Verify records: train a random sample of them again and compare.

On the machine and versions that made a record, with as many threads, training is deterministic and
every number comes out the same. Elsewhere sums are taken in another order, the last bits differ,
and training multiplies the difference: then the final metrics must agree within a tolerance.
"""

from __future__ import annotations

import concurrent.futures as futures
import dataclasses
import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch

from swatlib import checks
from swatlib.checked import checked, checked_fields
from swatlib.kernels.fastest import FAST, products
from swatlib.records import Record, iterate_records
from swatlib.records.executors import open_executor
from swatlib.records.sweep import Train, data_as_used, own_train
from swatlib.training.run import AT_THE_TOP, Run

TOLERANCE = 3.0


@dataclass(frozen=True)
class Verdict:
    """How a record compares with its run trained again.

    Attributes
    ----------
    key : str
        The record.
    identical : bool
        Every number of every epoch is the same.
    agrees : bool
        Every single metric, within dicts and tables too (lists by epoch aside), is the same, or a
        float that differs by no more than the tolerance.
    differences : dict
        ``name: (recorded, now)`` of the single metrics that are not the same.
    """

    key: str
    identical: bool
    agrees: bool
    differences: dict[str, tuple[Any, Any]]

    def __post_init__(self) -> None:
        checked_fields(self)


def _same(a: Any, b: Any) -> bool:
    """Compare like ``==``, with NaN equal to itself."""
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_same(a[name], b[name]) for name in a)
    if isinstance(a, list | tuple) and isinstance(b, list | tuple):
        return len(a) == len(b) and all(map(_same, a, b))
    both_nan = isinstance(a, float) and isinstance(b, float) and math.isnan(a) and math.isnan(b)
    return both_nan or bool(a == b)


def _near(a: Any, b: Any, tolerance: float) -> bool:
    """Allow floats to differ by the tolerance; integers, text and all else must be the same."""
    close = isinstance(a, float) and isinstance(b, float) and abs(a - b) <= tolerance
    return close or _same(a, b)


def _singles(metrics: dict[str, Any]) -> dict[str, Any]:
    """Return the single metrics, those within dicts and tables as ``NAME.INNER``."""
    found: dict[str, Any] = {}

    def add(name: str, value: Any) -> None:
        table = isinstance(value, list | tuple) and any(isinstance(row, dict) for row in value)
        if isinstance(value, dict) or table:
            for inner, item in value.items() if isinstance(value, dict) else enumerate(value):
                add(f"{name}.{inner}", item)
        elif not isinstance(value, list | tuple):
            found[name] = value

    for name, value in metrics.items():
        if name != "epochs":
            add(name, value)
    return found


@checked
def compare(record: Record, metrics: dict[str, Any], tolerance: float = TOLERANCE) -> Verdict:
    """Compare the metrics of a record with ``metrics``, see `Verdict`."""
    missing = object()
    differences = {}
    recorded, now = _singles(record.metrics), _singles(metrics)
    for name in recorded.keys() | now.keys():
        a, b = recorded.get(name, missing), now.get(name, missing)
        if not _same(a, b):
            differences[name] = (None if a is missing else a, None if b is missing else b)
    agrees = all(_near(a, b, tolerance) for a, b in differences.values())
    return Verdict(record.key, _same(record.metrics, metrics), agrees, differences)


@cache
def _kinds(declared: tuple[Callable[[], Sequence[Any]], ...]) -> tuple[Any, ...]:
    """Return the classes of the experiments' runs; kept, as declaring a large one is slow."""
    return tuple(dict.fromkeys(type(declare()[0]) for declare in declared))


@checked
def own_run(specification: dict[str, Any]) -> Any:
    """Return the library's run with these fields.

    Of the kinds of run that the experiments have, it is the smallest that knows all the fields.
    """
    from swatlib.experiments import EXPERIMENTS

    kinds = _kinds(tuple(EXPERIMENTS.values()))
    fields = {kind: {field.name for field in dataclasses.fields(kind)} for kind in kinds}
    fields[Run] |= set(AT_THE_TOP)
    fitting = [kind for kind in kinds if specification.keys() <= fields[kind]]
    if not fitting:
        raise ValueError(f"the specification fits no run of this version: {sorted(specification)}")
    kind = min(fitting, key=lambda kind: len(fields[kind]))
    try:
        return Run.of(specification) if kind is Run else kind(**specification)
    except TypeError as error:
        raise ValueError(f"the specification fits no run of this version: {error}") from error


@checked
def verify(
    folder: Path | str,
    sample: int | None = None,
    seed: int = 0,
    *,
    tolerance: float = TOLERANCE,
    train: Train | None = None,
    make_run: Callable[[dict[str, Any]], Any] = own_run,
    report: Callable[[Verdict], None] | None = None,
) -> list[Verdict]:
    """Train a random sample of the records of a folder again and compare.

    Parameters
    ----------
    folder : Path
        Of the records.
    sample : int, optional
        How many; all if None, or if there are no more.
    seed : int
        Of the choice of records.
    tolerance : float
        Allowed difference of a single metric, in its own unit: 3 points of accuracy by default. For
        a loss that is too wide to find a fault; there only `Verdict.identical` tells.
    train, make_run : callable
        ``train(make_run(specification)) -> metrics``; the library's own if not given.
    report : callable, optional
        Called with each verdict as soon as it is known.

    Raises
    ------
    ValueError
        If there is nothing to verify, or ``sample`` or ``tolerance`` is impossible, or the data set
        is not the one the record was made with.
    FileNotFoundError
        If the folder does not exist.
    """
    sample = checks.optional(checks.count)("sample", sample)
    records = list(iterate_records(Path(folder)))
    if not records:
        raise ValueError(f"records folder {folder} holds no records")
    if sample is not None and sample < len(records):
        records = random.Random(seed).sample(records, sample)
    return verify_records(
        records, tolerance=tolerance, train=train, make_run=make_run, report=report
    )


# An executor is whatever has a method submit, see `open_executor`.
@checked(executor=None)
def verify_records(
    records: Sequence[Record],
    *,
    tolerance: float = TOLERANCE,
    train: Train | None = None,
    make_run: Callable[[dict[str, Any]], Any] = own_run,
    report: Callable[[Verdict], None] | None = None,
    executor: str | futures.Executor = "sequential",
) -> list[Verdict]:
    """Train the runs of these records again and compare; parameters as in :func:`verify`.

    ``executor`` says where, see :func:`swatlib.records.executors.open_executor`; the verdicts are
    in the order of the records, and are reported as they come.
    """
    tolerance = checks.number("tolerance", tolerance, least=0)
    verdicts: dict[str, Verdict] = {}
    waiting = list(reversed(records))
    flying: dict[futures.Future[dict[str, Any]], Record] = {}
    with open_executor(executor) as (pool, size, _):
        while waiting or flying:
            while waiting and len(flying) < size:
                record = waiting.pop()
                run = make_run(record.specification)
                flying[pool.submit(_again, run, record, train or own_train())] = record
            for future in futures.wait(flying, return_when=futures.FIRST_COMPLETED).done:
                record = flying.pop(future)
                verdicts[record.key] = compare(record, future.result(), tolerance)
                if report is not None:
                    report(verdicts[record.key])
    return [verdicts[record.key] for record in records]


def _again(run: Any, record: Record, train: Train) -> dict[str, Any]:
    """Train the run of a record again, with the threads it had, where this is called."""
    if record.data is not None and (now := data_as_used(run)) != record.data:
        raise ValueError(
            f"record {record.key} was made with the data {record.data}, here are {now}"
        )
    threads = torch.get_num_threads()
    torch.set_num_threads(record.threads)
    try:
        with products(FAST):  # as it was made
            return train(run)
    finally:
        torch.set_num_threads(threads)
