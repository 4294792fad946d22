"""Claims of Part II: every run they name exists or is declared, and both readings are there."""

from collections.abc import Iterator

import pytest

from swatlib.claims.claim import NOT_REPRODUCED, OPEN, Claim, Trained
from swatlib.claims.effect import DENSELY
from swatlib.claims.judge import judge
from swatlib.claims.scales import FULL
from swatlib.claims.sensitivity import BACKWARD, CLAIMS, FORWARD
from swatlib.experiments import EXPERIMENTS
from swatlib.training import Run

BY_NAME = {one.id: one for one in CLAIMS}
TRAINED = [one for one in CLAIMS if isinstance(one.decision, Trained)]


def runs(claim: Claim) -> Iterator[Run]:
    decision = claim.decision
    assert isinstance(decision, Trained)
    for scale in decision.scales:
        for effect in decision.effects:
            for ways in effect.sides:
                yield from (run for _, run in scale.runs(ways, 0))


@pytest.fixture(scope="module")
def declared() -> list[Run]:
    return [run for declare in EXPERIMENTS.values() for run in declare() if isinstance(run, Run)]


@pytest.mark.parametrize("claim", TRAINED, ids=lambda one: one.id)
def test_an_effect_is_declared_at_one_of_its_scales(claim: Claim, declared: list[Run]) -> None:
    """A claim may lack runs at its largest scale; it must be decidable at one of them."""
    decision = claim.decision
    assert isinstance(decision, Trained)
    complete = [
        scale.name
        for scale in decision.scales
        if all(
            run in declared
            for effect in decision.effects
            for ways in effect.sides
            for _, run in scale.runs(ways, 0)
        )
    ]
    assert complete


def test_what_nothing_declares_says_what_it_takes() -> None:
    for one in CLAIMS:
        if one.decision is None:
            assert judge(one).verdict == OPEN
            assert judge(one).missing == (one.needs,)


@pytest.mark.parametrize(
    ("published", "option"),
    [
        ("n-fwd-weights-beat-activations", {"matched": True}),
        ("n-fwd-act-high-sparsity-hurts", {"matched": True}),
        ("n-bwd-grad-sensitive", {"classifier_dense": True}),
        ("i-meprop-mnist-5", {"classifier_dense": True}),
    ],
)
def test_as_published_and_with_the_cause_removed_are_two_claims(
    published: str, option: dict[str, bool]
) -> None:
    suffix = "matched" if "matched" in option else "classifier-dense"
    assert all(not run.options for run in runs(BY_NAME[published]))
    sparse = [run for run in runs(BY_NAME[f"{published}-{suffix}"]) if run.method != "dense"]
    assert sparse
    assert all(run.options == option for run in sparse)


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
    assert {one.chapter for one in CLAIMS} == {FORWARD, BACKWARD}
    decision = BY_NAME["n-bwd-wa-robust-90"].decision
    assert isinstance(decision, Trained)
    assert decision.scales[0] is FULL
    assert decision.effects[0].second == DENSELY


def test_a_collapse_is_no_robustness() -> None:
    """Committed records: SAW at 90 % loses more than a point on full-size photographs."""
    found = judge(BY_NAME["n-bwd-wa-robust-90"])
    assert (found.verdict, found.grade) == (NOT_REPRODUCED, "A")
