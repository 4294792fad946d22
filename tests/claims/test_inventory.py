"""All claims are there once, and what they name exists."""

from importlib import import_module
from pathlib import Path

import pytest
from claims_toys import SWAT, toy_claim

from swatlib.claims.claim import OPEN, Claim, Trained
from swatlib.claims.effect import DENSELY, Effect
from swatlib.claims.inventory import CLAIMS, claim, collect
from swatlib.claims.judge import judge
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


def test_a_chapter_of_the_book_has_one_file_with_all_of_its_claims() -> None:
    """Part and chapter have the folder's and the file's name, without their numbers."""
    for chapter in {one.chapter for one in CLAIMS.values()}:
        part, name = (one.split("-", 1)[1].replace("-", "_") for one in chapter.split("/"))
        module = import_module(f"swatlib.claims.{part}.{name}")
        assert chapter == module.CHAPTER
        assert [one for one in CLAIMS.values() if one.chapter == chapter] == list(module.CLAIMS)


@pytest.mark.parametrize("one", [one for one in EVERY if one.values[0].decision is None])
def test_what_nothing_decides_is_open_and_says_what_it_takes(one: Claim) -> None:
    found = judge(one)
    assert (found.verdict, found.missing) == (OPEN, (one.needs,))


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
