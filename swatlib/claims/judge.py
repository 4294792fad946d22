"""The one rule: a claim and the records give effect, interval, verdict and grade.

With a 95 % interval and the claim's margin an effect *differs* from zero if the interval excludes
it, is *equal within the margin* if the interval lies inside it, and is *undecided* otherwise: an
interval that merely contains zero supports nothing. The effects of a claim are one family, decided
with Holm's correction; the intervals shown are those of one effect alone. The verdict is that of
the first scale that decides; if the first scale of all is complete and undecided, that is said
beside it.

Grades: *exact* for what is proved, counted, simulated or measured without training; *A* for runs on
full-size photographs whose dense network works: on ten classes it reaches 85 %, on a hundred or
more it has converged; *B* for small scale; *open* for what is undecided.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from swatlib.checked import checked
from swatlib.claims.claim import (
    NOT_REPRODUCED,
    OPEN,
    REPRODUCED,
    SAME_DIRECTION,
    Claim,
    Trained,
)
from swatlib.claims.effect import AnyRun, Effect, Scale, Way, accuracy
from swatlib.claims.intervals import (
    CONFIDENCE,
    difference,
    differs,
    half_width,
    holm,
    inside,
    seeds_needed,
)
from swatlib.claims.quantity import MissingRecords, Quantity
from swatlib.records import Record, read_record, record_path
from swatlib.training import Run

RECORDS = Path(__file__).resolve().parents[2] / "data" / "records"
FULL_SIZE = {"pixels": 32, "train_images": 50_000, "test_accuracy": 85.0, "steps": 1_900}
CONVERGED = 1.0
"""Points that a dense network on a hundred classes gains less than with twice the epochs."""


@dataclass(frozen=True)
class Estimate:
    """What the runs say of one effect.

    Attributes
    ----------
    effect : Effect
    margin : float
        The effect's own, or its scale's: what is smaller makes no difference.
    mean, low, high : float
        In the effect's unit, with the 95 % interval over seeds.
    seeds : int
    paired : bool
        Whether the interval is that of paired differences.
    correlation : float
        Of the two sides over the seeds; NaN where one of them does not vary.
    diverged, runs : int
        Runs that diverged, of how many.
    needed : int
        Seeds that would decide it, at the mean and the spread seen.
    verdict : str
    """

    effect: Effect
    margin: float
    mean: float
    low: float
    high: float
    seeds: int
    paired: bool
    correlation: float
    diverged: int
    runs: int
    needed: int
    verdict: str


@dataclass(frozen=True)
class Finding:
    """What is known of a claim.

    Attributes
    ----------
    claim : Claim
    verdict : str
        "reproduced", "same direction", "not reproduced" or "open".
    grade : str
        "exact", "A", "B" or "open".
    scale : str
        Where the deciding runs are; empty without training.
    stands_on : str
        Dense accuracy, steps, seeds and runs, or what was counted.
    estimates : tuple of Estimate
    quantities : tuple of Quantity
    missing : tuple of str
        What is not there, named.
    others : tuple of Finding
        The same claim at its other scales.
    keys : tuple of str
        Names of the records behind it.
    """

    claim: Claim
    verdict: str
    grade: str
    scale: str = ""
    stands_on: str = ""
    estimates: tuple[Estimate, ...] = ()
    quantities: tuple[Quantity, ...] = ()
    missing: tuple[str, ...] = ()
    others: tuple[Finding, ...] = ()
    keys: tuple[str, ...] = field(default=(), repr=False)

    @property
    def larger(self) -> Finding | None:
        """The finding at the claim's first scale, if it is complete and yet decides nothing."""
        decision = self.claim.decision
        if not isinstance(decision, Trained) or self.scale == decision.scales[0].name:
            return None
        name = decision.scales[0].name
        complete = (one for one in self.others if one.estimates and not one.missing)
        return next((one for one in complete if one.scale == name), None)


@checked
def judge(claim: Claim, records: Path | str = RECORDS) -> Finding:
    """Return what the records say of a claim.

    Parameters
    ----------
    claim : Claim
    records : Path
        Folder with one folder of records for each experiment.

    Returns
    -------
    Finding
        With the verdict "open" where runs are missing or decide nothing; what is missing is named.
    """
    decision = claim.decision
    if decision is None:
        return Finding(claim, OPEN, OPEN, missing=(claim.needs,))
    if isinstance(decision, Trained):
        return _trained(claim, decision, Path(records))
    try:
        quantities = tuple(decision())
    except MissingRecords as error:
        return Finding(claim, OPEN, OPEN, missing=(str(error),))
    verdict = worst([_of_quantity(quantity) for quantity in quantities])
    # A measurement on small trained networks is no better than any other run at that scale.
    grade = "B" if claim.trained else "exact"
    return Finding(claim, verdict, grade, stands_on=claim.trained, quantities=quantities)


def _of_quantity(quantity: Quantity) -> str:
    if quantity.holds:
        return REPRODUCED
    return SAME_DIRECTION if quantity.direction else NOT_REPRODUCED


def worst(verdicts: Sequence[str]) -> str:
    """Return the verdict of a whole from those of its parts: all parts must hold."""
    order = (NOT_REPRODUCED, OPEN, SAME_DIRECTION, REPRODUCED)
    return min(verdicts, key=order.index)


def _trained(claim: Claim, decision: Trained, root: Path) -> Finding:
    found = [_at(claim, decision, scale, root) for scale in decision.scales]
    # The most telling scale that decides; else the most telling one with runs.
    decided = [one for one in found if one.verdict != OPEN]
    tried = [one for one in found if one.estimates]
    best = [*decided, *tried, *found][0]
    return replace(best, others=tuple(one for one in found if one is not best))


def _at(claim: Claim, decision: Trained, scale: Scale, root: Path) -> Finding:
    """Judge at one scale; an effect whose runs are missing leaves it open, if no other refutes."""
    index = _Index(scale, root)
    absent = {
        effect.name: [
            run
            for seed in scale.seeds
            for run in index.needed((effect,), seed)
            if index.record(run) is None
        ]
        for effect in decision.effects
    }
    effects = [effect for effect in decision.effects if not absent[effect.name]]
    named = _named(run for runs in absent.values() for run in runs)
    if not effects:
        return Finding(claim, OPEN, OPEN, scale.name, missing=named)
    seeds = [
        seed
        for seed in (*scale.seeds, *scale.more)
        if all(index.record(run) for run in index.needed(effects, seed))
    ]
    estimates = _estimates(effects, index, seeds)
    verdict = worst([estimate.verdict for estimate in estimates] + [OPEN] * bool(named))
    used = index.records(run for seed in seeds for run in index.needed(effects, seed))
    grade, stands_on = _ground(used, effects, seeds, index)
    return Finding(
        claim,
        verdict,
        OPEN if verdict == OPEN else grade,
        scale.name,
        stands_on,
        estimates,
        missing=named,
        keys=tuple(record.key for record in used),
    )


@cache
def _read(path: Path, _: int) -> Record | None:
    try:
        return read_record(path)
    except (ValueError, OSError) as error:
        warnings.warn(f"no good: {error}", stacklevel=2)
        return None


class _Index:
    """The records of a scale's experiments, by run."""

    def __init__(self, scale: Scale, root: Path) -> None:
        self.scale = scale
        self.folders = [root / name for name in scale.experiments]

    def needed(self, effects: Sequence[Effect], seed: int) -> Iterator[AnyRun]:
        for effect in effects:
            ways = tuple(one for side in effect.sides for one in side)
            yield from (run for _, run in self.scale.runs(ways, seed))

    def record(self, run: AnyRun) -> Record | None:
        for folder in self.folders:
            path = record_path(folder, run)
            if path.is_file() and (found := _read(path, path.stat().st_mtime_ns)) is not None:
                return found
        return None

    def records(self, runs: Iterable[AnyRun]) -> list[Record]:
        """Return the records there are, each once."""
        found = (self.record(run) for run in runs)
        return list({record.key: record for record in found if record is not None}.values())

    def value(self, one: Way, seed: int, effect: Effect) -> float:
        found = self.records(run for _, run in self.scale.runs((one,), seed))
        return float(np.mean([effect.metric(record) for record in found]))


def _named(runs: Iterable[AnyRun]) -> tuple[str, ...]:
    """Name runs, those that differ in their seed only in one line."""
    seeds: dict[str, list[int]] = {}
    for run in runs:
        parts = [run.method, f"{run.sparsity:g}" if run.sparsity else ""]
        parts += [f"{name}={value}" for name, value in run.options.items()]
        depth = getattr(run, "depth", None)
        parts += [f"depth={depth}" if depth is not None else "", getattr(run, "network", "")]
        line = f"{' '.join(part for part in parts if part)} on {run.data}"
        found = seeds.setdefault(line, [])
        if run.seed not in found:
            found.append(run.seed)
    return tuple(f"{line}, seeds {', '.join(map(str, one))}" for line, one in seeds.items())


def _estimates(
    effects: Sequence[Effect], index: _Index, seeds: Sequence[int]
) -> tuple[Estimate, ...]:
    raw = [_estimate(effect, index, seeds) for effect in effects]
    apart = holm([one["differs"] for one in raw])
    equal = holm([one["equals"] for one in raw])
    return tuple(
        Estimate(
            effect,
            **{name: one[name] for name in Estimate.__annotations__ if name in one},
            verdict=_verdict(
                effect.expected, one["margin"], one["mean"], apart[i], equal[i], one["target"]
            ),
        )
        for i, (effect, one) in enumerate(zip(effects, raw, strict=True))
    )


def _estimate(effect: Effect, index: _Index, seeds: Sequence[int]) -> dict[str, Any]:
    pairs = np.array(
        [effect.of_sides(lambda one, s=seed: index.value(one, s, effect)) for seed in seeds]  # type: ignore[misc]
    )
    mean, error, freedom, paired, correlation = difference(pairs[:, 0], pairs[:, 1])
    half = half_width(error, freedom)
    used = index.records(run for seed in seeds for run in index.needed((effect,), seed))
    target = effect.expected if isinstance(effect.expected, float) else 0.0
    margin = index.scale.margin if effect.margin is None else effect.margin
    enough = _to_tell(effect.expected, margin, mean)
    return {
        "margin": margin,
        "mean": mean,
        "low": mean - half,
        "high": mean + half,
        "seeds": len(seeds),
        "paired": paired,
        "correlation": correlation,
        "diverged": sum(bool(one.metrics.get("diverged")) for one in used),
        "runs": len(used),
        "needed": seeds_needed(error * math.sqrt(len(seeds)), enough),
        "differs": differs(mean, error, freedom),
        "equals": inside(mean - target, margin, error, freedom),
        "target": differs(mean - target, error, freedom),
    }


def _to_tell(expected: str | float, margin: float, mean: float) -> float:
    """Return half the length of the interval that decides an effect with this mean."""
    if isinstance(expected, float):
        return abs(margin - abs(mean - expected))
    equal = margin - abs(mean)
    differs = abs(mean) if equal < 0 or expected in ("above", "below") else 0.0
    return max(equal, differs)


def _verdict(
    expected: str | float, margin: float, mean: float, differs: float, equals: float, off: float
) -> str:
    """Return the verdict of an effect from its adjusted p of differing and of being equal.

    ``off`` is the p of differing from the paper's number, where it gives one.
    """
    alpha = 1 - CONFIDENCE
    apart, equal = differs <= alpha, equals <= alpha
    if isinstance(expected, float):
        if equal:
            return REPRODUCED
        if off <= alpha and abs(mean - expected) > margin:
            same = apart and mean * expected > 0
            return SAME_DIRECTION if same else NOT_REPRODUCED
        return OPEN
    if expected in ("level", "not below"):
        if equal or (expected == "not below" and apart and mean > 0):
            return REPRODUCED
        return NOT_REPRODUCED if apart and abs(mean) > margin else OPEN
    right = mean > 0 if expected == "above" else mean < 0
    if apart and right:
        return REPRODUCED if abs(mean) > margin else SAME_DIRECTION
    return NOT_REPRODUCED if apart or equal else OPEN


def _ground(
    used: Sequence[Record], effects: Sequence[Effect], seeds: Sequence[int], index: _Index
) -> tuple[str, str]:
    """Return the grade of runs and what they stand on, in words."""
    scale, first = index.scale, used[0]
    steps = first.specification["epochs"] * math.ceil(
        first.metrics["train_images"] / first.specification["batch_size"]
    )
    dense = index.records(run for seed in seeds for run in scale.dense(seed))
    reached = float(np.mean([scale.reached(one) for one in dense])) if dense else math.nan
    runs = (run for seed in seeds for run in (*scale.dense(seed), *index.needed(effects, seed)))
    gain = _gain_of_more_epochs(runs, index)
    classes = {one.data["classes"] if one.data else 0 for one in used}
    full = (
        all(
            one.metrics["pixels"] >= FULL_SIZE["pixels"]
            and one.metrics["train_images"] >= FULL_SIZE["train_images"]
            and one.specification.get("flips")
            and one.specification.get("shifts")
            for one in used
        )
        and all(one == 10 or one >= 100 for one in classes)
        and (10 not in classes or reached >= FULL_SIZE["test_accuracy"])
        and (max(classes) < 100 or gain < CONVERGED)
        and steps >= FULL_SIZE["steps"]
        and len(seeds) >= 3
    )
    baseline = f"dense {reached:.1f} {scale.unit}" if dense else ""
    if not math.isnan(gain):
        baseline += f" ({gain:+.1f} with twice the epochs)"
    counted = f"{steps:,} steps, {len(seeds)} seeds, {len(used)} runs"
    return "A" if full else "B", ", ".join(part for part in (baseline, counted) if part)


def _gain_of_more_epochs(runs: Iterable[AnyRun], index: _Index) -> float:
    """Return what dense runs on a hundred classes gain with twice the epochs; NaN if not run."""
    gains = {}
    for run in runs:
        found = index.record(run)
        if not isinstance(run, Run) or run.method != "dense" or found is None:
            continue
        longer = index.record(replace(run, epochs=2 * run.epochs))
        if found.data and found.data["classes"] >= 100 and longer is not None:
            gains[found.key] = accuracy(longer) - accuracy(found)
    return float(np.mean([*gains.values()])) if gains else math.nan
