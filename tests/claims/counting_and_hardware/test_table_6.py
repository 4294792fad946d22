"""Table 6: its cells and what follows from the margin."""

import pytest

from swatlib.claims.claim import OPEN, REPRODUCED, SAME_DIRECTION
from swatlib.claims.counting_and_hardware import table_6
from swatlib.claims.counting_and_hardware.simulated import cycles, speedup
from swatlib.claims.counting_and_hardware.table_6 import CLAIMS
from swatlib.claims.judge import judge

BY_NAME = {claim.id: claim for claim in CLAIMS}


def test_a_common_dense_machine_takes_half_of_scnns_gain() -> None:
    found = cycles()
    dense = {m: found.loc[(m, 0.9)]["dense_cycles"].drop("total").sum() for m in ("X9", "scnn")}
    assert dense["scnn"] == pytest.approx(22.9e6, rel=0.01)
    assert dense["X9"] == pytest.approx(12.3e6, rel=0.01)
    three = ("forward", "input_grad", "weight_grad")
    assert speedup("scnn", 0.9, three) == pytest.approx(5.2, abs=0.05)
    assert speedup("scnn", 0.9, three, "common") == pytest.approx(2.8, abs=0.05)
    assert judge(BY_NAME["n-t6-common-dense"]).verdict == SAME_DIRECTION


def test_table_6_verdicts_follow_from_the_margin(monkeypatch: pytest.MonkeyPatch) -> None:
    assert judge(BY_NAME["n-t6-forward"]).verdict == REPRODUCED
    backward = judge(BY_NAME["n-t6-backward"])
    assert backward.verdict == SAME_DIRECTION
    off = [q.name for q in backward.quantities if not q.holds]
    assert all("X9, 80%" in name for name in off)
    # The published window, with its ceiling of 3, in place of the others.
    monkeypatch.setattr(table_6, "MACHINES", ("T2,5",))
    assert not any(q.holds for q in judge(BY_NAME["n-t6-forward"]).quantities)


def test_a_machine_without_records_leaves_the_claim_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_6, "MACHINES", ("X7",))
    found = judge(BY_NAME["n-t6-forward"])
    assert found.verdict == OPEN
    assert "X7" in found.missing[0]
