"""What claims about FST count, against numbers known from elsewhere, and what would refute them."""

import math
from typing import Any

import pytest
import torch

from swatlib.claims import fst
from swatlib.claims.claim import NOT_REPRODUCED, OPEN, REPRODUCED, SAME_DIRECTION, Trained
from swatlib.claims.inventory import claim
from swatlib.claims.judge import judge
from swatlib.records import Record

CLAIMS = {one.id: one for one in fst.CLAIMS}


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
    monkeypatch.setattr(fst, "transposable_patterns", lambda: torch.zeros(91, 4, 4))
    assert judge(CLAIMS["f-patterns-1296-90"]).verdict == SAME_DIRECTION


def test_columns_of_row_masks_comply_as_coins_fall() -> None:
    # In a column each entry survives with probability one half, independently of the other rows.
    assert fst.compliant_columns() == pytest.approx(sum(math.comb(4, k) for k in range(3)) / 16)


def test_4_8_patterns() -> None:
    assert fst.patterns_4_8() == (math.comb(8, 4), math.comb(4, 2) ** 2)
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
    assert (fst.other_masks(shape) == 0) == same


def test_layers_of_the_residual_networks() -> None:
    # He et al. 2016, Table 1, with the 1x1 convolutions on the shortcuts.
    assert len(fst.convolutions("resnet18").weighted) == 20
    assert len(fst.convolutions("resnet50").weighted) == 53
    assert quantities("f-layout-differs")["all other convolutions"].unit == "of 71"
    assert judge(CLAIMS["f-layout-differs"]).verdict == NOT_REPRODUCED
    assert judge(CLAIMS["f-only-first-conv-padded"]).verdict == REPRODUCED


def test_every_product_of_a_convolution_is_halved() -> None:
    assert [one.ours for one in judge(CLAIMS["f-t4-speedup"]).quantities] == pytest.approx(
        [2.0] * 3
    )


def test_drops_of_table_4() -> None:
    # FST, Table 4: 75.8 to 76.2, 79.5 to 79.4, 25.5 to 25.5, 37.4 to 37.2.
    assert sorted(fst.detection_drops()) == [-0.4, 0.0, 0.1, 0.2]
    assert judge(CLAIMS["f-detection-below-02"]).verdict == SAME_DIRECTION


def test_a_larger_drop_would_refute(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fst, "detection_drops", lambda: [0.0, 0.3, 0.4, 0.1])
    assert judge(CLAIMS["f-detection-below-02"]).verdict == NOT_REPRODUCED
    monkeypatch.setattr(fst, "detection_drops", lambda: [0.0, 0.1])
    assert judge(CLAIMS["f-detection-below-02"]).verdict == REPRODUCED


def test_numbers_of_the_paper_are_read_from_its_tables() -> None:
    # FST, Tables 1, 3, 4 and 5.
    says = {name: one.says for name, one in CLAIMS.items()}
    assert says["f-t1-wg"] == "-3.7 points (67.5 against 71.2)"
    assert says["f-t5-restoration-helps"].startswith("+1.6 points (71.0 against 69.4); -0.2 points")
    assert "-0.3 points (77.0 against 77.3) on ResNet-50" in says["f-t3-fst-loss"]
    assert says["f-restored-beats-sorted"] == "+1.1 points (71.0 against 69.9)"
    assert says["f-24-stricter-gradients"] == "0.1 % against 32.5 % (meProp) and 69.8 % (ReSprop)"
    assert "+0.4 points on VGG16-SSD (76.2 against 75.8)" in says["f-t4-voc"]


def test_a_collapse_is_chance_level() -> None:
    assert fst.collapsed(record({"test_accuracy": 14.9})) == 100
    assert fst.collapsed(record({"test_accuracy": 15.1})) == 0
    assert fst.collapsed(record({"test_accuracy": 5.9}, classes=100)) == 100
    assert fst.collapsed(record({"test_accuracy": 80.0, "diverged": True})) == 100


def test_a_small_change_of_masks_is_a_percentage() -> None:
    def changes(share: float) -> Record:
        return record({"observed": {"changed": [share / 2, share, 3 * share / 2]}})

    difference = fst.log_changes(changes(0.0099)) - fst.log_changes(changes(0.01))
    assert difference == pytest.approx(-1, abs=0.01)


def test_average_precision_is_that_of_the_record() -> None:
    found = record({"AP": 30.0, "AP50": 75.0})
    assert (fst.average_precision(found), fst.average_precision_50(found)) == (30, 75)


MEASURED = {
    "trained-masks": {
        **{s: {"groups": share} for s, share in (("50", 0.69), ("80", 0.97), ("90", 0.996))},
        "columns": {"most": 0.7},
    },
    "transposable-search": {"exact": 5.0, "greedy": 15.0},
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
    monkeypatch.setattr(fst, "measured", (MEASURED | changed).__getitem__)
    finding = judge(CLAIMS[name])
    assert finding.verdict == verdict
    assert finding.grade == ("B" if CLAIMS[name].trained else "exact")


def test_training_claims_lack_only_what_was_not_run() -> None:
    for one in fst.CLAIMS:
        if isinstance(one.decision, Trained):
            assert judge(one).scale
    for name in ("f-48-better", "f-coloraug-hurts", "f-detection-generalises"):
        assert claim(name).decision is None
        assert judge(claim(name)).verdict == OPEN
