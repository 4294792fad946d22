"""The loss against loops in float64, and batches without any object."""

import math

import pytest
import torch

from swatlib.detection.boxes import generalised_iou
from swatlib.detection.loss import detection_loss, focal_loss
from swatlib.detection.targets import BACKGROUND, locations


def slow_focal(logits: list[list[float]], labels: list[int], alpha: float, gamma: float) -> float:
    total = 0.0
    for row, label in zip(logits, labels, strict=True):
        for c, logit in enumerate(row):
            p = 1 / (1 + math.exp(-logit))
            p_t, a_t = (p, alpha) if c == label else (1 - p, 1 - alpha)
            total -= a_t * (1 - p_t) ** gamma * math.log(p_t)
    return total


@pytest.mark.parametrize(("alpha", "gamma"), [(0.25, 2.0), (0.5, 0.0), (0.9, 1.0)])
def test_focal_loss_is_equation_5(alpha: float, gamma: float) -> None:
    logits = torch.randn(6, 3, dtype=torch.float64) * 3
    labels = torch.tensor([0, 1, 2, BACKGROUND, BACKGROUND, 1])
    want = slow_focal(logits.tolist(), labels.tolist(), alpha, gamma)
    assert focal_loss(logits, labels, alpha, gamma).item() == pytest.approx(want, rel=1e-12)


def batch() -> tuple[torch.Tensor, ...]:
    points = locations(2, 2, 4)
    labels = torch.full((2, 4), BACKGROUND)
    boxes = torch.zeros(2, 4, 4)
    labels[0, 1], boxes[0, 1] = 2, torch.tensor([3.0, 1, 8, 4])
    labels[1, 3], boxes[1, 3] = 0, torch.tensor([4.0, 4, 7, 8])
    return points, labels, boxes


def test_detection_loss_counts_objects() -> None:
    points, labels, boxes = batch()
    logits, distances = torch.randn(2, 4, 3), torch.rand(2, 4, 4) + 1
    classification, box = detection_loss(logits, distances, points, labels, boxes)
    assert classification.item() == pytest.approx(focal_loss(logits, labels).item() / 2)
    missed = 0.0
    for image, location in ((0, 1), (1, 3)):
        x, y = points[location].tolist()
        left, top, right, bottom = distances[image, location].tolist()
        predicted = torch.tensor([x - left, y - top, x + right, y + bottom])
        missed += 1 - generalised_iou(predicted, boxes[image, location]).item()
    assert box.item() == pytest.approx(missed / 2)


def test_a_perfect_answer_costs_nothing() -> None:
    points, labels, boxes = batch()
    logits = torch.full((2, 4, 3), -30.0)
    logits[0, 1, 2] = logits[1, 3, 0] = 30.0
    distances = torch.cat([points - boxes[..., :2], boxes[..., 2:] - points], dim=-1)
    classification, box = detection_loss(logits, distances, points, labels, boxes)
    assert classification.item() < 1e-6
    assert box.item() == pytest.approx(0, abs=1e-6)


def test_a_batch_without_objects_has_a_finite_loss_and_gradient() -> None:
    points = locations(2, 2, 4)
    logits = torch.randn(2, 4, 3, requires_grad=True)
    distances = torch.rand(2, 4, 4, requires_grad=True)
    labels = torch.full((2, 4), BACKGROUND)
    classification, box = detection_loss(logits, distances, points, labels, torch.zeros(2, 4, 4))
    assert classification.item() > 0
    assert box.item() == 0
    (classification + box).backward()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()
    assert (logits.grad > 0).all()  # every score should fall
    assert distances.grad is not None
    assert distances.grad.count_nonzero() == 0


def test_wrong_shapes_are_named() -> None:
    points, labels, boxes = batch()
    with pytest.raises(ValueError, match=r"labels and boxes must have shapes \(2, 4\)"):
        detection_loss(torch.zeros(2, 4, 3), torch.zeros(2, 4, 4), points, labels[:1], boxes)
