"""The verdicts on FST's time."""

import pytest

from swatlib.claims.claim import NOT_REPRODUCED, OPEN, REPRODUCED, SAME_DIRECTION
from swatlib.claims.fully_sparse_training import step_shares, what_it_costs
from swatlib.claims.judge import judge

CLAIMS = {claim.id: claim for claim in what_it_costs.CLAIMS}


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ("f-24-doubles-gemm", OPEN),
        ("f-x-12000-times-w", REPRODUCED),
        ("f-sort-w-cheap", REPRODUCED),
        ("f-fst-2x", SAME_DIRECTION),
        ("f-t3-speedups-are-counts", REPRODUCED),
        ("f-t6-total-2", REPRODUCED),
        ("f-overhead-below-saving", REPRODUCED),
        ("f-shift-cheap", REPRODUCED),
    ],
)
def test_verdicts(name: str, verdict: str) -> None:
    assert judge(CLAIMS[name]).verdict == verdict


def test_wrong_numbers_would_be_refuted(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = step_shares.timed() * 10
    monkeypatch.setattr(what_it_costs, "timed", lambda: slow)
    assert judge(CLAIMS["f-sort-w-cheap"]).verdict == NOT_REPRODUCED
    assert judge(CLAIMS["f-t6-total-2"]).verdict == NOT_REPRODUCED
    assert judge(CLAIMS["f-overhead-below-saving"]).verdict == NOT_REPRODUCED
