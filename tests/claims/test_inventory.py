"""All claims are there once, and what they name exists."""

from pathlib import Path

import pytest
from claims_toys import SWAT, toy_claim

from swatlib.claims.claim import Claim, Trained
from swatlib.claims.effect import DENSELY, Effect
from swatlib.claims.inventory import CLAIMS, claim, collect
from swatlib.experiments import EXPERIMENTS

BOOK = Path(__file__).parents[2] / "book"
EVERY = [pytest.param(one, id=one.id) for one in CLAIMS.values()]


def test_two_claims_of_one_name_are_an_error() -> None:
    toy = toy_claim(Effect("90 %", SWAT, DENSELY, "level", 1.0))
    with pytest.raises(ValueError, match="'n-toy' is there twice"):
        collect([toy, toy])


def test_an_unknown_claim_is_named_with_those_near() -> None:
    with pytest.raises(ValueError, match=r"unknown claim 'n-bwd-wa-robus': .*n-bwd-wa-robust"):
        claim("n-bwd-wa-robus")
    assert claim("n-bwd-wa-robust").paper == "N"


@pytest.mark.parametrize("one", EVERY)
def test_its_chapter_is_in_the_book(one: Claim) -> None:
    assert (BOOK / f"{one.chapter}.ipynb").is_file()


@pytest.fixture(scope="module")
def declared() -> set[str]:
    return {
        repr(run) for declare in EXPERIMENTS.values() for run in declare() if hasattr(run, "method")
    }


@pytest.mark.parametrize(
    "one", [one for one in EVERY if isinstance(one.values[0].decision, Trained)]
)
def test_the_runs_that_decide_it_are_declared(one: Claim, declared: set[str]) -> None:
    """At one scale at least, so that a sweep can decide it."""
    decision = one.decision
    assert isinstance(decision, Trained)
    ways = tuple(w for effect in decision.effects for side in effect.sides for w in side)
    assert any(
        all(repr(run) in declared for seed in scale.seeds for _, run in scale.runs(ways, seed))
        for scale in decision.scales
    )
