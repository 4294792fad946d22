"""A network that pruning changes would be found."""

import pytest

from swatlib.claims.claim import REPRODUCED, SAME_DIRECTION
from swatlib.claims.inventory import claim
from swatlib.claims.judge import judge
from swatlib.claims.swat import pruned_for_free


def test_one_network_that_differs_is_no_longer_all(monkeypatch: pytest.MonkeyPatch) -> None:
    assert judge(claim("i-pruned-for-free")).verdict == REPRODUCED
    monkeypatch.setattr(pruned_for_free, "pruned_outputs", lambda name, sparsity: sparsity < 0.9)
    assert judge(claim("i-pruned-for-free")).verdict == SAME_DIRECTION
