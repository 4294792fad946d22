"""What ImageNet with ResNet-50 would take, on paper: GPU hours, bytes and records.

No such run is in the book. The hours follow from the step that was measured on a GPU, where the
records of ``swatlib gpu steps`` hold one. Without them they follow from two numbers that do not
belong together: the published throughput of a dense step on a GPU, and the ratio of a method's step
to a dense one on a CPU, in float32. A GPU has other ratios; that is what those records are for.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pandas as pd
import torch

from swatlib import accounting, checks
from swatlib.checked import checked
from swatlib.experiments.gpu import IMAGENET, TRAINED
from swatlib.experiments.measure_steps import StepTiming
from swatlib.models import build_network
from swatlib.records import Record, iterate_records

IMAGES, PIXELS, CLASSES = 1_281_167, 224, 1000
"""Training images of ILSVRC 2012 (Russakovsky et al. 2015), as networks are trained on them."""

EPOCHS, SEEDS = 90, 3
"""The usual length of a run, at which the published accuracy was reached too, and runs a method."""

PUBLISHED: Mapping[str, float] = MappingProxyType({"A100": 2470.0, "V100": 1200.0})
"""Images a second of dense training of ResNet-50 v1.5 on one GPU in mixed precision: NVIDIA,
DeepLearningExamples, PyTorch, ResNet50 v1.5, training performance (DGX A100; DGX-1 16GB)."""


def imagenet_steps() -> list[StepTiming]:
    """Steps of ResNet-50 on images of ImageNet's size, on a CPU."""
    where = IMAGENET | {"images": 4}
    return [
        StepTiming("cpu", **where, method=name, sparsity=sparsity, turns=3, calls=1)
        for name, sparsity in TRAINED
    ]


@checked(
    images_per_second=partial(checks.number, above=0),
    ratio=partial(checks.number, above=0),
    epochs=checks.count,
)
def hours(images_per_second: float, ratio: float = 1.0, epochs: int = EPOCHS) -> float:
    """Return the hours of one run: dense throughput, and how long a step is beside a dense one.

    Examples
    --------
    >>> from swatlib.experiments.imagenet import PUBLISHED, hours
    >>> round(hours(PUBLISHED["A100"]), 1)
    13.0
    """
    return IMAGES * epochs * ratio / images_per_second / 3600


@checked
def needed_bytes() -> dict[str, int]:
    """Return bytes: of the images at 8 and at 32 bits, of weights, of what one image saves.

    Returns
    -------
    dict
        ``pixels`` and ``float32``, all training images at 224 x 224; ``weights``, one copy in
        float32, of which momentum and gradients are two more; ``saved``, the inputs that
        convolutions, batch norms and the classifier keep of one image in float32, as the counter
        counts them. ReLUs keep their outputs besides, which are not counted.
    """
    with torch.device("meta"):
        model = build_network("resnet50", classes=CLASSES, image=PIXELS)
    traced = accounting.trace(model, (1, 3, PIXELS, PIXELS))
    pixels = IMAGES * 3 * PIXELS**2
    return {
        "pixels": pixels,
        "float32": 4 * pixels,
        "weights": 4 * sum(p.numel() for p in model.parameters()),
        "saved": int(accounting.count(traced).totals()["activation_bytes_dense"]),
    }


@checked
def published_plan(records: Path, gpu: str = "A100") -> pd.DataFrame:
    """Return what the runs would take by published throughput and the ratios of a CPU.

    Parameters
    ----------
    records : Path
        Folder that holds the folder ``imagenet-steps``.
    gpu : str
        A key of :data:`PUBLISHED`.

    Returns
    -------
    DataFrame
        As of :func:`plan`.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    """
    speed = PUBLISHED[checks.one_of("gpu", gpu, tuple(PUBLISHED))]
    steps = [_step(record) for record in _measured(records / "imagenet-steps")]
    rows = [_row(name, gpu, ratio, device, speed) for name, device, ratio, _ in steps]
    return pd.DataFrame([_row("dense", gpu, 1.0, "", speed), *rows])


@checked
def plan(records: Path) -> pd.DataFrame:
    """Return what the runs of each method would take, from a GPU's own steps where there are any.

    Parameters
    ----------
    records : Path
        Folder that holds the folders ``imagenet-steps`` and, if a GPU was measured, ``gpu-steps``.

    Returns
    -------
    DataFrame
        A row for dense training and each method, and for each GPU measured: ``method``,
        ``device``, whose hours they are; ``ratio`` of the step to the dense one, and
        ``ratio_from``, where it was measured; ``hours`` of one run; ``runs``, which is also the
        number of records.
    """
    folder = records / "gpu-steps"
    measured = _measured(folder) if folder.is_dir() else []
    return pd.DataFrame(_rows(measured)) if measured else published_plan(records)


def _measured(folder: Path) -> list[Record]:
    """Return the records of steps on ResNet-50 at this size, of the fastest setting on a GPU."""
    wanted = {"network": "resnet50", "pixels": PIXELS}
    fast = {"precision": "bfloat16", "layout": "channels_last"}
    found = []
    for record in iterate_records(folder):
        asked = wanted if record.device == "cpu" else wanted | fast
        if asked.items() <= record.specification.items():
            found.append(record)
    order = [name for name, _ in TRAINED]
    known = [record for record in found if record.specification["method"] in order]
    return sorted(known, key=lambda record: order.index(record.specification["method"]))


def _step(record: Record) -> tuple[str, str, float, float]:
    """Return method, device, ratio, and images a second of the dense step beside it."""
    asked, found = record.specification, record.metrics
    speed = asked["images"] / found["dense_seconds"]
    return asked["method"], record.device, found["ratio"], speed


def _rows(measured: list[Record]) -> list[dict[str, Any]]:
    steps = [_step(record) for record in measured]
    rows = []
    for device in dict.fromkeys(device for _, device, _, _ in steps):
        own = [step for step in steps if step[1] == device]
        rows.append(_row("dense", device, 1.0, device, own[0][3]))
        rows += [_row(name, device, ratio, device, speed) for name, _, ratio, speed in own]
    return rows


def _row(method: str, device: str, ratio: float, ratio_from: str, speed: float) -> dict[str, Any]:
    return {
        "method": method,
        "device": device,
        "ratio": ratio,
        "ratio_from": ratio_from,
        "hours": hours(speed, ratio),
        "runs": SEEDS,
    }
