"""What claims about FST's lines stand on."""

from typing import Any

import pytest

from swatlib.claims.claim import NOT_REPRODUCED, REPRODUCED
from swatlib.claims.fully_sparse_training import ablation
from swatlib.claims.judge import judge

CLAIMS = {one.id: one for one in ablation.CLAIMS}


MEASURED = {
    "operand-sizes": {
        "small": {"1": {"G": 0.5, "X": 0.4, "W": 0.1}, "8": {"G": 0.9, "X": 0.4, "W": 0.1}},
        "columns": {"fixed": [0.5, 0.4], "magnitude": [0.9, 0.95]},
    },
}


@pytest.mark.parametrize(
    ("name", "verdict", "changed"),
    [
        ("f-fixed-keeps-less", REPRODUCED, {}),
        (
            "f-fixed-keeps-less",
            NOT_REPRODUCED,
            {"operand-sizes": {"columns": {"fixed": [0.95, 0.97], "magnitude": [0.9, 0.95]}}},
        ),
    ],
)
def test_what_measurements_say(
    monkeypatch: pytest.MonkeyPatch, name: str, verdict: str, changed: dict[str, Any]
) -> None:
    monkeypatch.setattr(ablation, "measured", (MEASURED | changed).__getitem__)
    finding = judge(CLAIMS[name])
    assert finding.verdict == verdict
    assert finding.grade == ("B" if CLAIMS[name].trained else "exact")
