"""Arithmetic behind the claims about FST's time, against numbers known from elsewhere."""

from pathlib import Path

import pytest

from swatlib.claims.claim import NOT_REPRODUCED, OPEN, REPRODUCED, SAME_DIRECTION
from swatlib.claims.fully_sparse_training import what_it_costs
from swatlib.claims.judge import judge
from swatlib.claims.quantity import MissingRecords

CLAIMS = {claim.id: claim for claim in what_it_costs.CLAIMS}


def test_amdahl() -> None:
    assert what_it_costs.amdahl(1.0, 3) == pytest.approx(2)
    assert what_it_costs.amdahl(0.9, 3) == pytest.approx(1 / 0.55)
    assert what_it_costs.amdahl(0.9, 3, 0.0042 / 0.184) == pytest.approx(1.746, abs=1e-3)
    assert what_it_costs.paper_limit() == pytest.approx(1.746, abs=1e-3)


def test_entries_of_the_second_layer() -> None:
    # FST section 4: 256 x (64 x 3 x 3) x (56 x 56) over 64 x 64 x 3 x 3.
    assert what_it_costs.unfolded_over_weights() == 256 * 576 * 56 * 56 / 36864 == 12544


def test_speedups_of_table_3() -> None:
    found = what_it_costs.counted_speedups().set_index(["network", "method", "level"])
    fst = found.loc[("ResNet-18", "FST", "x3")]
    assert (fst["ours"], fst["paper"]) == (pytest.approx(2), 2.0)
    assert found.loc[("ResNet-50", "ASFP", ""), "ours"] == pytest.approx(1 / 0.9)
    assert len(found) == 10
    assert "PruneTrain" not in found.index.get_level_values("method")


def test_a_fixed_time_shrinks_with_the_batch() -> None:
    assert what_it_costs.at_batch(0.04, 4, 16) == pytest.approx(0.01)


def test_missing_record_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingRecords, match=r"shares\.csv"):
        what_it_costs.timed(tmp_path)


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
    slow = what_it_costs.timed() * 10
    monkeypatch.setattr(what_it_costs, "timed", lambda: slow)
    assert judge(CLAIMS["f-sort-w-cheap"]).verdict == NOT_REPRODUCED
    assert judge(CLAIMS["f-t6-total-2"]).verdict == NOT_REPRODUCED
    assert judge(CLAIMS["f-overhead-below-saving"]).verdict == NOT_REPRODUCED
