"""The detector and its training: what it learns, what it refuses, and that sweeps know it."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from swatlib.core.layers import SparseConv2d
from swatlib.detection.average_precision import average_precision
from swatlib.detection.detector import PRIOR, STRIDE, Detector, detect
from swatlib.detection.images import BoxedImages
from swatlib.detection.targets import BACKGROUND, assign, locations
from swatlib.detection.training import DetectionRun, build, load, train, train_detection
from swatlib.experiments.verify import verify
from swatlib.records import read_record, record_path
from swatlib.records.sweep import sweep

QUICK = DetectionRun(pixels=32, images=48, width=8, epochs=2, batch_size=16)


def empty(count: int = 8, pixels: int = 32) -> BoxedImages:
    images = torch.randint(0, 256, (count, 3, pixels, pixels), dtype=torch.uint8)
    none = torch.zeros(0, dtype=torch.int64)
    return BoxedImages(images, [torch.zeros(0, 4)] * count, [none] * count)


def test_shapes_and_prior() -> None:
    model = Detector(classes=3, width=8)
    logits, distances = model(torch.randn(2, 3, 32, 24))
    assert logits.shape == (2, 8 * 6, 3)
    assert distances.shape == (2, 8 * 6, 4)
    assert (distances > 0).all()
    assert logits.sigmoid().mean().item() == pytest.approx(PRIOR, rel=0.5)


def test_every_convolution_follows_the_recipe() -> None:
    model = build(replace(QUICK, method="fst", sparsity=0.5), classes=10)
    layers = [m for m in model.modules() if isinstance(m, nn.Conv2d)]
    assert len(layers) == 12  # stem, three blocks with two shortcuts, tower, two heads
    assert all(isinstance(layer, SparseConv2d) for layer in layers)
    assert {layer.recipe.name for layer in layers} == {"FST"}


class Oracle(nn.Module):
    """Answers with the truth about the images it is built for, scores 0.9."""

    def __init__(self, truth: BoxedImages, classes: int) -> None:
        super().__init__()
        self.one = nn.Parameter(torch.ones(()))
        points = locations(truth.images.shape[2] // STRIDE, truth.images.shape[3] // STRIDE, STRIDE)
        self.logits, self.distances = [], []
        for boxes, labels in zip(truth.boxes, truth.labels, strict=True):
            y, b = assign(points, boxes, labels, STRIDE)
            logits = torch.full((len(points), classes), -9.0)
            logits[y != BACKGROUND, y[y != BACKGROUND]] = 2.2
            self.logits.append(logits)
            self.distances.append(torch.cat([points - b[:, :2], b[:, 2:] - points], dim=1))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        return torch.stack(self.logits), torch.stack(self.distances)


def test_the_right_answer_is_decoded_without_loss() -> None:
    """Targets, decoding, suppression and measure fit: knowing the truth gives 100."""
    truth = load("scenes", images=40).train
    found = detect(Oracle(truth, 10), truth.images)  # type: ignore[arg-type]
    assert average_precision(found, truth) == pytest.approx({"AP": 100, "AP50": 100, "AP75": 100})
    assert [len(f.boxes) for f in found] == [len(b) for b in truth.boxes]


def test_detections_are_sorted_clipped_and_leave_the_mode_alone() -> None:
    torch.manual_seed(0)
    model = Detector(classes=3, width=8).train()
    found = detect(model, empty(3).images, least_score=0.0)
    assert model.training
    assert len(found) == 3
    for one in found:
        assert 0 < len(one.scores) <= 100
        assert torch.equal(one.scores, one.scores.sort(descending=True).values)
        assert (one.boxes >= 0).all()
        assert (one.boxes <= 32).all()


def test_an_image_in_which_nothing_is_found() -> None:
    (found,) = detect(Detector(classes=3, width=8), empty(1).images, least_score=0.99)
    assert found.boxes.shape == (0, 4)
    assert found.scores.shape == found.labels.shape == (0,)


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
        ({"method": "fst", "sparsity": 0.9}, "sparsity of a 2:4 method must be 0.5, got 0.9"),
    ],
)
def test_bad_runs(change: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(QUICK, **change)
    with pytest.raises(ValueError, match="classes must be at least 1, got 0"):
        Detector(0)
