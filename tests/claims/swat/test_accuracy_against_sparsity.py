"""Claims about accuracy have the paper's numbers and find their runs."""

import pytest

from swatlib.claims.claim import Trained
from swatlib.claims.effect import Scale
from swatlib.claims.scales import BOTH, FULL, HUNDRED
from swatlib.claims.swat import accuracy_against_sparsity
from swatlib.experiments import EXPERIMENTS

CLAIMS = {claim.id: claim for claim in accuracy_against_sparsity.CLAIMS}


def test_numbers_of_the_papers() -> None:
    assert (
        CLAIMS["n-t2-u-accuracy"].says == "VGG-16 -1.35, WRN-16-8 +0.03, DenseNet-121 +0.02 points"
    )
    assert CLAIMS["n-t3-u-accuracy"].says == "80 %: -1.6, 90 %: -4.7 points"
    assert "-2.1 against -1.6" in CLAIMS["n-t3-wrn-accuracy"].says
    decision = CLAIMS["n-t2-u-accuracy"].decision
    assert isinstance(decision, Trained)
    assert {e.name: e.expected for e in decision.effects}["plain"] == -1.35


def scales() -> list[tuple[str, Scale]]:
    return [
        (claim.id, scale)
        for claim in accuracy_against_sparsity.CLAIMS
        if isinstance(claim.decision, Trained)
        for scale in claim.decision.scales
        if scale not in (FULL, HUNDRED, BOTH)
    ]


@pytest.mark.parametrize(
    ("name", "scale"), scales(), ids=lambda value: getattr(value, "name", value)
)
def test_small_scales_find_their_dense_runs_and_most_others(name: str, scale: Scale) -> None:
    declared = [run for topic in scale.experiments for run in EXPERIMENTS.get(topic, list)()]
    assert all(run in declared for run in scale.dense(0))
    decision = CLAIMS[name].decision
    assert isinstance(decision, Trained)
    ways = [one for effect in decision.effects for side in effect.sides for one in side]
    found = [run in declared for _, run in scale.runs(tuple(ways), 0)]
    assert sum(found) >= len(found) / 2
