"""What the submission's claims about accuracy expect of runs."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from claims_toys import write

from swatlib.claims.claim import NOT_REPRODUCED, OPEN, Trained
from swatlib.claims.effect import DENSELY, Scale, way
from swatlib.claims.judge import judge
from swatlib.claims.swat import accuracy_iclr
from swatlib.records import Record

CLAIMS = {claim.id: claim for claim in accuracy_iclr.CLAIMS}


def effects(name: str) -> dict[str, Any]:
    decision = CLAIMS[name].decision
    assert isinstance(decision, Trained)
    return {effect.name: effect for effect in decision.effects}


def test_numbers_of_the_papers() -> None:
    # Section 3.2: SWAT less SAW, in the order of the text: CIFAR-10, CIFAR-100, ImageNet, WRN.
    pairs = [0.31, 0.17, 0.08, -0.10, 0.58, 1.10, 0.10, 0.32, 0.44, -0.18]
    assert accuracy_iclr.saw_lead() == pytest.approx(sum(pairs) / 10)
    assert CLAIMS["i-80-bounds"].says == "SAW less than 1.8, SWAT less than 2.5 points"
    assert "ResNet-18 -1.52, VGG-16 -1.60, DenseNet-121 -2.26" in CLAIMS["i-imagenet-70"].says
    assert CLAIMS["i-imagenet-50"].says == "-0.26 to -1.01 points"


def test_what_is_expected_of_runs() -> None:
    assert {e.margin for e in effects("i-80-bounds").values()} == {1.8, 2.5}
    assert effects("i-saw-loses-less")["70 %"].margin == pytest.approx(0.282)
    assert [e.expected for e in effects("i-imagenet-70").values()] == [-1.42, -1.52]
    assert [e.expected for e in effects("i-70-cifar100").values()] == [-0.5, -0.4]
    # Twenty against eight layers are 1.32 doublings, 48 against 16 channels 1.58.
    shape = effects("i-robust-depth-width")
    assert [round(e.margin, 2) for e in shape.values()] == [1.32, 1.58]
    assert shape["20 against 8 layers"].less.first == way("swat", 0.9)
    assert shape["48 against 16 channels"].less.first == way("swat", 0.9) | {"width": 16}


def of_epochs(*accuracies: float, **metrics: object) -> Record:
    epochs = [{"test_accuracy": one} for one in accuracies]
    last = {"test_accuracy": accuracies[-1] if accuracies else 0.0}
    found = last | {"epochs": epochs} | metrics
    return cast(Record, SimpleNamespace(metrics=found, data={"classes": 10}))


def test_epochs_to_a_share_of_the_end() -> None:
    # From chance (10 %) to 50 and 90 %; half of 90 is reached at 35/40 of the first epoch of two.
    assert accuracy_iclr.epochs_to(0.5, of_epochs(50.0, 90.0)) == pytest.approx(100 * 35 / 40 / 2)
    assert accuracy_iclr.epochs_to(0.9, of_epochs(50.0, 90.0)) == pytest.approx(
        100 * (1 + 31 / 40) / 2
    )
    assert accuracy_iclr.epochs_to(0.9, of_epochs(50.0, diverged=True)) == 100.0
    assert accuracy_iclr.epochs_to(0.9, of_epochs()) == 100.0
    assert accuracy_iclr.epochs_to(0.9, of_epochs(10.0)) == 0.0


def test_a_claim_that_the_records_refute(tmp_path: Path) -> None:
    claim = CLAIMS["i-saw-loses-less"]
    decision = claim.decision
    assert isinstance(decision, Trained)
    (scale,) = (one for one in decision.scales if one is accuracy_iclr.FAMILIES_DIGITS)
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
