"""A claim refuses what is no claim."""

from dataclasses import replace

import pytest
from claims_toys import SWAT, TOYS, toy_claim

from swatlib.claims.claim import KINDS, PAPERS, Trained
from swatlib.claims.effect import DENSELY, Effect

EFFECT = Effect("90 %", SWAT, DENSELY, "level", 1.0)
CLAIM = toy_claim(EFFECT)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"id": "N-Toy"}, "id must be small letters"),
        ({"id": "n toy"}, "id must be small letters"),
        ({"id": ""}, "id must not be empty"),
        ({"id": "f-toy"}, "id must begin with the paper's letter"),
        ({"paper": "X"}, "paper must be one of"),
        ({"kind": "guess"}, "kind must be one of"),
        ({"kind": "exact"}, "does not fit its kind"),
        ({"statement": ""}, "statement must not be empty"),
        ({"needs": ""}, "needs must not be empty"),
        ({"decision": lambda: ()}, "does not fit its kind"),
        ({"trained": "a network"}, "trained is said of a measurement only"),
    ],
)
def test_bad_claims(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(CLAIM, **change)


def test_a_decision_is_runs_or_a_function() -> None:
    with pytest.raises(TypeError, match="decision must be"):
        replace(CLAIM, decision=3)
    assert replace(CLAIM, decision=None).decision is None


def test_effects_and_scales_are_there_and_effects_have_names_of_their_own() -> None:
    with pytest.raises(ValueError, match="effects must not be empty"):
        Trained((), (TOYS,))
    with pytest.raises(ValueError, match="scales must not be empty"):
        Trained((EFFECT,), ())
    with pytest.raises(ValueError, match="names of their own"):
        Trained((EFFECT, EFFECT), (TOYS,))


def test_the_papers_and_kinds() -> None:
    assert set(PAPERS) == {"N", "I", "F"}
    assert set(KINDS) == {"exact", "training", "measurement", "simulation"}
