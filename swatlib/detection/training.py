"""A detection run as a value, trained by the same loop as the classifiers, with its own loss."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache, partial
from math import isfinite
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from swatlib import checks
from swatlib.checked import checked, checked_fields
from swatlib.data import data_folder
from swatlib.data.folder import find
from swatlib.detection.average_precision import average_precision
from swatlib.detection.detector import STRIDE, Detector, detect, standardised
from swatlib.detection.images import BoxedImages, DetectionData, check, describe
from swatlib.detection.loss import detection_loss
from swatlib.detection.scenes import one_class, read_scenes
from swatlib.detection.targets import assign, locations
from swatlib.detection.yolo import read_yolo
from swatlib.methods import Method, method
from swatlib.records.checkpoint import Checkpoint
from swatlib.surgery.sparsify import sparsify_
from swatlib.training.course import Course
from swatlib.training.loop import Descent, OnStep, memory_format, steps

SCENES = ("scenes", "scenes-one-class")


@dataclass(frozen=True)
class DetectionRun:
    """The specification of one detector's training; equal runs give equal numbers on one machine.

    Parameters
    ----------
    data : str
        ``"scenes"``, of ten classes, ``"scenes-one-class"``, or an archive in the YOLO layout in
        the folder that ``SWATLIB_DATA`` names.
    pixels, images : int, optional
        Size of the images and number of training images, where not the data's own.
    evaluated_on : str
        "test" or "train": the images that average precision is measured on.
    width : int
        Of the :class:`~swatlib.detection.detector.Detector`.
    method, sparsity, options
        As :func:`swatlib.methods.method` takes them. The method applies to every convolution, heads
        included, and its recipe says whether the first one stays dense.
    epochs, batch_size : int
    lr, momentum, weight_decay : float
        Of SGD; ``lr`` is the peak of a cosine with warm-up, see :func:`swatlib.training.rate.rate`.
    seed : int
        Of the initial weights and the order of the images. The data do not depend on it.
    task : str
        Always "detection"; it keeps these specifications apart from those of other runs.
    """

    data: str = "scenes"
    pixels: int | None = None
    images: int | None = None
    evaluated_on: str = "test"
    width: int = 16
    method: str = "dense"
    sparsity: float = 0.0
    options: dict[str, Any] = field(default_factory=dict)
    epochs: int = 10
    batch_size: int = 32
    lr: float = 0.05
    momentum: float = 0.9
    weight_decay: float = 5e-4
    seed: int = 0
    task: str = "detection"

    def __post_init__(self) -> None:
        checked_fields(
            self,
            data=checks.text,
            pixels=checks.optional(checks.count),
            images=checks.optional(checks.count),
            evaluated_on=partial(checks.one_of, allowed=("train", "test")),
            width=checks.count,
            sparsity=checks.sparsity,
            options=checks.options,
            epochs=checks.count,
            batch_size=checks.count,
            lr=partial(checks.number, above=0),
            momentum=partial(checks.number, least=0, below=1),
            weight_decay=partial(checks.number, least=0),
            seed=partial(checks.count, least=0, most=checks.SEEDS),
            task=partial(checks.one_of, allowed=("detection",)),
        )
        # Raise for an unknown method or a wrong sparsity now, before anything is computed.
        self.plan.check(self.epochs, self.momentum)
        if self.plan.smaller:
            raise ValueError(
                f"method must not be {self.method!r} for a detector, which is not built smaller"
            )

    @property
    def plan(self) -> Method:
        """The run's method as a value."""
        return method(self.method, self.sparsity, **self.options)

    @checked
    def compute(self, checkpoint: Checkpoint | None = None) -> dict[str, Any]:
        """Train and return the metrics, from the checkpoint on if there is one.

        A sweep calls this.
        """
        return train_detection(self, checkpoint=checkpoint)

    def describe_data(self) -> dict[str, object]:
        """Describe the images and boxes of the run; a sweep writes this into the record."""
        return describe(load(self.data, self.pixels, self.images))


@checked
def load(name: str, pixels: int | None = None, images: int | None = None) -> DetectionData:
    """Return the data of a run, checked; the second call returns the same tensors.

    Raises
    ------
    ValueError
        For an unknown name, impossible ``pixels`` or ``images``, or a damaged archive.
    FileNotFoundError
        If ``SWATLIB_DATA`` names no folder.
    """
    return _load(name, pixels, images, None if name in SCENES else data_folder())


@lru_cache(maxsize=2)
def _load(name: str, pixels: int | None, images: int | None, folder: Path | None) -> DetectionData:
    if name in SCENES:
        data = read_scenes(pixels) if name == "scenes" else one_class(read_scenes(pixels))
    else:
        path = None if folder is None else find(name, folder)
        if path is None or not path.is_file():
            where = "SWATLIB_DATA is not set" if folder is None else f"SWATLIB_DATA is {folder}"
            raise ValueError(
                f"unknown detection data {name!r}: allowed are {', '.join(SCENES)} and the "
                f"archives in the folder SWATLIB_DATA names ({where})"
            )
        data = read_yolo(path, pixels)
    for part in (data.train, data.test):
        check(part, len(data.class_names))
    return data if images is None else data._replace(train=data.train.first(images))


@checked(device=checks.usable_device)
def train_detection(
    run: DetectionRun,
    device: str | None = None,
    on_step: OnStep | None = None,
    checkpoint: Checkpoint | None = None,
) -> dict[str, Any]:
    """Train as ``run`` says and return its metrics.

    Parameters
    ----------
    run : DetectionRun
    device : str, optional
        A GPU if there is one, else the CPU.
    on_step : callable, optional
        Called as ``on_step(step, model)`` after every optimizer step.
    checkpoint : Checkpoint, optional
        Where a run that was stopped goes on, and where this one is kept.

    Returns
    -------
    dict
        ``epochs``: per epoch ``classification_loss`` and ``box_loss``, means over its batches;
        ``AP``, ``AP50`` and ``AP75`` in percent, of the trained detector, on the images the run is
        evaluated on (0 if it diverged); ``diverged``: whether a loss became non-finite, which ends
        the run; ``parameters``, ``train_images`` and ``pixels``.
    """
    data = load(run.data, run.pixels, run.images)
    model = build(run, len(data.class_names))
    epochs = list(train(model, data.train, run, device, on_step, Course(checkpoint)))
    diverged = not all(isfinite(value) for value in epochs[-1].values())
    precision = {"AP": 0.0, "AP50": 0.0, "AP75": 0.0}
    if not diverged:
        looked_at = data.train if run.evaluated_on == "train" else data.test
        precision = average_precision(detect(model, looked_at.images), looked_at)
    return {
        "epochs": epochs,
        **precision,
        "diverged": diverged,
        "parameters": sum(p.numel() for p in model.parameters()),
        "train_images": len(data.train.images),
        "pixels": data.train.images.shape[-1],
    }


@checked
def build(run: DetectionRun, classes: int) -> Detector:
    """Return the run's detector, initialised from its seed and made sparse by its method."""
    torch.manual_seed(run.seed)
    model = Detector(classes, run.width)
    sparsify_(model, run.plan)
    return model


@checked(device=checks.usable_device)
def train(
    model: Detector,
    boxed: BoxedImages,
    run: DetectionRun,
    device: str | None = None,
    on_step: OnStep | None = None,
    course: Course | None = None,
) -> Iterator[dict[str, Any]]:
    """Train ``model`` with SGD as ``run`` says, yielding each epoch's losses.

    Those of epochs that an earlier sitting has done come first, as that one yielded them.

    Raises
    ------
    ValueError
        If the images or boxes cannot be trained on, see :func:`swatlib.detection.images.check`.
        Images without a box can.
    """
    course = course or Course()
    check(boxed, model.classify.out_channels)
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    layout = memory_format(model)
    model.to(device=device, memory_format=layout)  # type: ignore[call-overload]
    images = boxed.images.to(device)
    points, labels, boxes = (t.to(device) for t in targets_of(boxed))

    def loss(batch: Tensor) -> tuple[Tensor, Tensor]:
        x = standardised(images[batch]).contiguous(memory_format=layout)
        logits, distances = model(x)
        return detection_loss(logits, distances, points, labels[batch], boxes[batch])

    descent = Descent(
        run.epochs, run.batch_size, run.lr, run.momentum, run.weight_decay, seed=run.seed
    )
    yield from course.epochs
    epochs = steps(model, len(images), loss, descent, run.plan, on_step, course=course)
    for epoch, terms in enumerate(epochs, len(course.epochs) + 1):
        classification, box = torch.tensor(terms).tolist()  # rounded to float32
        course.epochs.append(
            {"epoch": epoch, "classification_loss": classification, "box_loss": box}
        )
        yield course.epochs[-1]


@checked
def targets_of(boxed: BoxedImages) -> tuple[Tensor, Tensor, Tensor]:
    """Return the locations (L, 2) and what they learn: labels (N, L) and boxes (N, L, 4)."""
    height, width = (side // STRIDE for side in boxed.images.shape[-2:])
    points = locations(height, width, STRIDE)
    learnt = [assign(points, b, y, STRIDE) for b, y in zip(boxed.boxes, boxed.labels, strict=True)]
    labels, boxes = zip(*learnt, strict=True)
    return points, torch.stack(labels), torch.stack(boxes)
