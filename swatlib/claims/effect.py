"""What training runs decide: one difference between runs, and the scales they are run at.

The seed is the unit: whatever an effect averages over (sparsities, families, settings) it averages
within a seed, so that three seeds are three observations, however many runs there are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Any

from swatlib import checks
from swatlib.checked import checked, checked_fields
from swatlib.detection.training import DetectionRun
from swatlib.records import Record
from swatlib.training import DENSE, Run

Way = Mapping[str, Any]
"""Fields of a :class:`~swatlib.training.Run` that differ from the scale's dense run."""

AnyRun = Run | DetectionRun
"""What a scale can be made of: runs with a method, a sparsity, options and a seed."""

DIRECTIONS = ("above", "below", "level", "not below")


@checked(options=None)
def way(method: str, sparsity: float = 0.0, **options: Any) -> Way:
    """Return a way to train: a method at a sparsity with its options.

    >>> way("swat", 0.9, allocation="erk")
    {'method': 'swat', 'sparsity': 0.9, 'options': {'allocation': 'erk'}}
    """
    return {"method": method, "sparsity": sparsity, "options": options}


DENSELY: Way = way("dense")


def accuracy(record: Record) -> float:
    """Return the test accuracy after the last epoch in percent; a diverged run counts at chance."""
    if record.metrics.get("diverged"):
        return 100 / record.data["classes"] if record.data else 0.0
    return float(record.metrics["test_accuracy"])


@dataclass(frozen=True)
class Effect:
    """A difference of training runs: the mean of ``first`` minus the mean of ``second``.

    Parameters
    ----------
    name : str
        What tells it from the claim's other effects, such as "90 %".
    first, second : Way or tuple of Way
        Runs on either side; several are averaged within a seed.
    expected : str or float
        What the paper says of it: "above" or "below" zero, "level", "not below", or a number.
    margin : float, optional
        In the metric's unit, declared before the runs: what is smaller makes no difference. The
        scale's, if not given.
    less : Effect, optional
        An effect to take off this one, for a difference of differences.
    metric : callable
        What is read from a record: the test accuracy in percent, if not given.
    unit : str
        Of the metric.
    """

    name: str
    first: Way | tuple[Way, ...]
    second: Way | tuple[Way, ...]
    expected: str | float
    margin: float | None = None
    less: Effect | None = None
    metric: Callable[[Record], float] = accuracy
    unit: str = "points"

    def __post_init__(self) -> None:
        checked_fields(
            self,
            first=_side,
            second=_side,
            expected=_expected,
            margin=_margin,
        )

    @property
    def sides(self) -> tuple[tuple[Way, ...], tuple[Way, ...]]:
        """The ways that count up and those that count down, those of ``less`` included."""
        up, down = self.less.sides if self.less is not None else ((), ())
        return _ways(self.first) + down, _ways(self.second) + up

    def of_sides(self, value: Callable[[Way], float]) -> tuple[float, float]:
        """Return what counts up and what counts down, from the value of each way."""

        def mean(side: Way | tuple[Way, ...]) -> float:
            ways = _ways(side)
            return sum(map(value, ways)) / len(ways)

        up, down = mean(self.first), mean(self.second)
        if self.less is not None:
            less_up, less_down = self.less.of_sides(value)
            up, down = up + less_down, down + less_up
        return up, down


@checked(options=None)
def against_dense(
    method: str,
    sparsities: tuple[float, ...],
    expected: str | float,
    margin: float | None = None,
    *,
    label: str = "",
    **options: Any,
) -> tuple[Effect, ...]:
    """Return a method at each sparsity minus dense, each named by its sparsity.

    Parameters
    ----------
    method : str
    sparsities : tuple of float
    expected, margin
        Of each effect.
    label : str
        Stands before the sparsity, where a claim has several methods.
    **options
        Of the method.

    >>> [effect.name for effect in against_dense("saw", (0.5, 0.9), "level")]
    ['50 %', '90 %']
    """
    return tuple(
        Effect(f"{label}{100 * s:.0f} %", way(method, s, **options), DENSELY, expected, margin)
        for s in sparsities
    )


@dataclass(frozen=True)
class Scale:
    """Where a claim is tried: data, network and recipe, and the experiments with the records.

    Parameters
    ----------
    name : str
        As a reader is told, such as "CIFAR-10 at 32x32".
    bases : tuple of Run or DetectionRun
        The dense run of each family; families are averaged within a seed.
    experiments : tuple of str
        Folders of records, in which the runs are looked for.
    seeds : tuple of int
        All of them are needed.
    more : tuple of int
        Further seeds, which count where all runs of the claim have them.
    reached : callable
        What a dense run reaches, which stands beside every verdict: its test accuracy in percent,
        if not given.
    unit : str
        Of ``reached``.
    margin : float
        Of effects that have none of their own.
    """

    name: str
    bases: tuple[AnyRun, ...]
    experiments: tuple[str, ...]
    seeds: tuple[int, ...] = (0, 1, 2)
    more: tuple[int, ...] = (3, 4)
    reached: Callable[[Record], float] = accuracy
    unit: str = "%"
    margin: float = 1.0

    def __post_init__(self) -> None:
        checked_fields(self, margin=partial(checks.number, above=0))
        for name in ("bases", "experiments"):
            if not getattr(self, name):
                raise ValueError(f"{name} must not be empty")
        if len(self.seeds) < 2:
            raise ValueError(f"seeds must be two or more, got {self.seeds}")

    def runs(self, ways: tuple[Way, ...], seed: int) -> Iterator[tuple[Way, AnyRun]]:
        """Yield the runs of the ways with one seed, each family's."""
        for base in self.bases:
            dense = {name: value for name, value in DENSE.items() if hasattr(base, name)}
            for one in ways:
                yield one, replace(base, **(dense | dict(one)), seed=seed)

    def dense(self, seed: int) -> Iterator[AnyRun]:
        """Yield the dense runs with one seed."""
        yield from (run for _, run in self.runs((DENSELY,), seed))


def _ways(side: Way | tuple[Way, ...]) -> tuple[Way, ...]:
    return (side,) if isinstance(side, Mapping) else side


def _side(name: str, value: Any) -> Way | tuple[Way, ...]:
    names = {field.name for field in fields(Run)} - {"seed"}
    every = _ways(value)
    if not isinstance(every, tuple) or not every:
        raise ValueError(f"{name} must be a way or several, got {value!r}")
    for one in every:
        if not isinstance(one, Mapping) or not one.keys() <= names:
            raise ValueError(f"{name} must give fields of a run other than the seed, got {one!r}")
    return every[0] if len(every) == 1 else every


def _margin(name: str, value: Any) -> float | None:
    return None if value is None else checks.number(name, value, above=0)


def _expected(name: str, value: Any) -> str | float:
    if isinstance(value, str):
        return checks.one_of(name, value, allowed=DIRECTIONS)
    return checks.number(name, value)
