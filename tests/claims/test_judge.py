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
from swatlib.claims.effect import DENSELY, Effect, Way, way
from swatlib.claims.judge import difference, judge, seeds_needed, worst
from swatlib.claims.quantity import MissingRecords, Quantity, close
from swatlib.detection.training import DetectionRun
from swatlib.records import Record
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


def test_welch_where_pairing_does_not_help() -> None:
    first, second = np.array([1.0, 2.0, 3.0]), np.array([3.0, 2.0, 0.5])
    mean, error, freedom, paired, correlation = difference(first, second)
    assert not paired
    assert correlation < 0
    reference = stats.ttest_ind(first, second, equal_var=False)
    assert mean / error == pytest.approx(reference.statistic)
    assert freedom == pytest.approx(reference.df)
    assert difference(first, first + 0.1)[3]


def test_seeds_needed() -> None:
    n = seeds_needed(0.5, 0.33)
    assert stats.t.ppf(0.975, n - 1) * 0.5 / math.sqrt(n) <= 0.33
    assert stats.t.ppf(0.975, n - 2) * 0.5 / math.sqrt(n - 1) > 0.33
    assert seeds_needed(0.0, 1.0) == 2
    assert seeds_needed(1e6, 1.0) == 1000
    assert seeds_needed(0.1, 0.0) == 1000


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
    assert "1 of 6 runs diverged" in finding.ours


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


def exact(*quantities: Quantity) -> Claim:
    return Claim("n-count", "N", "Table 0", "It adds up.", "1", "exact", "toys", "a count", None)


def test_quantities_decide_without_runs() -> None:
    def decided(*quantities: Quantity) -> rule.Finding:
        return judge(replace(exact(), decision=lambda: quantities))

    good, sign, bad = close("", 1.0, 1.1, 0.2), close("", 1.0, 3.0, 0.2), close("", -1.0, 3.0, 0.2)
    assert (decided(good).verdict, decided(good).grade) == (REPRODUCED, "exact")
    assert decided(good, sign).verdict == SAME_DIRECTION
    assert decided(good, bad).verdict == NOT_REPRODUCED
    assert decided(good).ours == "1"


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
