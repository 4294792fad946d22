"""Patterns and masks, against numbers known from elsewhere, and what would refute them."""

import math
from typing import Any

import pytest
import torch

from swatlib.claims.claim import NOT_REPRODUCED, REPRODUCED, SAME_DIRECTION
from swatlib.claims.fully_sparse_training import two_to_four
from swatlib.claims.judge import judge
from swatlib.records import Record

CLAIMS = {one.id: one for one in two_to_four.CLAIMS}


def quantities(name: str) -> dict[str, Any]:
    return {one.name: one for one in judge(CLAIMS[name]).quantities}


def record(metrics: dict[str, Any], classes: int = 10) -> Record:
    return Record(
        {}, metrics, {"classes": classes}, "0", "2", "cpu", None, None, 1, 0.0, "2020-01-01"
    )


def test_patterns_are_those_of_the_literature() -> None:
    # 6**4, and the number of 4x4 binary matrices with all sums two (OEIS A058527: 1, 0, 1, 6, 90).
    found = [one.ours for one in judge(CLAIMS["f-patterns-1296-90"]).quantities]
    assert found == [6**4, 90]


def test_a_wrong_number_of_patterns_would_refute(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(two_to_four, "transposable_patterns", lambda: torch.zeros(91, 4, 4))
    assert judge(CLAIMS["f-patterns-1296-90"]).verdict == SAME_DIRECTION


def test_columns_of_row_masks_comply_as_coins_fall() -> None:
    # In a column each entry survives with probability one half, independently of the other rows.
    assert two_to_four.compliant_columns() == pytest.approx(
        sum(math.comb(4, k) for k in range(3)) / 16
    )


def test_4_8_patterns() -> None:
    assert two_to_four.patterns_4_8() == (math.comb(8, 4), math.comb(4, 2) ** 2)
    found = quantities("f-48-relaxes")
    # By order statistics a Gaussian keeps 74.4 % under 2:4 and 76.8 % under 4:8.
    assert found["magnitude kept of a Gaussian weight, 4:8 minus 2:4"].ours == pytest.approx(
        76.8 - 74.4, abs=0.15
    )


@pytest.mark.parametrize(
    ("shape", "same"),
    [((64, 64, 3, 3), True), ((64, 64, 1, 1), True), ((64, 3, 7, 7), False), ((8, 3, 3, 3), False)],
)
def test_masks_differ_where_four_does_not_divide_a_filter(
    shape: tuple[int, ...], same: bool
) -> None:
    assert (two_to_four.other_masks(shape) == 0) == same


def test_layers_of_the_residual_networks() -> None:
    # He et al. 2016, Table 1, with the 1x1 convolutions on the shortcuts.
    assert len(two_to_four.convolutions("resnet18").weighted) == 20
    assert len(two_to_four.convolutions("resnet50").weighted) == 53
    assert quantities("f-layout-differs")["all other convolutions"].unit == "of 71"
    assert judge(CLAIMS["f-layout-differs"]).verdict == NOT_REPRODUCED
    assert judge(CLAIMS["f-only-first-conv-padded"]).verdict == REPRODUCED


def test_a_small_change_of_masks_is_a_percentage() -> None:
    def changes(share: float) -> Record:
        return record({"observed": {"changed": [share / 2, share, 3 * share / 2]}})

    difference = two_to_four.log_changes(changes(0.0099)) - two_to_four.log_changes(changes(0.01))
    assert difference == pytest.approx(-1, abs=0.01)


MEASURED = {
    "trained-masks": {
        **{s: {"groups": share} for s, share in (("50", 0.69), ("80", 0.97), ("90", 0.996))},
        "columns": {"most": 0.7},
    },
    "transposable-search": {"exact": 5.0, "greedy": 15.0},
}


@pytest.mark.parametrize(
    ("name", "verdict", "changed"),
    [
        ("n-suits-ampere", NOT_REPRODUCED, {}),
        (
            "n-suits-ampere",
            REPRODUCED,
            {"trained-masks": {s: {"groups": 0.995} for s in ("50", "80", "90")}},
        ),
        ("f-w-mask-not-transposable", REPRODUCED, {}),
        (
            "f-w-mask-not-transposable",
            NOT_REPRODUCED,
            {"trained-masks": {"columns": {"most": 1.0}}},
        ),
        ("f-transposable-needs-greedy", NOT_REPRODUCED, {}),
        (
            "f-transposable-needs-greedy",
            REPRODUCED,
            {"transposable-search": {"exact": 5.0, "greedy": 0.5}},
        ),
        ("f-separate-cheaper", NOT_REPRODUCED, {}),
        (
            "f-separate-cheaper",
            REPRODUCED,
            {"transposable-search": {"exact": 50.0, "greedy": 150.0}},
        ),
    ],
)
def test_what_measurements_say(
    monkeypatch: pytest.MonkeyPatch, name: str, verdict: str, changed: dict[str, Any]
) -> None:
    monkeypatch.setattr(two_to_four, "measured", (MEASURED | changed).__getitem__)
    finding = judge(CLAIMS[name])
    assert finding.verdict == verdict
    assert finding.grade == ("B" if CLAIMS[name].trained else "exact")
