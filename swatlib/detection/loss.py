"""The loss: focal loss over all locations, generalised IoU where there is an object."""

from functools import partial

import torch
from torch import Tensor
from torch.nn import functional

from swatlib import checks
from swatlib.checked import checked
from swatlib.detection.boxes import decode, generalised_iou
from swatlib.detection.targets import BACKGROUND

LABELS = partial(checks.tensor, dtypes=checks.INTEGERS, meta=False)


@checked(logits=partial(checks.tensor, shape=(checks.MORE, None), meta=False), labels=LABELS)
def focal_loss(logits: Tensor, labels: Tensor, alpha: float = 0.25, gamma: float = 2.0) -> Tensor:
    """Return the sum of the focal loss (Lin et al. 2017, Eq. 5) over locations and classes.

    Every class is a binary classification of its own. Terms that are classified well already are
    scaled down, so that the many easy background locations do not outweigh the few objects.

    Parameters
    ----------
    logits : Tensor, shape (..., C)
    labels : Tensor, shape (...)
        int64 in [0, C), or `BACKGROUND`.
    alpha, gamma : float
        Weight of the positive terms, and the exponent that scales down well classified ones. The
        defaults are the paper's best values.
    """
    if labels.shape != logits.shape[:-1]:
        raise ValueError(
            f"labels must have shape {tuple(logits.shape[:-1])}, got {tuple(labels.shape)}"
        )
    classes = torch.arange(logits.shape[-1], device=logits.device)
    yes = (labels[..., None] == classes).to(logits.dtype)
    entropy = functional.binary_cross_entropy_with_logits(logits, yes, reduction="none")
    wrong = (logits.sigmoid() - yes).abs()  # 1 - p_t in the paper
    weight = alpha * yes + (1 - alpha) * (1 - yes)
    return (weight * wrong**gamma * entropy).sum()


@checked(
    logits=partial(checks.tensor, shape=(None, None, None), meta=False),
    distances=partial(checks.tensor, shape=(None, None, 4), meta=False),
    points=partial(checks.tensor, shape=(None, 2), meta=False),
    labels=LABELS,
    boxes=partial(checks.tensor, shape=(None, None, 4), meta=False),
)
def detection_loss(
    logits: Tensor, distances: Tensor, points: Tensor, labels: Tensor, boxes: Tensor
) -> tuple[Tensor, Tensor]:
    """Return classification and box loss of a batch, each per location that has an object.

    Parameters
    ----------
    logits, distances : Tensor, shapes (N, L, C) and (N, L, 4)
        From the detector.
    points : Tensor, shape (L, 2)
        The locations.
    labels, boxes : Tensor, shapes (N, L) and (N, L, 4)
        From :func:`swatlib.detection.targets.assign`.

    Returns
    -------
    classification, box : Tensor, shape ()
        The focal loss, and 1 - generalised IoU. In a batch without objects the first is divided by
        one and the second is 0.
    """
    if labels.shape != logits.shape[:2] or boxes.shape != distances.shape:
        raise ValueError(
            f"labels and boxes must have shapes {tuple(logits.shape[:2])} and "
            f"{tuple(distances.shape)}, got {tuple(labels.shape)} and {tuple(boxes.shape)}"
        )
    if len(points) != labels.shape[1]:
        raise ValueError(f"points must have shape ({labels.shape[1]}, 2), got {len(points)} points")
    objects = labels != BACKGROUND
    count = objects.sum().clamp_min(1)
    predicted = decode(points.expand(len(labels), -1, -1)[objects], distances[objects])
    missed = (1 - generalised_iou(predicted, boxes[objects])).sum()
    return focal_loss(logits, labels) / count, missed / count
