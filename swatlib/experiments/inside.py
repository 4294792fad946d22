"""What a network looks like inside: similarity, zeros, angles, restoration, layer by layer.

Measured on photographs and on noise of their mean and variance; any network of convolutions will
do.
"""

from __future__ import annotations

import hashlib
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional

from swatlib.analysis.angles import topk_angle
from swatlib.analysis.similarity import (
    adjacent_difference,
    column_correlation,
    column_similarity,
    scattered,
)
from swatlib.checked import checked
from swatlib.experiments.restoration import DOUBLED, FIXED, RESTORED, Operands, compare, operands

LAYERS = ("all", "depths")
BATCH = 10
"""Images at a time; correlations are averages over such batches."""
STEPS = 2
"""Batches of which gradients are taken."""
SPARSITIES = (0.5, 0.9)
NEAR = 0.1
"""Of the range: a smaller difference of neighbours is near zero."""
EDGES = 0.25
"""Share of an image's positions that are called its edges."""


@checked
def look(
    model: nn.Module, photographs: np.ndarray, controls: int, layers: str = "all", seed: int = 0
) -> dict[str, Any]:
    """Measure any network on photographs and on noise of their mean and variance.

    Parameters
    ----------
    model : nn.Module
        In evaluation mode; it takes images scaled to [-1, 1] and returns logits.
    photographs : ndarray, uint8, shape (N, 3, H, W)
    controls : int
        How many of the photographs are also measured with the estimator's controls, and images of
        each kind of noise: as many. A multiple of :data:`BATCH`, at least two batches.
    layers : str
        See :func:`chosen_layers`.
    seed : int
        Of the noise, the shuffling and the labels.

    Returns
    -------
    dict
        ``fingerprint`` of the photographs; ``confidence``, the mean of the largest probability,
        by kind of input; ``rows``, one for each kind of input and layer, see :func:`similar`;
        ``layers``, one for each layer, see :func:`sparsified`.
    """
    x = (torch.from_numpy(photographs).float() - 127) / 128
    generator = torch.Generator().manual_seed(seed)
    mean, spread = x.mean((0, 2, 3), keepdim=True), x.std((0, 2, 3), keepdim=True)
    few = x[:controls]
    inputs = {
        "photographs": x,
        "Gaussian noise": mean + spread * torch.randn(few.shape, generator=generator),
        "uniform noise": mean
        + spread * 12**0.5 * (torch.rand(few.shape, generator=generator) - 0.5),
    }
    names = chosen_layers(model, x[:1], layers)
    rows, confidence = [], {}
    for kind, images in inputs.items():
        found, confidence[kind] = similar(model, images, names, controls, generator)
        rows += [{"input": kind, **row} for row in found]
    return {
        "fingerprint": hashlib.sha256(photographs.tobytes()).hexdigest()[:16],
        "confidence": {kind: round(value, 5) for kind, value in confidence.items()},
        "rows": rows,
        "layers": sparsified(model, few[: STEPS * BATCH], names, generator),
    }


@contextmanager
def _watched(
    model: nn.Module, names: Iterable[str] | None, see: Callable[[str, Any, Tensor], None]
) -> Iterator[None]:
    hooks = [
        module.register_forward_pre_hook(
            lambda module, inputs, name=name: see(name, module, inputs[0].detach())
        )
        for name, module in model.named_modules()
        if isinstance(module, nn.Conv2d) and (names is None or name in names)
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


@checked
@torch.no_grad()
def chosen_layers(model: nn.Module, example: Tensor, layers: str) -> list[str]:
    """Return the names of convolutions with neighbours to compare, in the order of calls.

    Parameters
    ----------
    model : nn.Module
    example : Tensor
        A batch for it.
    layers : str
        "all", or "depths" for the first one at each width.
    """
    widths: dict[str, int] = {}
    with _watched(model, None, lambda name, _, x: widths.update({name: x.shape[-1]})):
        model(example)
    names = [name for name, width in widths.items() if width > 1]
    if layers == "all":
        return names
    return list({widths[name]: name for name in reversed(names)}.values())[::-1]


@checked
@torch.no_grad()
def similar(
    model: nn.Module, x: Tensor, names: Sequence[str], controls: int, generator: torch.Generator
) -> tuple[list[dict[str, Any]], float]:
    """Measure the inputs of layers.

    Returns
    -------
    rows : list of dict
        One for each layer. From all images: ``entropy``, ``conditional``, ``similarity`` (plug-in,
        bits), ``zeros``, ``correlation`` and ``cosine`` of neighbours. From the controls: ``found``
        (the plug-in estimate again), ``shuffled`` (pairs drawn from anywhere in the image),
        ``scattered`` (pixels moved about within their channel); ``near`` and ``near, own range``,
        the share of neighbours less than a tenth of the image's, or of their channel's, range
        apart, of those that are not both zero; ``on edges``, the share of the others at the quarter
        of positions where the image itself changes most; ``filled left``, ``filled right`` and
        ``row mean``, the squared error of every other column when the left or the right neighbour
        or the mean of the row's other columns stands in for it, over that of zeros.
    confidence : float
        Mean of the largest probability.
    """
    parts: dict[str, list[dict[str, float]]] = defaultdict(list)
    about: dict[str, dict[str, Any]] = {}
    batch, control, sure = x[:0], False, 0.0

    def see(name: str, layer: Any, feature: Tensor) -> None:
        plain = column_similarity(feature)
        about[name] = _about(layer, feature) | {"pairs": plain.pairs}
        found = {
            "images": len(feature),
            "entropy": plain.entropy,
            "conditional": plain.conditional,
            "similarity": plain.similarity,
            "zeros": (feature == 0).double().mean().item(),
            "correlation": column_correlation(feature),
            "cosine": column_correlation(feature, centred=False),
        }
        if control:
            moved = scattered(feature, generator)
            found |= {
                "found": plain.similarity,
                "shuffled": column_similarity(
                    feature, shuffled=True, generator=generator
                ).similarity,
                "scattered": column_similarity(moved).similarity,
                **differences(feature, batch),
                **filled(feature),
            }
        parts[name].append(found)

    with _watched(model, names, see):
        for start in range(0, len(x), BATCH):
            batch, control = x[start : start + BATCH], start < controls
            sure += model(batch).softmax(1).amax(1).sum().item()
    rows = [{"layer": name, **about[name], **_averaged(parts[name])} for name in names]
    return rows, sure / len(x)


def _about(layer: Any, feature: Tensor) -> dict[str, Any]:
    return {
        "kernel": layer.kernel_size[1],
        "stride": layer.stride[1],
        "groups": layer.groups,
        "channels": feature.shape[1],
        "width": feature.shape[3],
    }


def _averaged(parts: list[dict[str, float]]) -> dict[str, Any]:
    frame = pd.DataFrame(parts)
    out: dict[str, Any] = {"images": int(frame.pop("images").sum())}
    # Only the last batch can be smaller than the others, and it is no control.
    return out | _rounded(frame)


def _rounded(frame: pd.DataFrame) -> dict[str, Any]:
    """Return the means; None where there is nothing to average, such as in a map of zeros."""
    means = {str(name): float(value) for name, value in frame.mean().items()}
    return {name: None if math.isnan(value) else round(value, 5) for name, value in means.items()}


@checked
def differences(feature: Tensor, image: Tensor) -> dict[str, float]:
    """Say how many differences of neighbours are near zero, and whether the others lie on edges.

    Parameters
    ----------
    feature : Tensor, shape (N, C, H, W)
    image : Tensor, shape (N, C', H', W')
        What the network looked at.

    Returns
    -------
    dict
        ``near``, ``near, own range`` and ``on edges``, see :func:`similar`; NaN of nothing.
    """
    size = adjacent_difference(feature).abs()
    counted = (feature[..., 1:] != 0) | (feature[..., :-1] != 0)

    def near(dims: tuple[int, ...]) -> Tensor:
        span = feature.amax(dims, keepdim=True) - feature.amin(dims, keepdim=True)
        return size < NEAR * span

    own = near((2, 3))
    seen = functional.adaptive_avg_pool2d(
        image.mean(1, keepdim=True), (feature.shape[2], feature.shape[3])
    )
    change = adjacent_difference(seen).abs()
    limit = change.flatten(1).quantile(1 - EDGES, 1)[:, None, None, None]
    edges = (change >= limit).expand_as(size)
    return {
        "near": near((1, 2, 3))[counted].double().mean().item(),
        "near, own range": own[counted].double().mean().item(),
        "on edges": edges[counted & ~own].double().mean().item(),
    }


@checked
def filled(feature: Tensor) -> dict[str, float]:
    """Return the squared error of every other column, filled, over that of leaving it zero.

    Returns
    -------
    dict
        ``filled left``, ``filled right`` and ``row mean``, see :func:`similar`.
    """
    x = feature.double()
    first, second = x[..., :-1:2], x[..., 1::2]
    apart = (second - first).square().sum()
    mean = (second - first.mean(-1, keepdim=True)).square().sum()
    return {
        "filled left": (apart / second.square().sum()).item(),
        "filled right": (apart / first.square().sum()).item(),
        "row mean": (mean / second.square().sum()).item(),
    }


@checked
def sparsified(
    model: nn.Module, x: Tensor, names: Sequence[str], generator: torch.Generator
) -> list[dict[str, Any]]:
    """Measure what Top-K and fixed columns do to the operands of layers in training steps.

    The labels are drawn from the network's own probabilities: the photographs have none.

    Returns
    -------
    list of dict
        One for each layer, means over the steps: Top-K angles in degrees of ``weight``,
        ``activation`` and ``gradient`` at 50 and 90 % (each tensor as one vector, with the whole
        batch), ``gradient zeros``, and for the weight gradient of fixed columns, doubled ones and
        restored ones the relative error and the cosine to the exact one.
    """
    parts: dict[str, list[dict[str, float]]] = defaultdict(list)
    about: dict[str, dict[str, Any]] = {}
    weights = dict(model.named_parameters())
    for batch in x.split(BATCH):
        with torch.no_grad():
            chances = model(batch).softmax(1)
        labels = torch.multinomial(chances, 1, generator=generator)[:, 0]
        found = operands(model, batch, labels)
        for name in names:
            weight, seen = weights[f"{name}.weight"], found[name]
            about[name] = _of_operands(seen)
            angles = {
                f"{operand} {100 * sparsity:.0f} %": float(topk_angle(tensor, sparsity))
                for operand, tensor in (
                    ("weight", weight),
                    ("activation", seen.x),
                    ("gradient", seen.grad),
                )
                for sparsity in SPARSITIES
            }
            parts[name].append(
                angles
                | {"gradient zeros": (seen.grad == 0).double().mean().item()}
                | _restored({name: seen})
            )
    return [{"layer": name, **about[name], **_rounded(pd.DataFrame(parts[name]))} for name in names]


def _of_operands(seen: Operands) -> dict[str, Any]:
    return {
        "kernel": seen.shape[3],
        "stride": seen.geometry.stride[1],
        "groups": seen.geometry.groups,
        "output width": seen.grad.shape[3],
    }


def _restored(found: dict[str, Operands]) -> dict[str, float]:
    rows = compare(found, (FIXED, DOUBLED, RESTORED))
    out = {"column cosine": rows[0]["column cosine"]}
    for row in rows:
        out[f"{row['choice']}: error"] = row["error"]
        out[f"{row['choice']}: cosine"] = row["cosine"]
    return out
