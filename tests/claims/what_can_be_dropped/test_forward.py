"""Claims of the forward pass: the published reading and the other."""

from collections.abc import Iterator

import pytest

from swatlib.claims.claim import Claim, Trained
from swatlib.claims.what_can_be_dropped.forward import CLAIMS
from swatlib.training import Run

BY_NAME = {one.id: one for one in CLAIMS}


def runs(claim: Claim) -> Iterator[Run]:
    decision = claim.decision
    assert isinstance(decision, Trained)
    for scale in decision.scales:
        for effect in decision.effects:
            for ways in effect.sides:
                yield from (run for _, run in scale.runs(ways, 0))


@pytest.mark.parametrize(
    "published", ["n-fwd-weights-beat-activations", "n-fwd-act-high-sparsity-hurts"]
)
def test_as_published_and_with_the_cause_removed_are_two_claims(published: str) -> None:
    assert all(not run.options for run in runs(BY_NAME[published]))
    sparse = [run for run in runs(BY_NAME[f"{published}-matched"]) if run.method != "dense"]
    assert sparse
    assert all(run.options == {"matched": True} for run in sparse)
