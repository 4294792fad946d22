"""Claims of gradients that are dropped or reused."""

from types import SimpleNamespace

from swatlib.claims.claim import Trained
from swatlib.claims.what_can_be_dropped.dropping_or_reusing import CLAIMS, generalisation_gap

BY_NAME = {one.id: one for one in CLAIMS}


def test_the_gap_is_the_mean_over_the_first_half_of_the_epochs() -> None:
    epochs = [
        {"train_accuracy": train, "test_accuracy": test}
        for train, test in ((40.0, 38.0), (60.0, 54.0), (90.0, 81.0), (100.0, 50.0), (0.0, 0.0))
    ]
    assert generalisation_gap(SimpleNamespace(metrics={"epochs": epochs})) == (2 + 6 + 9) / 3


def test_resprop_warms_up_at_full_size_alone() -> None:
    decision = BY_NAME["n-resprop-90-backward"].decision
    assert isinstance(decision, Trained)
    found = {
        (run.data, tuple(run.options.items()))
        for scale in decision.scales
        for effect in decision.effects
        for ways in effect.sides
        for _, run in scale.runs(ways, 0)
        if run.method == "resprop"
    }
    assert found == {
        ("cifar10-jpeg75", ()),
        ("patches", (("warmup", 0),)),
        ("digits", (("warmup", 0),)),
    }
