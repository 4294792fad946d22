"""The detector: shapes, and boxes out of its output."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from swatlib.core.layers import SparseConv2d
from swatlib.detection.average_precision import average_precision
from swatlib.detection.detector import PRIOR, STRIDE, Detector, detect
from swatlib.detection.images import BoxedImages
from swatlib.detection.targets import BACKGROUND, assign, locations
from swatlib.detection.training import DetectionRun, build, load

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
