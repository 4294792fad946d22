"""A collapse, and what measurements of operands say."""

from typing import Any

import pytest

from swatlib.claims.claim import NOT_REPRODUCED, REPRODUCED, SAME_DIRECTION
from swatlib.claims.fully_sparse_training import saliency
from swatlib.claims.judge import judge
from swatlib.records import Record

CLAIMS = {one.id: one for one in saliency.CLAIMS}


def record(metrics: dict[str, Any], classes: int = 10) -> Record:
    return Record(
        {}, metrics, {"classes": classes}, "0", "2", "cpu", None, None, 1, 0.0, "2020-01-01"
    )


def test_a_collapse_is_chance_level() -> None:
    assert saliency.collapsed(record({"test_accuracy": 14.9})) == 100
    assert saliency.collapsed(record({"test_accuracy": 15.1})) == 0
    assert saliency.collapsed(record({"test_accuracy": 5.9}, classes=100)) == 100
    assert saliency.collapsed(record({"test_accuracy": 80.0, "diverged": True})) == 100


MEASURED = {
    "gradient-error": {
        "8": {"G": [0.93, 0.93], "W": [0.7, 0.7]},
        "14": {"G": [0.87, 0.85], "W": [0.5, 0.5]},
    },
    "operand-sizes": {
        "small": {"1": {"G": 0.5, "X": 0.4, "W": 0.1}, "8": {"G": 0.9, "X": 0.4, "W": 0.1}},
        "columns": {"fixed": [0.5, 0.4], "magnitude": [0.9, 0.95]},
    },
}


@pytest.mark.parametrize(
    ("name", "verdict", "changed"),
    [
        ("f-error-accumulates", NOT_REPRODUCED, {}),
        (
            "f-error-accumulates",
            REPRODUCED,
            {"gradient-error": {"8": {"G": [0.7], "W": [0.9]}, "14": {"G": [0.4], "W": [0.8]}}},
        ),
        ("f-gradients-near-zero", SAME_DIRECTION, {}),
        (
            "f-gradients-near-zero",
            NOT_REPRODUCED,
            {"operand-sizes": {"small": {"1": {"G": 0.3, "X": 0.4, "W": 0.1}}}},
        ),
    ],
)
def test_what_measurements_say(
    monkeypatch: pytest.MonkeyPatch, name: str, verdict: str, changed: dict[str, Any]
) -> None:
    monkeypatch.setattr(saliency, "measured", (MEASURED | changed).__getitem__)
    finding = judge(CLAIMS[name])
    assert finding.verdict == verdict
    assert finding.grade == ("B" if CLAIMS[name].trained else "exact")
