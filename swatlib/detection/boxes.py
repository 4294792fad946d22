"""Boxes: float tensors of shape (n, 4) that hold left, top, right and bottom edge in pixels.

Pixel (row i, column j) covers the square from (j, i) to (j + 1, i + 1), so a box around columns 3
to 5 has left edge 3 and right edge 6.
"""

from functools import partial

import torch
from torch import Tensor

from swatlib import checks
from swatlib.checked import checked

NUMBERS = (*checks.FLOATING, *checks.INTEGERS)
BOXES = partial(checks.tensor, shape=(checks.MORE, 4), dtypes=NUMBERS, meta=False)
"""The check of boxes (..., 4)."""

POINTS = partial(checks.tensor, shape=(checks.MORE, 2), dtypes=NUMBERS, meta=False)
"""The check of points (..., 2)."""


def _check_pairs(name: str, these: Tensor, other: str, those: Tensor) -> None:
    """Raise ValueError unless all dimensions but the last broadcast."""
    for a, b in zip(these.shape[-2::-1], those.shape[-2::-1], strict=False):
        if a != b and 1 not in (a, b):
            raise ValueError(
                f"{name} and {other} must belong together, got shapes {tuple(these.shape)} "
                f"and {tuple(those.shape)}"
            )


@checked(boxes=BOXES)
def area(boxes: Tensor) -> Tensor:
    """Return the area of boxes (..., 4), zero where an edge lies on the wrong side: (...)."""
    return (boxes[..., 2:] - boxes[..., :2]).clamp_min(0).prod(-1)


def _overlap(a: Tensor, b: Tensor) -> Tensor:
    """Return the area that boxes (..., 4) share with boxes (..., 4), broadcasting."""
    top_left = torch.maximum(a[..., :2], b[..., :2])
    bottom_right = torch.minimum(a[..., 2:], b[..., 2:])
    return area(torch.cat([top_left, bottom_right], dim=-1))


@checked(
    a=partial(BOXES, shape=(None, 4), dtypes=checks.FLOATING),
    b=partial(BOXES, shape=(None, 4), dtypes=checks.FLOATING),
)
def iou(a: Tensor, b: Tensor) -> Tensor:
    """Return intersection over union of every box of ``a`` with every box of ``b``.

    Parameters
    ----------
    a, b : Tensor, shapes (n, 4) and (m, 4)

    Returns
    -------
    Tensor, shape (n, m)
        In [0, 1]; 0 for two boxes without area.
    """
    shared = _overlap(a[:, None], b[None])
    union = area(a)[:, None] + area(b)[None] - shared
    return shared / union.clamp_min(torch.finfo(union.dtype).tiny)


@checked(a=partial(BOXES, dtypes=checks.FLOATING), b=partial(BOXES, dtypes=checks.FLOATING))
def generalised_iou(a: Tensor, b: Tensor) -> Tensor:
    """Return the generalised IoU of pairs of boxes (..., 4): in [-1, 1], 1 for equal boxes.

    From the IoU is subtracted the share of the smallest enclosing box that neither covers, so that
    boxes that do not touch still have a gradient towards each other (Rezatofighi et al. 2019).
    """
    _check_pairs("a", a, "b", b)
    tiny = torch.finfo(a.dtype).tiny
    shared = _overlap(a, b)
    union = area(a) + area(b) - shared
    top_left = torch.minimum(a[..., :2], b[..., :2])
    bottom_right = torch.maximum(a[..., 2:], b[..., 2:])
    hull = area(torch.cat([top_left, bottom_right], dim=-1))
    return shared / union.clamp_min(tiny) - (hull - union) / hull.clamp_min(tiny)


@checked(points=POINTS, boxes=BOXES)
def encode(points: Tensor, boxes: Tensor) -> Tensor:
    """Return the distances from points (..., 2) to the edges of boxes (..., 4): (..., 4).

    In the order left, top, right, bottom; all are positive for a point inside its box.
    """
    _check_pairs("points", points, "boxes", boxes)
    return torch.cat([points - boxes[..., :2], boxes[..., 2:] - points], dim=-1)


@checked(points=POINTS, distances=BOXES)
def decode(points: Tensor, distances: Tensor) -> Tensor:
    """Return the boxes (..., 4) that lie at ``distances`` (..., 4) around points (..., 2)."""
    _check_pairs("points", points, "distances", distances)
    return torch.cat([points - distances[..., :2], points + distances[..., 2:]], dim=-1)


@checked(boxes=BOXES, height=checks.at_least_0, width=checks.at_least_0)
def clip(boxes: Tensor, height: int, width: int) -> Tensor:
    """Return boxes (..., 4) cut off at the edges of an image of ``height`` by ``width`` pixels.

    A box that lies outside is left without area.
    """
    x = boxes[..., 0::2].clamp(0, width)
    y = boxes[..., 1::2].clamp(0, height)
    return torch.stack([x[..., 0], y[..., 0], x[..., 1], y[..., 1]], dim=-1)


@checked(
    boxes=partial(BOXES, dtypes=checks.FLOATING),
    scores=partial(checks.tensor, dtypes=NUMBERS, meta=False),
)
def nms(boxes: Tensor, scores: Tensor, labels: Tensor, threshold: float = 0.5) -> Tensor:
    """Return which boxes survive non-maximum suppression within their class.

    From the highest score down, a box removes those of its class that it overlaps too much.

    Parameters
    ----------
    boxes, scores, labels : Tensor, shapes (n, 4), (n,) and (n,)
    threshold : float
        The IoU above which a box is removed; in [0, 1].

    Returns
    -------
    Tensor, shape (k,)
        int64 indices, highest score first; of equal scores the first comes first.
    """
    if not 0 <= threshold <= 1:
        raise ValueError(f"threshold must be in [0, 1], got {threshold}")
    check_shapes(boxes, labels)
    if scores.shape != labels.shape:
        raise ValueError(f"scores must have shape {tuple(labels.shape)}, got {tuple(scores.shape)}")
    order = scores.argsort(descending=True, stable=True)
    same = labels[order, None] == labels[order]
    removes = (iou(boxes[order], boxes[order]) > threshold) & same
    kept = torch.ones(len(order), dtype=torch.bool, device=boxes.device)
    for i in range(len(order)):
        if kept[i]:
            kept[i + 1 :] &= ~removes[i, i + 1 :]
    return order[kept]


@checked
def check_shapes(boxes: Tensor, labels: Tensor) -> None:
    """Raise ValueError unless boxes are (n, 4) and labels (n,); n may be 0."""
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise ValueError(f"boxes must have shape (n, 4), got {tuple(boxes.shape)}")
    if labels.shape != boxes.shape[:1]:
        raise ValueError(
            f"labels must have shape ({len(boxes)},) like the boxes, got {tuple(labels.shape)}"
        )


@checked(
    boxes=partial(checks.tensor, dtypes=NUMBERS, meta=False),
    labels=partial(checks.tensor, dtypes=(*checks.INTEGERS, torch.bool), meta=False),
    height=checks.count,
    width=checks.count,
    classes=checks.count,
)
def check_boxes(boxes: Tensor, labels: Tensor, height: int, width: int, classes: int) -> None:
    """Make sure that boxes can be learnt: finite, inside the image, with an area and a class.

    Raises
    ------
    ValueError
        If a shape, a box or a label is wrong; the message names the first one that is.
    """
    check_shapes(boxes, labels)
    left, top, right, bottom = boxes.unbind(1)
    inside = (left >= 0) & (top >= 0) & (right <= width) & (bottom <= height)
    for good, wanted in (
        (boxes.isfinite().all(1), "be finite"),
        ((right > left) & (bottom > top), "have left < right and top < bottom"),
        (inside, f"lie inside the image of {height}x{width} pixels (clip them first)"),
    ):
        if not good.all():
            index = int((~good).nonzero()[0])
            raise ValueError(f"box {index} must {wanted}, got {boxes[index].tolist()}")
    wrong = (labels < 0) | (labels >= classes)
    if wrong.any():
        index = int(wrong.nonzero()[0])
        raise ValueError(f"label {index} must be in [0, {classes}), got {int(labels[index])}")
