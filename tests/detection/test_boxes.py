"""Boxes: overlap and suppression against loops in float64, and what is no box."""

from itertools import product

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from swatlib.detection.boxes import (
    area,
    check_boxes,
    clip,
    decode,
    encode,
    generalised_iou,
    iou,
    nms,
)

Box = tuple[float, float, float, float]

coordinate = st.integers(-4, 12).map(lambda n: n / 2)
box = st.tuples(coordinate, coordinate, coordinate, coordinate)  # edges on the wrong side, too
proper = box.map(lambda b: (min(b[0], b[2]), min(b[1], b[3]), max(b[0], b[2]), max(b[1], b[3])))


def slow_area(b: Box) -> float:
    width, height = b[2] - b[0], b[3] - b[1]
    return width * height if width > 0 and height > 0 else 0.0


def slow_iou(a: Box, b: Box) -> float:
    shared = slow_area((max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3])))
    union = slow_area(a) + slow_area(b) - shared
    return shared / union if union > 0 else 0.0


def slow_giou(a: Box, b: Box) -> float:
    shared = slow_area((max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3])))
    union = slow_area(a) + slow_area(b) - shared
    hull = slow_area((min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3])))
    return slow_iou(a, b) - (hull - union) / hull


def slow_nms(boxes: list[Box], scores: list[float], labels: list[int], limit: float) -> list[int]:
    left = sorted(range(len(boxes)), key=lambda i: (-scores[i], i))
    kept = []
    while left:
        best = left.pop(0)
        kept.append(best)
        left = [
            i for i in left if labels[i] != labels[best] or slow_iou(boxes[i], boxes[best]) <= limit
        ]
    return kept


@given(st.lists(box, min_size=1, max_size=5), st.lists(box, min_size=1, max_size=5))
def test_iou_is_that_of_the_loop(a: list[Box], b: list[Box]) -> None:
    found = iou(torch.tensor(a), torch.tensor(b))
    assert found.shape == (len(a), len(b))
    for (i, p), (j, q) in product(enumerate(a), enumerate(b)):
        assert found[i, j].item() == pytest.approx(slow_iou(p, q), abs=1e-6)


@given(proper, proper)
def test_generalised_iou_is_that_of_the_loop(a: Box, b: Box) -> None:
    found = generalised_iou(torch.tensor(a), torch.tensor(b)).item()
    hull = (min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3]))
    if slow_area(hull):
        assert found == pytest.approx(slow_giou(a, b), abs=1e-6)
    assert -1 <= found <= 1


def test_boxes_that_do_not_touch_are_pulled_together() -> None:
    near = torch.tensor([4.0, 0, 6, 2], requires_grad=True)
    generalised_iou(near, torch.tensor([0.0, 0, 2, 2])).backward()
    assert near.grad is not None
    assert near.grad[0] < 0  # moving the left edge towards the other box helps


def test_overlap_by_hand() -> None:
    a = torch.tensor([[0.0, 0, 2, 2]])
    b = torch.tensor([[1.0, 1, 3, 3], [0, 0, 2, 2], [2, 0, 4, 2], [1, 0, 1, 2]])
    assert iou(a, b)[0].tolist() == pytest.approx([1 / 7, 1, 0, 0])
    assert generalised_iou(a[0], b).tolist()[:3] == pytest.approx([1 / 7 - 2 / 9, 1, 0])
    assert area(b).tolist() == [4, 4, 4, 0]


def test_no_boxes_overlap_nothing() -> None:
    none, two = torch.zeros(0, 4), torch.ones(2, 4)
    assert iou(none, two).shape == (0, 2)
    assert generalised_iou(none, none).shape == (0,)


@given(st.tuples(coordinate, coordinate), box)
def test_decode_undoes_encode(point: tuple[float, float], edges: Box) -> None:
    p, b = torch.tensor(point), torch.tensor(edges)
    assert torch.equal(decode(p, encode(p, b)), b)


def test_distances_are_positive_inside() -> None:
    distances = encode(torch.tensor([3.0, 4.0]), torch.tensor([1.0, 1, 4, 6]))
    assert distances.tolist() == [2, 3, 1, 2]  # left, top, right, bottom


@given(st.lists(box, max_size=5))
def test_clipped_boxes_lie_inside(edges: list[Box]) -> None:
    boxes = torch.tensor(edges).reshape(-1, 4)
    clipped = clip(boxes, height=3, width=4)
    assert (clipped >= 0).all()
    assert (clipped <= torch.tensor([4.0, 3, 4, 3])).all()
    assert torch.equal(clip(clipped, 3, 4), clipped)


def test_clip_cuts_what_sticks_out_and_empties_what_is_outside() -> None:
    boxes = torch.tensor([[-1.0, 1, 9, 2], [5, 0, 7, 1]])
    assert clip(boxes, 3, 4).tolist() == [[0, 1, 4, 2], [4, 0, 4, 1]]


@given(st.lists(st.tuples(proper, st.integers(0, 4), st.integers(0, 1)), max_size=8))
def test_nms_is_that_of_the_loop(rows: list[tuple[Box, int, int]]) -> None:
    boxes, scores, labels = [r[0] for r in rows], [r[1] / 4 for r in rows], [r[2] for r in rows]
    found = nms(
        torch.tensor(boxes).reshape(-1, 4),
        torch.tensor(scores),
        torch.tensor(labels, dtype=torch.int64),
        threshold=0.3,
    )
    assert found.tolist() == slow_nms(boxes, scores, labels, 0.3)


def test_nms_keeps_other_classes_and_the_best() -> None:
    boxes = torch.tensor([[0.0, 0, 4, 4], [0, 0, 4, 4.4], [0, 0, 4, 4.4], [8, 8, 9, 9]])
    scores, labels = torch.tensor([0.5, 0.9, 0.3, 0.1]), torch.tensor([0, 0, 1, 0])
    assert nms(boxes, scores, labels).tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("boxes", "labels", "message"),
    [
        ([[0.0, 0, 2]], [0], r"boxes must have shape \(n, 4\), got \(1, 3\)"),
        ([[0.0, 0, 2, 3]], [0, 1], r"labels must have shape \(1,\)"),
        ([[0.0, 0, float("nan"), 3]], [0], "box 0 must be finite"),
        ([[0.0, 0, 1, 1], [2, 0, 2, 3]], [0, 0], "box 1 must have left < right and top < bottom"),
        ([[3.0, 0, 2, 3]], [0], "box 0 must have left < right"),
        ([[0.0, 0, 5, 3]], [0], "box 0 must lie inside the image of 3x4 pixels"),
        ([[-1.0, 0, 2, 3]], [0], "box 0 must lie inside"),
        ([[7.0, 7, 8, 8]], [0], "box 0 must lie inside"),
        ([[0.0, 0, 2, 3]], [2], r"label 0 must be in \[0, 2\), got 2"),
        ([[0.0, 0, 2, 3]], [-1], r"label 0 must be in \[0, 2\), got -1"),
    ],
)
def test_what_is_no_box(boxes: list, labels: list, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_boxes(torch.tensor(boxes), torch.tensor(labels), height=3, width=4, classes=2)


def test_what_is_a_box() -> None:
    check_boxes(torch.tensor([[0.0, 0, 4, 3]]), torch.tensor([1]), height=3, width=4, classes=2)
    check_boxes(torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64), 3, 4, 2)


def test_bad_input_of_nms() -> None:
    boxes, scores, labels = torch.zeros(2, 4), torch.zeros(2), torch.zeros(2)
    with pytest.raises(ValueError, match=r"threshold must be in \[0, 1\], got 1.5"):
        nms(boxes, scores, labels, 1.5)
    with pytest.raises(ValueError, match=r"scores must have shape \(2,\), got \(3,\)"):
        nms(boxes, torch.zeros(3), labels)
    with pytest.raises(ValueError, match=r"boxes must have shape \(n, 4\)"):
        nms(torch.zeros(4), scores, labels)
