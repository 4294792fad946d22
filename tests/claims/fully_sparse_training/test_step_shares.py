"""Arithmetic behind the claims about FST's time, against numbers known from elsewhere."""

from pathlib import Path

import pytest

from swatlib.claims.fully_sparse_training import step_shares
from swatlib.claims.quantity import MissingRecords


def test_amdahl() -> None:
    assert step_shares.amdahl(1.0, 3) == pytest.approx(2)
    assert step_shares.amdahl(0.9, 3) == pytest.approx(1 / 0.55)
    assert step_shares.amdahl(0.9, 3, 0.0042 / 0.184) == pytest.approx(1.746, abs=1e-3)
    assert step_shares.paper_limit() == pytest.approx(1.746, abs=1e-3)


def test_entries_of_the_second_layer() -> None:
    # FST section 4: 256 x (64 x 3 x 3) x (56 x 56) over 64 x 64 x 3 x 3.
    assert step_shares.unfolded_over_weights() == 256 * 576 * 56 * 56 / 36864 == 12544


def test_speedups_of_table_3() -> None:
    found = step_shares.counted_speedups().set_index(["network", "method", "level"])
    fst = found.loc[("ResNet-18", "FST", "x3")]
    assert (fst["ours"], fst["paper"]) == (pytest.approx(2), 2.0)
    assert found.loc[("ResNet-50", "ASFP", ""), "ours"] == pytest.approx(1 / 0.9)
    assert len(found) == 10
    assert "PruneTrain" not in found.index.get_level_values("method")


def test_a_fixed_time_shrinks_with_the_batch() -> None:
    assert step_shares.at_batch(0.04, 4, 16) == pytest.approx(0.01)


def test_missing_record_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingRecords, match=r"shares\.csv"):
        step_shares.timed(tmp_path)
