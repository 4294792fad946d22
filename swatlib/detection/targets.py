"""What every location of the feature map has to learn."""

from functools import partial

import torch
from torch import Tensor

from swatlib import checks
from swatlib.checked import checked

BACKGROUND = -1
"""Label of a location at which there is no object."""

RADIUS = 1.5
"""Only locations so many strides around a box's centre learn it (centre sampling of FCOS)."""


@checked(rows=checks.at_least_0, columns=checks.at_least_0, stride=checks.count)
def locations(rows: int, columns: int, stride: int) -> Tensor:
    """Return the centres (x, y) of the locations in reading order, float32 (rows columns, 2)."""
    y = (torch.arange(rows) + 0.5) * stride
    x = (torch.arange(columns) + 0.5) * stride
    return torch.stack([x.repeat(rows), y.repeat_interleave(columns)], dim=1)


@checked(
    points=partial(checks.tensor, shape=(None, 2), meta=False),
    boxes=partial(checks.tensor, shape=(None, 4), meta=False),
    labels=partial(checks.tensor, shape=(None,), dtypes=checks.INTEGERS, meta=False),
    stride=checks.count,
)
def assign(points: Tensor, boxes: Tensor, labels: Tensor, stride: int) -> tuple[Tensor, Tensor]:
    """Assign to each location the smallest box that it lies in, near the centre.

    Parameters
    ----------
    points : Tensor, shape (L, 2)
        As :func:`locations` returns them.
    boxes, labels : Tensor, shapes (n, 4) and (n,)
        n may be 0.
    stride : int
        Pixels between two locations.

    Returns
    -------
    labels : Tensor, shape (L,)
        int64, `BACKGROUND` where there is nothing to find.
    boxes : Tensor, shape (L, 4)
        The box to find, zeros where there is none.

    Notes
    -----
    A box at least one stride wide and high is learnt by at least one location, unless smaller boxes
    take all of its locations. A smaller box may lie between the locations and is then not learnt.
    """
    if len(labels) != len(boxes):
        raise ValueError(f"labels must have shape ({len(boxes)},), got ({len(labels)},)")
    x, y = points[:, :1], points[:, 1:]
    left, top, right, bottom = boxes.unbind(1)
    inside = (left <= x) & (x < right) & (top <= y) & (y < bottom)
    centre_x, centre_y = (left + right) / 2, (top + bottom) / 2
    near = torch.maximum((x - centre_x).abs(), (y - centre_y).abs()) <= RADIUS * stride
    sizes = ((right - left) * (bottom - top)).expand(len(points), -1)
    sizes = sizes.masked_fill(~(inside & near), torch.inf)
    # One more "box", infinitely large: the background.
    everything = torch.cat([sizes, sizes.new_full((len(points), 1), torch.inf)], dim=1)
    smallest, which = everything.min(dim=1)
    none = smallest.isinf()
    which = which.masked_fill(none, len(boxes))
    all_labels = torch.cat([labels, labels.new_tensor([BACKGROUND])])
    all_boxes = torch.cat([boxes, boxes.new_zeros(1, 4)])
    return all_labels[which], all_boxes[which]
