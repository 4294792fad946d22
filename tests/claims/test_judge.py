"""The rule of judgement: three outcomes, pairing, families, what is missing, grades."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from claims_toys import BASE, SWAT, TOYS, toy_claim, write
from scipy import stats

from swatlib.claims import judge as rule
from swatlib.claims.claim import NOT_REPRODUCED, OPEN, REPRODUCED, SAME_DIRECTION, Claim
from swatlib.claims.effect import DENSELY, Effect, Scale, Way, way
from swatlib.claims.intervals import seeds_needed
from swatlib.claims.judge import judge, worst
from swatlib.claims.quantity import MissingRecords, Quantity, close
from swatlib.claims.show import ground, ours
from swatlib.detection.training import DetectionRun
from swatlib.records import Record
from swatlib.records import sweep as sweeps
from swatlib.records.sweep import sweep
from swatlib.training import DENSE, Run

DRIFT = (0.0, 1.0, -0.5)  # of seeds, the same for both sides: pairing takes it away


def runs(one: Way, seeds: tuple[int, ...] = (0, 1, 2)) -> list[Run]:
    return [replace(BASE, **(DENSE | dict(one)), seed=seed) for seed in seeds]


def found(
    root: Path,
    effects: dict[float, tuple[float, ...]],
    expected: str | float,
    margin: float = 1.0,
) -> rule.Finding:
    """Judge a claim on SWAT at the sparsities, each with its differences from dense by seed."""
    seeds = tuple(range(len(next(iter(effects.values())))))
    every = runs(DENSELY, seeds)
    for sparsity in effects:
        every += runs(way("swat", sparsity), seeds)

    def accuracy(run: Run) -> float:
        lost = effects[run.sparsity][run.seed] if run.method == "swat" else 0.0
        return 90 + DRIFT[run.seed % 3] + lost

    write(root, accuracy, every)
    return judge(
        toy_claim(
            *[
                Effect(f"{sparsity:.0%}", way("swat", sparsity), DENSELY, expected, margin)
                for sparsity in effects
            ]
        ),
        root,
    )


@pytest.mark.parametrize(
    ("lost", "expected", "verdict"),
    [
        ((-3.0, -3.1, -2.9), "below", REPRODUCED),
        ((-3.0, -3.1, -2.9), "above", NOT_REPRODUCED),
        ((-3.0, -3.1, -2.9), "level", NOT_REPRODUCED),
        ((-3.0, -3.1, -2.9), "not below", NOT_REPRODUCED),
        ((3.0, 3.1, 2.9), "not below", REPRODUCED),
        ((-0.1, 0.1, 0.0), "level", REPRODUCED),
        ((-0.1, 0.1, 0.0), "below", NOT_REPRODUCED),
        ((-0.3, -0.35, -0.25), "below", SAME_DIRECTION),
        ((-0.3, -0.35, -0.25), "level", REPRODUCED),
        ((-2.0, 2.0, 0.5), "level", OPEN),
        ((-2.0, 2.0, 0.5), "below", OPEN),
        ((-3.0, -3.1, -2.9), -3.5, REPRODUCED),
        ((-3.0, -3.1, -2.9), -6.0, SAME_DIRECTION),
        ((-3.0, -3.1, -2.9), 0.5, NOT_REPRODUCED),
        ((-8.0, -1.0, -3.0), -3.5, OPEN),
    ],
)
def test_outcomes(
    tmp_path: Path, lost: tuple[float, ...], expected: str | float, verdict: str
) -> None:
    finding = found(tmp_path, {0.9: lost}, expected)
    assert finding.verdict == verdict
    assert finding.grade == ("open" if verdict == OPEN else "B")
    (estimate,) = finding.estimates
    assert estimate.mean == pytest.approx(np.mean(lost))
    low, high = stats.t.interval(0.95, 2, np.mean(lost), stats.sem(lost))
    assert (estimate.low, estimate.high) == pytest.approx((low, high))
    assert estimate.paired
    assert estimate.runs == 6


def test_an_interval_that_contains_zero_supports_nothing(tmp_path: Path) -> None:
    assert found(tmp_path, {0.9: (-2.0, 2.0, 0.5)}, "level").verdict == OPEN


def test_a_family_is_decided_with_holms_correction(tmp_path: Path) -> None:
    # Each alone differs (p about 0.04), two at once do not.
    lost = (-2.0, -3.3, -1.7)
    assert stats.ttest_1samp(lost, 0).pvalue < 0.05 < 2 * stats.ttest_1samp(lost, 0).pvalue
    assert found(tmp_path / "a", {0.9: lost}, "below").verdict == REPRODUCED
    assert found(tmp_path / "b", {0.9: lost, 0.8: lost}, "below").verdict == OPEN


def test_all_effects_must_hold(tmp_path: Path) -> None:
    lost, kept = (-3.0, -3.1, -2.9), (-0.1, 0.1, 0.0)
    finding = found(tmp_path, {0.9: lost, 0.8: kept}, "level")
    assert finding.verdict == NOT_REPRODUCED
    assert [estimate.verdict for estimate in finding.estimates] == [NOT_REPRODUCED, REPRODUCED]


@pytest.mark.parametrize(
    ("expected", "mean", "half"),
    [
        ("level", 0.8, 0.2),  # to lie inside the margin
        ("level", 1.2, 1.2),  # to exclude zero
        ("below", -0.8, 0.8),
        ("below", -0.1, 0.9),
        (-2.0, -2.7, 0.3),
    ],
)
def test_what_would_decide_depends_on_the_mean(
    tmp_path: Path, expected: str | float, mean: float, half: float
) -> None:
    lost = (mean - 0.5, mean + 0.5, mean)
    (estimate,) = found(tmp_path, {0.9: lost}, expected).estimates
    assert estimate.needed == seeds_needed(float(np.std(lost, ddof=1)), half)


def test_averages_are_taken_within_a_seed(tmp_path: Path) -> None:
    # Two sparsities whose losses cancel in every seed: three observations without any spread.
    lost = {0.8: (1.0, 2.0, 3.0), 0.9: (-1.0, -2.0, -3.0)}
    every = [*runs(DENSELY), *runs(way("swat", 0.8)), *runs(way("swat", 0.9))]
    write(tmp_path, lambda r: 90 + (lost[r.sparsity][r.seed] if r.sparsity else 0), every)
    both = (way("swat", 0.8), way("swat", 0.9))
    finding = judge(toy_claim(Effect("both", both, DENSELY, "level", 1.0)), tmp_path)
    (estimate,) = finding.estimates
    assert estimate.seeds == 3
    assert (estimate.low, estimate.high) == pytest.approx((0, 0), abs=1e-9)


def test_difference_of_differences(tmp_path: Path) -> None:
    deep = {"depth": 20}
    every = [
        *runs(DENSELY),
        *runs(SWAT),
        *runs(DENSELY | deep),
        *runs(SWAT | deep),
    ]
    write(
        tmp_path,
        lambda r: 90 + DRIFT[r.seed] - (r.method == "swat") * (5 if r.depth else 2) + r.seed * 1e-3,
        every,
    )
    shallow = Effect("8 layers", SWAT, DENSELY, "below", 1.0)
    both = Effect("20 less 8", SWAT | deep, DENSELY | deep, "below", 1.0, less=shallow)
    (estimate,) = judge(toy_claim(both), tmp_path).estimates
    assert estimate.mean == pytest.approx(-3)
    assert estimate.verdict == REPRODUCED


def test_a_diverged_run_counts_at_chance_and_is_counted(tmp_path: Path) -> None:
    write(tmp_path, lambda r: 90.0, [*runs(DENSELY), *runs(SWAT, (0, 1))])
    write(tmp_path, lambda r: 3.0, runs(SWAT, (2,)), diverged=True)
    finding = judge(toy_claim(Effect("90 %", SWAT, DENSELY, "level", 1.0)), tmp_path)
    (estimate,) = finding.estimates
    assert (estimate.diverged, estimate.runs) == (1, 6)
    assert estimate.mean == pytest.approx(-80 / 3)  # ten classes, as the digits have
    assert "1 of 6 runs diverged" in ours(finding)


def test_missing_runs_are_named_and_leave_it_open(tmp_path: Path) -> None:
    write(tmp_path, lambda r: 90.0, [*runs(DENSELY), *runs(SWAT, (0, 1))])
    finding = judge(toy_claim(Effect("90 %", SWAT, DENSELY, "level", 1.0)), tmp_path)
    assert (finding.verdict, finding.grade) == (OPEN, OPEN)
    assert finding.missing == ("swat 0.9 small_resnet on digits, seeds 2",)
    assert judge(toy_claim(Effect("", SWAT, DENSELY, "level", 1.0)), tmp_path / "no").missing


def test_a_damaged_record_is_no_record(tmp_path: Path) -> None:
    write(tmp_path, lambda r: 90.0, [*runs(DENSELY), *runs(SWAT)])
    path = next((tmp_path / "toys").iterdir())
    path.write_text(path.read_text().replace("90", "91", 1))
    with pytest.warns(UserWarning, match="no good"):
        finding = judge(toy_claim(Effect("90 %", SWAT, DENSELY, "level", 1.0)), tmp_path)
    assert finding.verdict == OPEN
    assert len(finding.missing) == 1


def test_further_seeds_count_where_all_runs_have_them(tmp_path: Path) -> None:
    write(tmp_path, lambda r: 90.0, [*runs(DENSELY, (0, 1, 2, 3, 4)), *runs(SWAT, (0, 1, 2, 3))])
    finding = judge(toy_claim(Effect("90 %", SWAT, DENSELY, "level", 1.0)), tmp_path)
    assert finding.estimates[0].seeds == 4


def test_the_most_telling_scale_that_decides_gives_the_verdict(tmp_path: Path) -> None:
    write(tmp_path, lambda r: 90.0 - 5 * bool(r.sparsity), [*runs(DENSELY), *runs(SWAT)])
    empty = replace(TOYS, name="empty", experiments=("nothing",))
    effect = Effect("90 %", SWAT, DENSELY, "below", 1.0)
    finding = judge(toy_claim(effect, scales=(empty, TOYS)), tmp_path)
    assert (finding.scale, finding.verdict) == ("toys", REPRODUCED)
    assert [other.scale for other in finding.others] == ["empty"]


def test_a_first_scale_that_is_complete_and_undecided_is_said(tmp_path: Path) -> None:
    large = replace(TOYS, name="large", bases=(replace(BASE, width=16),))
    effect = Effect("90 %", SWAT, DENSELY, "below", 1.0)
    claim = toy_claim(effect, scales=(large, TOYS))
    write(tmp_path, lambda r: 90.0 - 5 * bool(r.sparsity), [*runs(DENSELY), *runs(SWAT)])
    assert judge(claim, tmp_path).larger is None  # nothing of it was run
    every = [replace(run, width=16) for one in (DENSELY, SWAT) for run in runs(one)]
    write(tmp_path, lambda r: 90.0 - (r.seed - 1) * bool(r.sparsity), every[:-1])
    assert judge(claim, tmp_path).larger is None  # a run is missing
    write(tmp_path, lambda r: 90.0 - (r.seed - 1) * bool(r.sparsity), every)
    found = judge(claim, tmp_path)
    assert (found.scale, found.verdict, found.grade) == ("toys", REPRODUCED, "B")
    assert found.larger is not None
    assert (found.larger.scale, found.larger.verdict) == ("large", OPEN)
    low, high = stats.t.interval(0.95, 2, 0, 1 / math.sqrt(3))
    assert (
        f"large, complete (dense 90.0 %, 120 steps, 3 seeds, 6 runs): 90 %: +0.00 [{low:+.2f}"
        in (ground(found))
    )
    assert f"{high:+.2f}] points, undecided: " in ground(found)
    # A first scale that decides is the verdict itself.
    assert judge(toy_claim(effect, scales=(TOYS, large)), tmp_path).larger is None


def test_the_scale_has_a_margin_and_an_effect_may_have_its_own(tmp_path: Path) -> None:
    write(tmp_path, lambda r: 90.0 - 1.2 * bool(r.sparsity), [*runs(DENSELY), *runs(SWAT)])
    wide = replace(TOYS, margin=1.5)

    def decided(scale: Scale, margin: float | None) -> tuple[str, float]:
        found = judge(toy_claim(Effect("", SWAT, DENSELY, "level", margin), scales=(scale,)), root)
        return found.verdict, found.estimates[0].margin

    root = tmp_path
    assert decided(TOYS, None) == (NOT_REPRODUCED, 1.0)
    assert decided(wide, None) == (REPRODUCED, 1.5)
    assert decided(wide, 0.5) == (NOT_REPRODUCED, 0.5)
    assert decided(TOYS, 2.0) == (REPRODUCED, 2.0)


def full_size(root: Path, dense: float, **changed: object) -> str:
    base = replace(BASE, flips=True, shifts=3, epochs=16)
    scale = replace(TOYS, bases=(base,))
    every = [replace(base, **(DENSE | dict(o)), seed=s) for o in (DENSELY, SWAT) for s in range(3)]
    metrics = {"pixels": 32, "train_images": 50_000} | changed
    write(root, lambda r: dense - 5 * bool(r.sparsity), every, **metrics)
    effect = Effect("90 %", SWAT, DENSELY, "below", 1.0)
    finding = judge(toy_claim(effect, scales=(scale,)), root)
    assert finding.verdict == REPRODUCED
    return finding.grade


def test_grade_a_takes_full_size_and_a_dense_network_that_works(tmp_path: Path) -> None:
    assert full_size(tmp_path / "a", 86.0) == "A"
    assert full_size(tmp_path / "b", 84.9) == "B"
    assert full_size(tmp_path / "c", 86.0, pixels=16) == "B"
    assert full_size(tmp_path / "d", 86.0, train_images=10_000) == "B"


def hundred_classes(root: Path, gain: float | None) -> rule.Finding:
    """Judge on a hundred classes whose dense network gains so much with twice the epochs."""
    base = replace(BASE, data="tiny-imagenet-100", pixels=32, flips=True, shifts=3, epochs=16)
    scale = replace(TOYS, bases=(base,))
    every = [replace(base, **(DENSE | dict(o)), seed=s) for o in (DENSELY, SWAT) for s in range(3)]
    if gain is not None:
        every.append(replace(base, epochs=32))

    def accuracy(run: Run) -> float:
        return 55.0 - 5 * bool(run.sparsity) + (gain or 0) * (run.epochs == 32)

    write(root, accuracy, every, pixels=32, train_images=50_000)
    return judge(toy_claim(Effect("90 %", SWAT, DENSELY, "below"), scales=(scale,)), root)


@pytest.mark.parametrize(
    ("gain", "grade"), [(None, "B"), (1.4, "B"), (1.0, "B"), (0.6, "A"), (-0.5, "A")]
)
def test_grade_a_on_a_hundred_classes_takes_a_dense_network_that_has_converged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gain: float | None, grade: str
) -> None:
    monkeypatch.setattr(sweeps, "data_as_used", lambda run: {"name": "toys", "classes": 100})
    finding = hundred_classes(tmp_path, gain)
    assert (finding.verdict, finding.grade) == (REPRODUCED, grade)
    said = "" if gain is None else f" ({gain:+.1f} with twice the epochs)"
    assert finding.stands_on.startswith(f"dense 55.0 %{said}, ")


def exact(*quantities: Quantity) -> Claim:
    return Claim("n-count", "N", "Table 0", "It adds up.", "1", "exact", "toys", "a count", None)


def test_quantities_decide_without_runs() -> None:
    def decided(*quantities: Quantity) -> rule.Finding:
        return judge(replace(exact(), decision=lambda: quantities))

    good, sign, bad = close("", 1.0, 1.1, 0.2), close("", 1.0, 3.0, 0.2), close("", -1.0, 3.0, 0.2)
    assert (decided(good).verdict, decided(good).grade) == (REPRODUCED, "exact")
    assert decided(good, sign).verdict == SAME_DIRECTION
    assert decided(good, bad).verdict == NOT_REPRODUCED
    assert ours(decided(good)) == "1"


def test_a_measurement_on_networks_trained_at_small_scale_is_no_exact_one() -> None:
    found = replace(exact(), kind="measurement", decision=lambda: (close("", 1.0, 1.1, 0.2),))
    assert judge(found).grade == "exact"
    small = judge(replace(found, trained="digits, 3 seeds"))
    assert (small.verdict, small.grade, small.stands_on) == (REPRODUCED, "B", "digits, 3 seeds")


def test_without_a_decision_or_a_measurement_it_is_open() -> None:
    def missing() -> tuple[Quantity, ...]:
        raise MissingRecords("the measurement 'x'")

    assert judge(exact()).missing == ("a count",)
    finding = judge(replace(exact(), decision=missing))
    assert (finding.verdict, finding.missing) == (OPEN, ("the measurement 'x'",))


def test_worst() -> None:
    assert worst([REPRODUCED, SAME_DIRECTION]) == SAME_DIRECTION
    assert worst([REPRODUCED, OPEN]) == OPEN
    assert worst([OPEN, NOT_REPRODUCED]) == NOT_REPRODUCED


def test_detectors_are_judged_by_their_own_metric(tmp_path: Path) -> None:
    def precision(record: Record) -> float:
        return float(record.metrics["AP"])

    base = DetectionRun(width=8)
    scale = replace(TOYS, bases=(base,), reached=precision, unit="AP")
    sparse = way("fst", 0.5)
    dense = [replace(base, seed=seed) for seed in (0, 1, 2)]
    every = [*dense, *(replace(run, method="fst", sparsity=0.5) for run in dense)]

    def train(run: DetectionRun) -> dict[str, object]:
        lost = 3.0 if run.sparsity else 0.0
        return {"AP": 30.0 + DRIFT[run.seed] - lost, "train_images": 32, "pixels": 32}

    effect = Effect("AP", sparse, DENSELY, "below", 1.0, metric=precision)
    claim = toy_claim(effect, scales=(scale,))
    sweep(every[:-1], tmp_path / "toys", train)
    assert judge(claim, tmp_path).missing == ("fst 0.5 on scenes, seeds 2",)
    sweep(every, tmp_path / "toys", train)
    finding = judge(claim, tmp_path)
    assert (finding.verdict, finding.grade) == (REPRODUCED, "B")
    assert finding.stands_on == "dense 30.2 AP, 10 steps, 3 seeds, 6 runs"
