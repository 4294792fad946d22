"""What structured claims compute, against numbers known otherwise."""

import pandas as pd
import pytest

from swatlib.claims.claim import NOT_REPRODUCED, REPRODUCED, SAME_DIRECTION, Trained
from swatlib.claims.inventory import claim
from swatlib.claims.judge import judge
from swatlib.claims.swat import structured

VERDICTS = {
    "n-t4-compression": REPRODUCED,
    "n-t5-flops-319": SAME_DIRECTION,
    "n-t5-larger-drops": REPRODUCED,
    "n-offline-pruning-costs-more": REPRODUCED,
}


@pytest.mark.parametrize("name", VERDICTS)
def test_what_is_computed_is_judged(name: str) -> None:
    found = judge(claim(name))
    assert (found.verdict, found.grade) == (VERDICTS[name], "exact")


def ours(found: tuple[structured.Quantity, ...]) -> dict[str, float]:
    return {quantity.name: quantity.ours for quantity in found}


def test_training_work_of_resnet_50() -> None:
    counted, printed = structured.structured_training_work()
    assert counted.ours == pytest.approx(1 / (1 - 0.666), abs=0.005)
    assert printed.ours == pytest.approx(2.994, abs=0.001)
    assert not counted.holds


def test_offline_pruning_by_hand() -> None:
    found = ours(structured.offline_pruning_work())
    assert found["DCP, of a dense run"] == pytest.approx(1 + 60 / 90 * 0.45)
    assert found["CCP, of a dense run"] == pytest.approx(1 + 100 / 90 * 0.512)
    assert found["SWAT at 70 %"] == pytest.approx(0.334, abs=0.002)


def test_three_of_four_pruners_lose_less() -> None:
    (less,) = structured.larger_drops()
    assert less.ours == 3


def test_a_wrong_count_is_refuted(monkeypatch: pytest.MonkeyPatch) -> None:
    found = claim("n-t4-compression")
    count = structured.row_count
    monkeypatch.setattr(
        structured,
        "row_count",
        lambda table, network, method, _: count(table, network, method, "80"),
    )
    assert judge(found).verdict == SAME_DIRECTION
    monkeypatch.setattr(structured, "_pruners", lambda: pd.DataFrame({"accuracy_change": [-2.0]}))
    assert judge(claim("n-t5-larger-drops")).verdict == NOT_REPRODUCED


def test_the_gain_of_structure_is_below_a_point() -> None:
    decision = claim("n-t4-structured-improves").decision
    assert isinstance(decision, Trained)
    # (0.14 + 0.09 + 0.06 + 0.53 + 0.31 + 0.30) / 6
    assert {effect.margin for effect in decision.effects} == {0.24}
