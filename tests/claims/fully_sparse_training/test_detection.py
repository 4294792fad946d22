"""Drops and speed-ups of detectors, against numbers known from elsewhere."""

from typing import Any

import pytest

from swatlib.claims.claim import NOT_REPRODUCED, REPRODUCED, SAME_DIRECTION
from swatlib.claims.fully_sparse_training import detection
from swatlib.claims.judge import judge
from swatlib.records import Record

CLAIMS = {one.id: one for one in detection.CLAIMS}


def record(metrics: dict[str, Any], classes: int = 10) -> Record:
    return Record(
        {}, metrics, {"classes": classes}, "0", "2", "cpu", None, None, 1, 0.0, "2020-01-01"
    )


def test_every_product_of_a_convolution_is_halved() -> None:
    assert [one.ours for one in judge(CLAIMS["f-t4-speedup"]).quantities] == pytest.approx(
        [2.0] * 3
    )


def test_drops_of_table_4() -> None:
    # FST, Table 4: 75.8 to 76.2, 79.5 to 79.4, 25.5 to 25.5, 37.4 to 37.2.
    assert sorted(detection.detection_drops()) == [-0.4, 0.0, 0.1, 0.2]
    assert judge(CLAIMS["f-detection-below-02"]).verdict == SAME_DIRECTION


def test_a_larger_drop_would_refute(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detection, "detection_drops", lambda: [0.0, 0.3, 0.4, 0.1])
    assert judge(CLAIMS["f-detection-below-02"]).verdict == NOT_REPRODUCED
    monkeypatch.setattr(detection, "detection_drops", lambda: [0.0, 0.1])
    assert judge(CLAIMS["f-detection-below-02"]).verdict == REPRODUCED


def test_average_precision_is_that_of_the_record() -> None:
    found = record({"AP": 30.0, "AP50": 75.0})
    assert (detection.average_precision(found), detection.average_precision_50(found)) == (30, 75)
