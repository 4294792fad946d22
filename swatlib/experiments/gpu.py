"""Everything that only a GPU can say, in pieces; and its rehearsal, small enough for a CPU.

A piece is a list of runs, the most important first. ``swatlib gpu`` computes those without a record
for some minutes and says what is left. Records go to folders of their own, ``gpu-`` and the name of
the piece. What is measured has the device's name in its specification, so that a record of one
device is never taken for one of another; a training's record names it.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import torch

from swatlib import checks
from swatlib.accounting.trace import trace
from swatlib.checked import checked
from swatlib.data import data_folder, found
from swatlib.data.cifar import CIFAR10
from swatlib.experiments.grid import MORE_SEEDS, unique
from swatlib.experiments.measure_products import ProductTiming, products
from swatlib.experiments.measure_step_memory import StepMemory
from swatlib.experiments.measure_steps import LAYOUTS, PRECISIONS, StepTiming
from swatlib.experiments.photographs import PHOTOGRAPHS
from swatlib.methods import METHODS, NO_SPARSITY, method
from swatlib.models import build_network
from swatlib.training import DENSE, Run

SPARSITY = 0.9
SETTINGS: list[dict[str, Any]] = [
    {"precision": precision, "layout": layout}
    for precision, layout in product(reversed(PRECISIONS), reversed(LAYOUTS))
]
"""The fastest first."""
CIFAR: dict[str, Any] = {"network": "resnet18", "pixels": 32, "images": 128}
IMAGENET: dict[str, Any] = {"network": "resnet50", "pixels": 224, "images": 64}
"""Where steps are measured: the papers' networks on images of both data sets."""

FST_LINES = ("sr-ste", "fst-weights", "fst", "fst-unrestored", "hu-2to4", "s-ste")
TRAINED = (("swat", 0.9), ("fst", 0.5), ("rigl", 0.9))
"""Methods that are trained, and measured on ResNet-50."""


@checked
def sparsity_of(name: str) -> float:
    """Return the sparsity at which a method is measured: 0.9, or the only one it has."""
    if name in NO_SPARSITY:
        return 0.0
    try:
        method(name, SPARSITY)
    except ValueError:
        return 0.5
    return SPARSITY


@checked
def steps(device: str) -> list[StepTiming]:
    """Steps of all methods on ResNet-18, and of some on ResNet-50, in every setting."""
    every = [
        StepTiming(device, **CIFAR, **setting, method=name, sparsity=sparsity_of(name))
        for setting, name in product(SETTINGS, METHODS)
    ]
    large = [
        StepTiming(device, **IMAGENET, **setting, method=name, sparsity=sparsity, calls=1)
        for setting, (name, sparsity) in product(SETTINGS, (("dense", 0.0), *TRAINED))
    ]
    return large + every


@checked
def two_to_four(device: str) -> list[ProductTiming]:
    """FST's three products of every shape of ResNet-50, of 64 images, and of a transformer."""
    networks: dict[str, tuple[int, int, dict[str, int]]] = {
        "resnet50": (224, 64, {}),
        "vision_transformer": (64, 128, {"width": 768, "depth": 1}),
    }
    shapes: dict[tuple[int, int, int], str] = {}
    for name, (pixels, images, sizes) in networks.items():
        with torch.device("meta"):
            model = build_network(name, image=pixels, **sizes)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # attention multiplies without weights, as is known
            network = trace(model, (1, 3, pixels, pixels))
        for where, shape in products(network, images):
            shapes.setdefault(shape, f"{name} {where}")
    return [ProductTiming(device, where, *shape) for shape, where in shapes.items()]


@checked
def fst_steps(device: str) -> list[StepTiming]:
    """The whole step of FST and of what it is made of, on both networks, in every setting."""
    return [
        StepTiming(device, **where, **setting, method=line, sparsity=0.5)
        for setting, where, line in product(SETTINGS, (IMAGENET, CIFAR), FST_LINES)
    ]


@checked
def memory(device: str) -> list[StepMemory]:
    """Saved bytes and peaks: dense, masked and compressed, on both networks."""
    ways = [("dense", 0.0, "masked"), ("fst", 0.5, "masked"), ("rigl", 0.9, "masked")]
    ways += [("swat", s, way) for s in (0.5, 0.8, 0.9) for way in ("masked", "compressed")]
    return [
        StepMemory(
            device,
            **where,
            precision=precision,
            layout="channels_last",
            method=name,
            sparsity=sparsity,
            way=way,
        )
        for where, precision, (name, sparsity, way) in product((CIFAR, IMAGENET), PRECISIONS, ways)
    ]


@checked
def training(data: str) -> list[Run]:
    """ResNet-18 on all of CIFAR-10 by the book's one recipe, seed after seed."""
    base = replace(PHOTOGRAPHS, data=data, network="resnet18", width=None)
    ways = [replace(base, **DENSE)]
    ways += [replace(base, method=name, sparsity=sparsity) for name, sparsity in TRAINED]
    return [replace(way, seed=seed) for seed, way in product(MORE_SEEDS, ways)]


@checked
def photographs_here() -> str:
    """Return the name of CIFAR-10 as ``SWATLIB_DATA`` has it, JPEG copies or the original.

    Raises
    ------
    ValueError
        If it has neither.
    """
    folder = data_folder()
    if folder is not None:
        if PHOTOGRAPHS.data in found():
            return PHOTOGRAPHS.data
        if (folder / CIFAR10.url.rpartition("/")[2]).is_file():
            return "cifar10"
    raise ValueError(
        f"training must have {PHOTOGRAPHS.data} or cifar10 in SWATLIB_DATA, which "
        + ("is not set" if folder is None else f"is {folder}")
    )


PIECES = ("two-to-four", "fst", "steps", "memory", "training")
"""The pieces, the shortest first."""


@checked
def piece(name: str, device: str, rehearse: bool = False) -> Sequence[Any]:
    """Return the runs of a piece.

    Parameters
    ----------
    name : str
        One of :data:`PIECES`.
    device : str
        As :func:`swatlib.machine.device` names it.
    rehearse : bool
        Make everything small, see :func:`rehearsed`.

    Raises
    ------
    ValueError
        If there is no such piece, or no data for the training.
    """
    name = checks.one_of("piece", name, PIECES)
    measured: dict[str, Callable[[str], Sequence[Any]]] = {
        "two-to-four": two_to_four,
        "fst": fst_steps,
        "steps": steps,
        "memory": memory,
    }
    if name in measured:
        runs = measured[name](device)
    else:
        runs = training(PHOTOGRAPHS.data if rehearse else photographs_here())
    return unique(map(rehearsed, runs[: REHEARSED.get(name)])) if rehearse else runs


REHEARSED = {"steps": 16 + len(METHODS), "training": 1 + len(TRAINED)}
"""How many of its runs, the first ones, a rehearsal has of a long piece: every method once."""


@checked
def rehearsed(run: Any) -> Any:
    """Return a run of the same kind that takes a moment on a CPU."""
    tiny: dict[str, Any] = {"network": "small_resnet", "width": 8}
    if isinstance(run, Run):
        return replace(run, data="digits", images=64, epochs=2, shifts=1, batch_size=32, **tiny)
    if isinstance(run, ProductTiming):
        rows, inner, outputs = (min(size, 64) for size in (run.rows, run.inner, run.outputs))
        return replace(run, rows=rows, inner=inner, outputs=outputs, turns=2, calls=1)
    small = replace(run, pixels=8, images=4, **tiny)
    return replace(small, turns=2, calls=1) if isinstance(small, StepTiming) else small
