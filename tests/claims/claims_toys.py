"""Toy claims and records that say what a test wants them to say."""

from collections.abc import Callable
from pathlib import Path

from swatlib.claims.claim import Claim, Trained
from swatlib.claims.effect import Effect, Scale, way
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
