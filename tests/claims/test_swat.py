"""Claims about SWAT: what they read from the papers, from the library and from records."""

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from claims_toys import write

from swatlib.claims import swat
from swatlib.claims.claim import NOT_REPRODUCED, OPEN, REPRODUCED, SAME_DIRECTION, Trained
from swatlib.claims.effect import DENSELY, Scale, way
from swatlib.claims.judge import judge
from swatlib.claims.quantity import MissingRecords, Quantity
from swatlib.experiments import EXPERIMENTS
from swatlib.experiments.measure_topk import topk_clock
from swatlib.experiments.measure_topology import EpochMasks, topology_moves
from swatlib.records import Record
from swatlib.training import Run

CLAIMS = {claim.id: claim for claim in swat.CLAIMS}


def word(quantity: Quantity) -> str:
    if quantity.holds:
        return REPRODUCED
    return SAME_DIRECTION if quantity.direction else NOT_REPRODUCED


def test_numbers_of_the_papers() -> None:
    # Section 3.2: SWAT less SAW, in the order of the text: CIFAR-10, CIFAR-100, ImageNet, WRN.
    pairs = [0.31, 0.17, 0.08, -0.10, 0.58, 1.10, 0.10, 0.32, 0.44, -0.18]
    assert swat.saw_lead() == pytest.approx(sum(pairs) / 10)
    assert (
        CLAIMS["n-t2-u-accuracy"].says == "VGG-16 -1.35, WRN-16-8 +0.03, DenseNet-121 +0.02 points"
    )
    assert CLAIMS["n-t3-u-accuracy"].says == "80 %: -1.6, 90 %: -4.7 points"
    assert "-2.1 against -1.6" in CLAIMS["n-t3-wrn-accuracy"].says
    assert CLAIMS["i-80-bounds"].says == "SAW less than 1.8, SWAT less than 2.5 points"
    assert "ResNet-18 -1.52, VGG-16 -1.60, DenseNet-121 -2.26" in CLAIMS["i-imagenet-70"].says
    assert CLAIMS["i-imagenet-50"].says == "-0.26 to -1.01 points"


def effects(name: str) -> dict[str, Any]:
    decision = CLAIMS[name].decision
    assert isinstance(decision, Trained)
    return {effect.name: effect for effect in decision.effects}


def test_what_is_expected_of_runs() -> None:
    assert effects("n-t2-u-accuracy")["plain"].expected == -1.35
    assert {e.margin for e in effects("i-80-bounds").values()} == {1.8, 2.5}
    assert effects("i-saw-loses-less")["70 %"].margin == pytest.approx(0.282)
    assert [e.expected for e in effects("i-imagenet-70").values()] == [-1.42, -1.52]
    assert [e.expected for e in effects("i-70-cifar100").values()] == [-0.5, -0.4]
    # Twenty against eight layers are 1.32 doublings, 48 against 16 channels 1.58.
    shape = effects("i-robust-depth-width")
    assert [round(e.margin, 2) for e in shape.values()] == [1.32, 1.58]
    assert shape["20 against 8 layers"].less.first == way("swat", 0.9)
    assert shape["48 against 16 channels"].less.first == way("swat", 0.9) | {"width": 16}


def scales() -> list[tuple[str, Scale]]:
    return [
        (claim.id, scale)
        for claim in swat.CLAIMS
        if isinstance(claim.decision, Trained)
        for scale in claim.decision.scales
        if scale not in (swat.FULL, swat.HUNDRED, swat.BOTH)
    ]


@pytest.mark.parametrize(
    ("name", "scale"), scales(), ids=lambda value: getattr(value, "name", value)
)
def test_small_scales_find_their_dense_runs_and_most_others(name: str, scale: Scale) -> None:
    declared = [run for topic in scale.experiments for run in EXPERIMENTS.get(topic, list)()]
    assert all(run in declared for run in scale.dense(0))
    decision = CLAIMS[name].decision
    assert isinstance(decision, Trained)
    ways = [one for effect in decision.effects for side in effect.sides for one in side]
    found = [run in declared for _, run in scale.runs(tuple(ways), 0)]
    assert sum(found) >= len(found) / 2


def test_spelled_scales_write_ways_as_the_records_do() -> None:
    frozen = way("swat", 0.9, freeze_epoch=2)
    ((_, run),) = swat.TOPOLOGY_DIGITS.runs((frozen,), 0)
    assert (run.options, run.observe) == ({"freeze_epoch": 1}, "topology")
    ((_, dense),) = swat.TOPOLOGY_DIGITS.runs((DENSELY,), 0)
    assert dense.observe is None
    runs = [
        run for _, run in swat.PERIODS.runs((way("swat", 0.9), way("swat", 0.9, period=100)), 0)
    ]
    assert [run.options["period"] for run in runs] == [1, 100]
    assert {run.batch_size for run in runs} == {32}


def test_topk_by_count() -> None:
    found = {quantity.name: quantity for quantity in swat.topk_by_count()}
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
    monkeypatch.setattr(swat, "measured", lambda name: {"topk-clock": measured}[name])
    assert {word(quantity) for quantity in swat.topk_by_clock()} == {verdict}


def test_topologies_move_before_the_last_third(monkeypatch: pytest.MonkeyPatch) -> None:
    def of(*shares: float) -> Callable[[str], Any]:
        still = {"layers": {"a": [0.3, 0.2, 0.0], "b": [*shares, 0.0]}}
        return lambda name: {"digits, 90 %": still}

    for shares, verdict in (
        ((0.2, 0.1), REPRODUCED),
        ((0.2, 0.0005), SAME_DIRECTION),
        ((0.2, 0.0), NOT_REPRODUCED),
    ):
        monkeypatch.setattr(swat, "measured", of(*shares))
        (quantity,) = swat.topologies_move()
        assert (quantity.ours, word(quantity)) == (pytest.approx(100 * shares[1]), verdict)


def thresholds(folder: Path, fresh: list[float]) -> None:
    run = EXPERIMENTS["threshold-digits"]()[0]
    from swatlib.records.sweep import sweep

    def train(run: Run) -> dict[str, object]:
        return {"observed": {"fresh": {"a": fresh}}, "train_images": 64, "diverged": False}

    sweep([run], folder / "threshold-digits", train)


def test_thresholds_settle_after_the_first_epoch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(swat, "RECORDS", tmp_path)
    with pytest.raises(MissingRecords, match="swatlib sweep threshold-digits"):
        swat.thresholds_settle()
    # Two steps an epoch: the threshold doubles in the first and stays.
    thresholds(tmp_path, [0.5, 0.7] + [1.0] * 1200)
    factor, moved = swat.thresholds_settle()
    assert (factor.ours, word(factor)) == (1.0, REPRODUCED)
    assert (moved.ours, word(moved)) == (0.0, REPRODUCED)


def test_thresholds_that_keep_moving_are_refuted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(swat, "RECORDS", tmp_path)
    thresholds(tmp_path, [1.0, 1.0] + [1.0 + step / 1000 for step in range(1200)])
    factor, moved = swat.thresholds_settle()
    assert factor.ours == pytest.approx(2.199)
    assert moved.ours == pytest.approx(100)
    assert (word(factor), word(moved)) == (NOT_REPRODUCED, NOT_REPRODUCED)


def of_epochs(*accuracies: float, **metrics: object) -> Record:
    epochs = [{"test_accuracy": one} for one in accuracies]
    last = {"test_accuracy": accuracies[-1] if accuracies else 0.0}
    found = last | {"epochs": epochs} | metrics
    return cast(Record, SimpleNamespace(metrics=found, data={"classes": 10}))


def test_epochs_to_a_share_of_the_end() -> None:
    # From chance (10 %) to 50 and 90 %; half of 90 is reached at 35/40 of the first epoch of two.
    assert swat.epochs_to(0.5, of_epochs(50.0, 90.0)) == pytest.approx(100 * 35 / 40 / 2)
    assert swat.epochs_to(0.9, of_epochs(50.0, 90.0)) == pytest.approx(100 * (1 + 31 / 40) / 2)
    assert swat.epochs_to(0.9, of_epochs(50.0, diverged=True)) == 100.0
    assert swat.epochs_to(0.9, of_epochs()) == 100.0
    assert swat.epochs_to(0.9, of_epochs(10.0)) == 0.0


def test_masks_are_compared_between_epochs() -> None:
    run = Run(
        network="small_resnet", width=8, method="swat", sparsity=0.9, epochs=2, batch_size=720
    )
    found = topology_moves({"toy": run})["toy"]
    assert all(len(shares) == 2 for shares in found["layers"].values())
    assert all(0 <= share <= 1 for shares in found["layers"].values() for share in shares)
    assert json.dumps(found)
    assert "stem.weight" not in found["layers"]  # the first layer is dense
    watched = EpochMasks(3)
    assert watched.replaced == {}


def test_the_clock_compares_steps_side_by_side() -> None:
    found = topk_clock(("small_resnet",), repeat=1, batch=2)
    ratios = found["small_resnet"]
    assert set(ratios) == {"every_step", "kept", "choosing"}
    assert ratios["choosing"] == pytest.approx(ratios["every_step"] - ratios["kept"])


def test_a_claim_that_the_records_refute(tmp_path: Path) -> None:
    claim = CLAIMS["i-saw-loses-less"]
    decision = claim.decision
    assert isinstance(decision, Trained)
    (scale,) = (one for one in decision.scales if one is swat.FAMILIES_DIGITS)
    toys = Scale("toys", scale.bases, ("toys",))
    decided = type(claim)(**{**vars(claim), "decision": Trained(decision.effects, (toys,))})
    runs = [
        run
        for seed in range(3)
        for _, run in toys.runs((way("saw", 0.7), way("swat", 0.7), DENSELY), seed)
    ]
    assert judge(decided, tmp_path).verdict == OPEN
    write(tmp_path, lambda run: 90.0 + run.seed + (run.method == "swat"), runs)
    assert judge(decided, tmp_path).verdict == NOT_REPRODUCED
