"""Average precision, as COCO defines it and its reference implementation computes it."""

import contextlib
import io
from collections.abc import Sequence
from typing import Any

from torch import Tensor

from swatlib.checked import checked
from swatlib.detection.boxes import check_shapes
from swatlib.detection.detector import Detections
from swatlib.detection.images import BoxedImages


@checked
def average_precision(found: Sequence[Detections], truth: BoxedImages) -> dict[str, float]:
    """Compare what was found with what is there.

    A detection is right if its IoU with an object of its class, not yet taken by a better scored
    one, reaches a threshold. Going down the scores gives a curve of precision against recall; its
    area, averaged over the classes that occur, is the average precision at that threshold (Lin et
    al. 2014; computed by ``pycocotools``, at most 100 detections an image).

    Parameters
    ----------
    found : sequence of Detections
        One per image.
    truth : BoxedImages

    Returns
    -------
    dict
        In percent: ``AP``, the mean over the thresholds 0.50, 0.55, ..., 0.95; ``AP50`` and
        ``AP75``, at one threshold.

    Raises
    ------
    ValueError
        If the numbers of images differ, shapes are wrong, or there is no object to be found, for
        then the measure is not defined.
    """
    if len(found) != len(truth.images):
        raise ValueError(
            f"found must hold one entry for each of {len(truth.images)} images, got {len(found)}"
        )
    if not sum(map(len, truth.boxes)):
        raise ValueError("truth must hold at least one box, got none: precision is not defined")
    for one in found:
        check_shapes(one.boxes, one.labels)
    from pycocotools.cocoeval import COCOeval

    with contextlib.redirect_stdout(io.StringIO()):  # pycocotools prints its progress
        evaluation = COCOeval(
            _coco(truth.boxes, truth.labels, truth),
            _coco([f.boxes for f in found], [f.labels for f in found], truth, found),
            "bbox",
        )
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    names = ("AP", "AP50", "AP75")
    return {name: 100 * float(evaluation.stats[i]) for i, name in enumerate(names)}


def _coco(
    boxes: Sequence[Tensor],
    labels: Sequence[Tensor],
    truth: BoxedImages,
    found: Sequence[Detections] | None = None,
) -> Any:
    """Return boxes as pycocotools takes them: corner, width, height; annotation ids from 1."""
    from pycocotools.coco import COCO

    classes = {int(c) for part in truth.labels for c in part}
    annotations: list[dict[str, Any]] = []
    for image, (b, y) in enumerate(zip(boxes, labels, strict=True)):
        for row, (left, top, right, bottom) in enumerate(b.tolist()):
            annotation = {
                "id": len(annotations) + 1,
                "image_id": image,
                "category_id": int(y[row]),
                "bbox": [left, top, right - left, bottom - top],
                "area": (right - left) * (bottom - top),
                "iscrowd": 0,
            }
            if found is not None:
                annotation["score"] = float(found[image].scores[row])
            annotations.append(annotation)
    coco = COCO()
    coco.dataset = {
        "images": [{"id": i} for i in range(len(boxes))],
        "categories": [{"id": c} for c in sorted(classes)],
        "annotations": annotations,
    }
    coco.createIndex()
    return coco
