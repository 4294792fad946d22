"""What a location learns: against a loop over locations and boxes."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from swatlib.detection.targets import BACKGROUND, RADIUS, assign, locations

STRIDE = 4
edge = st.integers(0, 15)
box = st.tuples(edge, edge, st.integers(1, 12), st.integers(1, 12)).map(
    lambda b: (b[0], b[1], min(16, b[0] + b[2]), min(16, b[1] + b[3]))
)


def slow_assign(point: list[float], boxes: list[tuple], labels: list[int]) -> tuple[int, list]:
    x, y = point
    best, chosen = None, (BACKGROUND, [0, 0, 0, 0])
    for (left, top, right, bottom), label in zip(boxes, labels, strict=True):
        inside = left <= x < right and top <= y < bottom
        far = max(abs(x - (left + right) / 2), abs(y - (top + bottom) / 2))
        size = (right - left) * (bottom - top)
        if inside and far <= RADIUS * STRIDE and (best is None or size < best):
            best, chosen = size, (label, [left, top, right, bottom])
    return chosen


def test_locations_are_the_centres_in_reading_order() -> None:
    assert locations(2, 3, 4).tolist() == [[2, 2], [6, 2], [10, 2], [2, 6], [6, 6], [10, 6]]


@given(st.lists(box, max_size=4))
def test_assignment_is_that_of_the_loop(boxes: list[tuple]) -> None:
    points = locations(4, 4, STRIDE)
    labels = list(range(len(boxes)))
    found = assign(
        points,
        torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4),
        torch.tensor(labels, dtype=torch.int64),
        STRIDE,
    )
    want = [slow_assign(p, boxes, labels) for p in points.tolist()]
    assert found[0].tolist() == [w[0] for w in want]
    assert found[1].tolist() == [w[1] for w in want]


@given(edge, edge, st.integers(4, 16), st.integers(4, 16))
def test_a_box_of_a_stride_is_learnt_somewhere(x: int, y: int, width: int, height: int) -> None:
    boxes = torch.tensor([[x, y, x + width, y + height]], dtype=torch.float32)
    labels, _ = assign(locations(8, 8, STRIDE), boxes, torch.tensor([3]), STRIDE)
    assert (labels == 3).any()


def test_an_image_without_objects_is_all_background() -> None:
    none = torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64)
    labels, boxes = assign(locations(3, 3, STRIDE), *none, STRIDE)
    assert labels.tolist() == [BACKGROUND] * 9
    assert boxes.count_nonzero() == 0
