"""Rows of ERK and momentum: computed, and from experiments that exist."""

import pytest

from swatlib.claims.claim import REPRODUCED
from swatlib.claims.inventory import claim
from swatlib.claims.judge import judge

VERDICTS = {
    "n-t2-act-sparsity-differs": REPRODUCED,
    "n-t3-act-sparsity": REPRODUCED,
}


@pytest.mark.parametrize("name", VERDICTS)
def test_what_is_computed_is_judged(name: str) -> None:
    found = judge(claim(name))
    assert (found.verdict, found.grade) == (VERDICTS[name], "exact")
