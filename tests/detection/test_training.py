"""The detector and its training: what it learns, what it refuses, and that sweeps know it."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from swatlib.detection.detector import Detector
from swatlib.detection.images import BoxedImages
from swatlib.detection.training import DetectionRun, build, load, train, train_detection
from swatlib.experiments.verify import verify
from swatlib.records import read_record, record_path
from swatlib.records.sweep import sweep

QUICK = DetectionRun(pixels=32, images=48, width=8, epochs=2, batch_size=16)


def empty(count: int = 8, pixels: int = 32) -> BoxedImages:
    images = torch.randint(0, 256, (count, 3, pixels, pixels), dtype=torch.uint8)
    none = torch.zeros(0, dtype=torch.int64)
    return BoxedImages(images, [torch.zeros(0, 4)] * count, [none] * count)


@pytest.mark.parametrize("method", ["dense", "fst"])
def test_images_without_any_object_train(method: str) -> None:
    run = replace(QUICK, method=method, sparsity=0.0 if method == "dense" else 0.5, lr=0.01)
    model = build(run, classes=10)
    epochs = list(train(model, empty(), run))
    assert all(epoch["box_loss"] == 0 for epoch in epochs)
    assert all(p.isfinite().all() for p in model.parameters())


@pytest.mark.parametrize("method", ["dense", "fst", "sr-ste"])
def test_the_loss_falls(method: str) -> None:
    sparsity = 0.0 if method == "dense" else 0.5
    metrics = train_detection(replace(QUICK, method=method, sparsity=sparsity, epochs=6))
    first, last = metrics["epochs"][0], metrics["epochs"][-1]
    assert last["classification_loss"] < 0.9 * first["classification_loss"]
    assert last["box_loss"] < first["box_loss"]
    assert not metrics["diverged"]


def test_a_run_can_be_repeated_and_its_seed_matters() -> None:
    metrics = train_detection(QUICK)
    assert train_detection(QUICK) == metrics
    assert train_detection(replace(QUICK, seed=1))["epochs"] != metrics["epochs"]
    assert metrics["train_images"] == 48
    assert metrics["pixels"] == 32
    assert set(metrics) >= {"AP", "AP50", "AP75", "parameters"}


def test_a_run_that_diverges_says_so() -> None:
    metrics = train_detection(replace(QUICK, lr=1e12, epochs=3))
    assert metrics["diverged"]
    assert metrics["AP"] == 0
    assert len(metrics["epochs"]) < 3


def test_on_step_sees_every_step() -> None:
    steps: list[int] = []
    train_detection(QUICK, on_step=lambda step, model: steps.append(step))
    assert steps == list(range(1, 7))


def test_a_sweep_computes_and_verifies_detection_runs(tmp_path: Path) -> None:
    assert sweep([QUICK], tmp_path, progress=False).computed == 1
    record = read_record(record_path(tmp_path, QUICK))
    assert record.data is not None
    assert record.data["train"] == 48
    assert record.data["train_boxes"] == sum(map(len, load("scenes", 32, 48).train.boxes))
    (verdict,) = verify(tmp_path)
    assert verdict.identical


def test_what_cannot_be_trained_on_is_refused() -> None:
    model = Detector(classes=2, width=8)
    boxed = empty(2)
    outside = boxed._replace(
        boxes=[torch.tensor([[0.0, 0, 33, 8]])] * 2, labels=[torch.tensor([0])] * 2
    )
    with pytest.raises(ValueError, match="image 0: box 0 must lie inside the image of 32x32"):
        next(train(model, outside, QUICK))
    with pytest.raises(ValueError, match="images must not be empty"):
        next(train(model, BoxedImages(boxed.images[:0], [], []), QUICK))
    with pytest.raises(ValueError, match=r"images must be in \[1, 2000\], got 2001"):
        load("scenes", images=2001)
    for shape in ((1, 3, 30, 32), (1, 1, 32, 32), (3, 32, 32)):
        with pytest.raises(ValueError, match="H and W multiples of 4, got"):
            model(torch.zeros(shape))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"epochs": 0}, "epochs must be at least 1, got 0"),
        ({"width": 0}, "width must be at least 1, got 0"),
        ({"lr": float("inf")}, "lr must be positive, got inf"),
        ({"evaluated_on": "both"}, "evaluated_on must be one of train, test; got 'both'"),
        ({"task": "other"}, "task must be detection, got 'other'"),
        ({"method": "magic"}, "method must be one of"),
        ({"method": "small-dense", "sparsity": 0.5}, "method must not be 'small-dense' for a"),
        ({"method": "fst", "sparsity": 0.9}, "sparsity of a 2:4 method must be 0.5, got 0.9"),
    ],
)
def test_bad_runs(change: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(QUICK, **change)
    with pytest.raises(ValueError, match="classes must be at least 1, got 0"):
        Detector(0)
