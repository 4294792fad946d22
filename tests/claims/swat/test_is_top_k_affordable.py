"""What Top-K costs, by hand and by a clock of ours, and thresholds that move."""

from pathlib import Path

import pytest

from swatlib.claims.claim import NOT_REPRODUCED, REPRODUCED, SAME_DIRECTION
from swatlib.claims.effect import way
from swatlib.claims.quantity import MissingRecords, Quantity
from swatlib.claims.swat import is_top_k_affordable
from swatlib.experiments import EXPERIMENTS
from swatlib.experiments.measure_topk import topk_clock
from swatlib.training import Run


def word(quantity: Quantity) -> str:
    if quantity.holds:
        return REPRODUCED
    return SAME_DIRECTION if quantity.direction else NOT_REPRODUCED


def test_topk_by_count() -> None:
    found = {quantity.name: quantity for quantity in is_top_k_affordable.topk_by_count()}
    # By hand: after its first layer VGG-16 at 224 has 138,342,400 weights, an image has 8,964,608
    # inputs and 15,383,560,192 multiply-accumulates; an entry takes 2 (1 + 0.5004) + 1 comparisons.
    by_hand = 100 * (138_342_400 / 32 + 8_964_608) * 4.0008 / (3 * 15_383_560_192)
    assert found["VGG-16, batch 32"].ours == pytest.approx(by_hand, rel=1e-4)
    assert found["VGG-16, batch 256"].ours < found["VGG-16, batch 32"].ours
    assert word(found["DenseNet-121, batch 256"]) == REPRODUCED
    assert word(found["ResNet-18, batch 256"]) == SAME_DIRECTION


@pytest.mark.parametrize(
    ("share", "verdict"),
    [
        (0.04, NOT_REPRODUCED),
        (0.2, SAME_DIRECTION),
        (0.5, REPRODUCED),
        (1.5, REPRODUCED),
        (3.0, REPRODUCED),
        (8.0, SAME_DIRECTION),
        (25.0, NOT_REPRODUCED),
    ],
)
def test_topk_by_clock_is_held_to_one_or_two_percent(
    share: float, verdict: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured = {name: {"choosing": share / 100} for name in ("resnet18", "vgg16")}
    monkeypatch.setattr(
        is_top_k_affordable, "measured", lambda name: {"topk-clock": measured}[name]
    )
    assert {word(quantity) for quantity in is_top_k_affordable.topk_by_clock()} == {verdict}


def thresholds(folder: Path, fresh: list[float]) -> None:
    run = EXPERIMENTS["threshold-digits"]()[0]
    from swatlib.records.sweep import sweep

    def train(run: Run) -> dict[str, object]:
        return {"observed": {"fresh": {"a": fresh}}, "train_images": 64, "diverged": False}

    sweep([run], folder / "threshold-digits", train)


def test_thresholds_settle_after_the_first_epoch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(is_top_k_affordable, "RECORDS", tmp_path)
    with pytest.raises(MissingRecords, match="swatlib sweep threshold-digits"):
        is_top_k_affordable.thresholds_settle()
    # Two steps an epoch: the threshold doubles in the first and stays.
    thresholds(tmp_path, [0.5, 0.7] + [1.0] * 1200)
    factor, moved = is_top_k_affordable.thresholds_settle()
    assert (factor.ours, word(factor)) == (1.0, REPRODUCED)
    assert (moved.ours, word(moved)) == (0.0, REPRODUCED)


def test_thresholds_that_keep_moving_are_refuted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(is_top_k_affordable, "RECORDS", tmp_path)
    thresholds(tmp_path, [1.0, 1.0] + [1.0 + step / 1000 for step in range(1200)])
    factor, moved = is_top_k_affordable.thresholds_settle()
    assert factor.ours == pytest.approx(2.199)
    assert moved.ours == pytest.approx(100)
    assert (word(factor), word(moved)) == (NOT_REPRODUCED, NOT_REPRODUCED)


def test_the_clock_compares_steps_side_by_side() -> None:
    found = topk_clock(("small_resnet",), repeat=1, batch=2)
    ratios = found["small_resnet"]
    assert set(ratios) == {"every_step", "kept", "choosing"}
    assert ratios["choosing"] == pytest.approx(ratios["every_step"] - ratios["kept"])


def test_periods_are_written_as_the_records_have_them() -> None:
    scale = is_top_k_affordable.PERIODS
    ways = (way("swat", 0.9), way("swat", 0.9, period=100))
    runs = [run for _, run in scale.runs(ways, 0)]
    assert [run.options["period"] for run in runs] == [1, 100]
    assert {run.batch_size for run in runs} == {32}
    declared = EXPERIMENTS["period-digits"]()
    assert all(run in declared for run in [*runs, *scale.dense(0)])
