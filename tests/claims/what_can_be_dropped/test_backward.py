"""Claims of the backward pass: both readings, and each data set beside its own dense run."""

from collections.abc import Iterator

import pytest

from swatlib.claims.claim import NOT_REPRODUCED, Claim, Trained
from swatlib.claims.effect import DENSELY
from swatlib.claims.judge import judge
from swatlib.claims.scales import FULL
from swatlib.claims.what_can_be_dropped.backward import CHAPTER, CLAIMS
from swatlib.training import Run

BY_NAME = {one.id: one for one in CLAIMS}


def runs(claim: Claim) -> Iterator[Run]:
    decision = claim.decision
    assert isinstance(decision, Trained)
    for scale in decision.scales:
        for effect in decision.effects:
            for ways in effect.sides:
                yield from (run for _, run in scale.runs(ways, 0))


@pytest.mark.parametrize("published", ["n-bwd-grad-sensitive", "i-meprop-mnist-5"])
def test_as_published_and_with_the_cause_removed_are_two_claims(published: str) -> None:
    assert all(not run.options for run in runs(BY_NAME[published]))
    sparse = [
        run for run in runs(BY_NAME[f"{published}-classifier-dense"]) if run.method != "dense"
    ]
    assert sparse
    assert all(run.options == {"classifier_dense": True} for run in sparse)


def test_a_difference_of_data_sets_takes_each_from_its_own_dense_run() -> None:
    found = list(runs(BY_NAME["i-grad-harm-grows-classes"]))
    assert {(run.data, run.method) for run in found} == {
        (data, method)
        for data in ("cifar10-jpeg75", "tiny-imagenet-100")
        for method in ("dense", "backward-gradient")
    }
    decision = BY_NAME["i-grad-harm-grows-classes"].decision
    assert isinstance(decision, Trained)
    (effect,) = decision.effects
    points = {"dense": 50.0, "backward-gradient": 40.0}
    hard = {"dense": 50.0, "backward-gradient": 20.0}

    def accuracy(one: object) -> float:
        way = dict(one)  # type: ignore[call-overload]
        return (hard if way.get("data") else points)[way["method"]]

    up, down = effect.of_sides(accuracy)
    assert up - down == -20.0  # 30 points lost on a hundred classes, 10 on ten


def test_chapters_and_first_scales() -> None:
    assert {one.chapter for one in CLAIMS} == {CHAPTER}
    decision = BY_NAME["n-bwd-wa-robust-90"].decision
    assert isinstance(decision, Trained)
    assert decision.scales[0] is FULL
    assert decision.effects[0].second == DENSELY


def test_a_collapse_is_no_robustness() -> None:
    """Committed records: SAW at 90 % loses more than a point on full-size photographs."""
    found = judge(BY_NAME["n-bwd-wa-robust-90"])
    assert (found.verdict, found.grade) == (NOT_REPRODUCED, "A")
