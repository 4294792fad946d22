"""A claim that nothing here can decide stays open and says what it takes."""

from swatlib.claims.claim import OPEN
from swatlib.claims.inventory import claim
from swatlib.claims.judge import judge


def test_quantised_gradients_need_a_quantising_selector() -> None:
    found = judge(claim("f-quantised-gradients-need-more"))
    assert found.verdict == OPEN
    assert "A quantising selector" in found.missing[0]
