"""Toy claims and records that say what a test wants them to say."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from swatlib.claims.claim import Claim, Trained
from swatlib.claims.effect import Effect, Scale, way
from swatlib.claims.fully_sparse_training import features
from swatlib.experiments import trained_network
from swatlib.records.sweep import sweep
from swatlib.training import Run

BASE = Run(data="digits", network="small_resnet")
TOYS = Scale("toys", (BASE,), ("toys",))
SWAT = way("swat", 0.9)


def toy_claim(*effects: Effect, scales: tuple[Scale, ...] = (TOYS,), name: str = "n-toy") -> Claim:
    return Claim(
        id=name,
        paper="N",
        place="Section 0",
        statement="Toys do not mind.",
        says="nothing",
        kind="training",
        chapter="toys/01-toys",
        needs="toys",
        decision=Trained(effects, scales),
    )


def write(root: Path, accuracy: Callable[[Run], float], runs: list[Run], **metrics: object) -> None:
    """Write records of runs with these accuracies below ``root/toys``."""

    def train(run: Run) -> dict[str, object]:
        value = accuracy(run)
        return {
            "epochs": [],
            "test_accuracy": value,
            "diverged": False,
            "pixels": 8,
            "train_images": 1438,
        } | metrics

    sweep(runs, root / "toys", train)


def network(monkeypatch: pytest.MonkeyPatch, **columns: Any) -> None:
    """Let the recorded network have three layers with these columns, by kind of input."""
    rows = [
        {"weights": weights, "pixels": 224, "input": kind, "layer": layer}
        | {name: values[kind][i] if isinstance(values, dict) else values[i]}
        for weights in ("imagenet", "fresh")
        for kind in (features.PHOTOGRAPHS, features.GAUSSIAN, features.UNIFORM)
        for i, layer in enumerate("abc")
        for name, values in columns.items()
    ]
    keys = ["weights", "pixels", "input", "layer"]
    frame = pd.DataFrame(rows).groupby(keys, sort=False).first().reset_index()
    monkeypatch.setattr(trained_network, "measured", lambda part="rows": frame)
