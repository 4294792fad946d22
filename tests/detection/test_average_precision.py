"""Average precision on cases whose curve can be drawn by hand.

COCO reads precision at 101 values of recall, 0, 0.01, ..., 1, and takes the best precision at that
recall or a larger one.
"""

import pytest
import torch

from swatlib.detection.average_precision import average_precision
from swatlib.detection.detector import Detections
from swatlib.detection.images import BoxedImages

A, B, C = [0.0, 0, 10, 10], [20.0, 20, 30, 30], [0.0, 20, 10, 30]


def truth(*per_image: list[tuple[list[float], int]]) -> BoxedImages:
    images = torch.zeros(len(per_image), 3, 32, 32, dtype=torch.uint8)
    boxes = [torch.tensor([b for b, _ in rows]).reshape(-1, 4) for rows in per_image]
    labels = [torch.tensor([y for _, y in rows], dtype=torch.int64) for rows in per_image]
    return BoxedImages(images, boxes, labels)


def found(*rows: tuple[list[float], float, int]) -> Detections:
    return Detections(
        torch.tensor([r[0] for r in rows]).reshape(-1, 4),
        torch.tensor([r[1] for r in rows]),
        torch.tensor([r[2] for r in rows], dtype=torch.int64),
    )


def test_finding_everything_is_100() -> None:
    result = average_precision(
        [found((B, 0.9, 1), (A, 0.2, 0)), found((C, 0.5, 1))], truth([(A, 0), (B, 1)], [(C, 1)])
    )
    assert result == pytest.approx({"AP": 100, "AP50": 100, "AP75": 100})


def test_finding_nothing_is_0() -> None:
    assert average_precision([found()], truth([(A, 0)])) == {"AP": 0, "AP50": 0, "AP75": 0}


def test_one_of_two_objects() -> None:
    # Precision 1 up to recall 0.5, that is at 51 of the 101 values.
    result = average_precision([found((A, 0.9, 0))], truth([(A, 0), (B, 0)]))
    assert result["AP50"] == pytest.approx(100 * 51 / 101)


def test_a_false_alarm_above_a_hit_halves_the_precision() -> None:
    result = average_precision([found((B, 0.9, 0), (A, 0.5, 0))], truth([(A, 0)]))
    assert result["AP50"] == pytest.approx(50)


def test_a_false_alarm_below_all_hits_costs_nothing() -> None:
    result = average_precision([found((A, 0.9, 0), (B, 0.5, 0))], truth([(A, 0)]))
    assert result["AP"] == pytest.approx(100)


def test_the_same_object_twice_is_a_false_alarm() -> None:
    # Hit, double, hit: precision 1 up to recall 1/2 (51 values), then 2/3 (50 values).
    result = average_precision(
        [found((A, 0.9, 0), (A, 0.8, 0), (B, 0.7, 0))], truth([(A, 0), (B, 0)])
    )
    assert result["AP50"] == pytest.approx(100 * (51 + 50 * 2 / 3) / 101)


def test_thresholds() -> None:
    # IoU 0.8 is right at 0.50, 0.55, ..., 0.80: seven of ten thresholds.
    result = average_precision([found(([0.0, 0, 10, 8], 0.9, 0))], truth([(A, 0)]))
    assert result == pytest.approx({"AP": 70, "AP50": 100, "AP75": 100})
    # IoU 0.7: five of ten, and not 0.75.
    result = average_precision([found(([0.0, 0, 10, 7], 0.9, 0))], truth([(A, 0)]))
    assert result == pytest.approx({"AP": 50, "AP50": 100, "AP75": 0})


def test_the_wrong_class_is_a_miss_and_classes_count_alike() -> None:
    # Class 0: all of one; class 1: none of two.
    result = average_precision([found((A, 0.9, 0), (B, 0.9, 0))], truth([(A, 0), (B, 1), (C, 1)]))
    assert result["AP50"] == pytest.approx(50)


def test_images_without_objects_count_their_false_alarms() -> None:
    empty_first = average_precision([found((A, 0.9, 0)), found((A, 0.5, 0))], truth([], [(A, 0)]))
    assert empty_first["AP50"] == pytest.approx(50)
    quiet = average_precision([found(), found((A, 0.5, 0))], truth([], [(A, 0)]))
    assert quiet["AP50"] == pytest.approx(100)


def test_it_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    average_precision([found((A, 0.9, 0))], truth([(A, 0)]))
    assert capsys.readouterr().out == ""


def test_bad_input() -> None:
    with pytest.raises(ValueError, match="one entry for each of 2 images, got 1"):
        average_precision([found()], truth([(A, 0)], []))
    with pytest.raises(ValueError, match="truth must hold at least one box, got none"):
        average_precision([found()], truth([]))
    with pytest.raises(ValueError, match=r"boxes must have shape \(n, 4\)"):
        average_precision(
            [Detections(torch.zeros(1, 3), torch.zeros(1), torch.zeros(1))], truth([(A, 0)])
        )
