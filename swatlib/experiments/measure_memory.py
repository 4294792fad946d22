"""Memory that a training step holds, and what pruning does to a trained network: measured.

Bytes do not depend on the processor; they are counted on photographs that come with the library.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile

from swatlib.core.sparse_layer import SparseLayer
from swatlib.data import load
from swatlib.methods import dense, swat
from swatlib.models import build_network
from swatlib.selectors import TopK
from swatlib.storage.compression import BitReLU, compress_, saved_bytes
from swatlib.storage.pruned import prune_
from swatlib.surgery.sparsify import active_mask, sparsify_
from swatlib.training import Run, build, evaluate, train
from swatlib.training.step import training_step

PIXELS = 32
LEVELS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
IMAGES = {"small_resnet": 16, "small_vgg": 16, "small_densenet": 16, "resnet18": 4}
"""Networks, and how many images a batch of them has."""


def photographs(images: int) -> tuple[Tensor, Tensor]:
    """Return a batch of photographs of 32 x 32 pixels, channels last, and its labels."""
    data = load("patches", pixels=PIXELS)
    x = data.train_x[:images].to(memory_format=torch.channels_last)
    return x, data.train_y[:images]


def fresh(name: str, **options: Any) -> nn.Module:
    """Return a network with fresh weights, channels last."""
    torch.manual_seed(0)
    model = build_network(name, image=PIXELS, **options)
    return model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def plain_relu_(model: nn.Module) -> nn.Module:
    """Give every ReLU of a compressed model its whole output back, in place."""
    for module in model.modules():
        if type(module) is BitReLU:
            module.__class__ = nn.ReLU  # type: ignore[assignment]
    return model


def held(name: str, images: int) -> pd.DataFrame:
    """Measure every piece of memory that a network holds between forward and backward.

    Parameters
    ----------
    name : str
        As :func:`swatlib.models.build_network` names it.
    images : int
        In the batch.

    Returns
    -------
    DataFrame
        As :func:`swatlib.storage.compression.saved_bytes`, ``bytes`` an image, with ``network``,
        ``sparsity`` and ``way``: "dense"; "masked", SWAT as it is; "compressed", after
        :func:`swatlib.compress_`; "compressed, plain ReLU", where ReLUs keep their outputs; and "no
        method", compressed without dropping anything but the zeros that ReLUs make.
    """
    x, _ = photographs(images)
    return pd.concat(
        [
            frame.assign(network=name, way=way, sparsity=s, bytes=frame["bytes"] / images)
            for way, s, frame in _ways(fresh(name), x)
        ],
        ignore_index=True,
    )


def _ways(model: nn.Module, x: Tensor) -> Iterator[tuple[str, float, pd.DataFrame]]:
    yield "dense", 0.0, saved_bytes(model, x)
    yield "no method", 0.0, saved_bytes(compress_(sparsify_(deepcopy(model), dense())), x)
    for sparsity in LEVELS:
        sparse = sparsify_(deepcopy(model), swat(sparsity))
        yield "masked", sparsity, saved_bytes(sparse, x)
        yield "compressed", sparsity, saved_bytes(compress_(sparse), x)
        yield "compressed, plain ReLU", sparsity, saved_bytes(plain_relu_(sparse), x)


def saved_memory() -> dict[str, Any]:
    """Measure the percentage of bytes saved between forward and backward against the dense step.

    Returns
    -------
    dict
        For each network and way, the percentage by sparsity, as a list in the order of
        :data:`LEVELS`.
    """
    found: dict[str, Any] = {"levels": list(LEVELS)}
    for name, images in IMAGES.items():
        total = held(name, images).groupby(["way", "sparsity"])["bytes"].sum()
        saved = 100 * (1 - total / total["dense", 0.0])
        found[name] = {
            way: [float(saved[way, s]) for s in LEVELS]
            for way in ("masked", "compressed", "compressed, plain ReLU")
        } | {"no method": float(saved["no method", 0.0])}
    return found


def zero_value(name: str, images: int, sparsity: float) -> dict[str, dict[str, float]]:
    """Compress what a SWAT step saves of its layers' inputs: non-zero values and a bit per entry.

    Parameters
    ----------
    name : str
    images : int
    sparsity : float
        Of SWAT.

    Returns
    -------
    dict
        For "swat", the entries that Top-K keeps, and for "relu", the inputs as they are: ``share``,
        compressed bytes over raw bytes, and ``zeros``, the share of zeros.
    """
    x, _ = photographs(images)
    model = sparsify_(fresh(name), swat(sparsity))
    inputs: dict[int, Tensor] = {}

    def note(_: nn.Module, given: tuple[Tensor, ...]) -> None:
        inputs.setdefault(given[0].data_ptr(), given[0])  # a block's input goes into two layers

    for layer in model.modules():
        if isinstance(layer, SparseLayer) and layer.recipe.weight_grad_activation is not None:
            layer.register_forward_pre_hook(note)
    with torch.no_grad():
        model(x)
        entries = sum(one.numel() for one in inputs.values())
        kept = {
            "swat": sum(int(_kept(one, sparsity).count_nonzero()) for one in inputs.values()),
            "relu": sum(int(one.count_nonzero()) for one in inputs.values()),
        }
    return {
        title: {
            "share": (count * x.itemsize + entries / 8) / (entries * x.itemsize),
            "zeros": 1 - count / entries,
        }
        for title, count in kept.items()
    }


def _kept(x: Tensor, sparsity: float) -> Tensor:
    selector = TopK(sparsity)
    return selector.operand(x, selector.choose(x))


def zero_compression() -> dict[str, Any]:
    """Measure zero-value compression of ResNet-18's saved inputs, with SWAT and without."""
    return {f"{sparsity:g}": zero_value("resnet18", 4, sparsity) for sparsity in (0.8, 0.9)}


def peak(model: nn.Module, x: Tensor, y: Tensor) -> int:
    """Return the most bytes that a step of SGD holds at once, weights and momentum included.

    Counted at the end of each operation; what an operation needs for a moment inside is not seen.
    Weights and momentum are there before it; gradients and activations come with it.
    """
    step = training_step(model, x, y)
    step()
    return peak_of(step, model)


def peak_of(step: Callable[[], object], model: nn.Module) -> int:
    """Return the bytes of :func:`peak` for a step of ``model`` that has been taken once."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as measured:
        step()
    now = most = 0
    for event in sorted(measured.events() or (), key=lambda event: event.time_range.end):
        now += event.self_cpu_memory_usage
        most = max(most, now)
    return most + 2 * sum(p.nbytes for p in model.parameters())


def weight_bytes(model: nn.Module, x: Tensor, y: Tensor) -> int:
    """Return the bytes held for weights at the end of a step: they, gradients and momentum."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    nn.functional.cross_entropy(model(x), y).backward()
    optimizer.step()
    momentum = sum(state["momentum_buffer"].nbytes for state in optimizer.state.values())
    gradients = sum(p.grad.nbytes for p in model.parameters() if p.grad is not None)
    return int(sum(p.nbytes for p in model.parameters()) + gradients + momentum)


def peak_memory() -> dict[str, Any]:
    """Measure peak memory of a step, SWAT at 90 % over dense, and the widest network that fits.

    Returns
    -------
    dict
        ``ratio`` by way and network at one width; ``widths`` and the ``relative`` peak of each
        width, SWAT compressed, over the dense network's of width 32; ``widest`` of those that fit;
        ``weights``, the bytes that a step holds for weights, by way.
    """
    x, y = photographs(64)
    plain = peak(fresh("small_resnet"), x, y)
    masked = sparsify_(fresh("small_resnet"), swat(0.9))
    ratio = {"masked": peak(masked, x, y) / plain}
    compressed = compress_(masked)
    ratio["compressed"] = peak(compressed, x, y) / plain
    weights = {
        "dense": weight_bytes(fresh("small_resnet"), x, y),
        "compressed": weight_bytes(compressed, x, y),
    }
    widths = (32, 34, 36, 38, 40, 44)
    relative = [
        peak(compress_(sparsify_(fresh("small_resnet", width=w), swat(0.9))), x, y) / plain
        for w in widths
    ]
    fits = [w for w, one in zip(widths, relative, strict=True) if one <= 1]
    return {
        "ratio": ratio,
        "widths": list(widths),
        "relative": relative,
        "widest": max(fits),
        "weights": weights,
    }


def pruned() -> dict[str, Any]:
    """Train small networks to convergence, prune them, and compare outputs and accuracy.

    Returns
    -------
    dict
        For SWAT and for dense training, by sparsity, a list with an entry for each seed:
        ``before`` and ``after``, test accuracy in percent; ``same``, whether all outputs are
        identical to the bit; ``dropped``, the share of the sum of squares of the weights that lies
        in those not active, first layer left out.
    """
    found: dict[str, Any] = {"swat": {}, "dense": {}}
    for method, sparsity, seeds in (
        *(("swat", s, (0,)) for s in (0.5, 0.7, 0.8)),
        ("swat", 0.9, (0, 1, 2)),
        ("dense", 0.9, (0, 1, 2)),
    ):
        found[method][str(sparsity)] = [_prune(method, sparsity, seed) for seed in seeds]
    return found


def _prune(method: str, sparsity: float, seed: int) -> dict[str, Any]:
    given = sparsity if method == "swat" else 0.0
    run = Run("digits", method=method, sparsity=given, width=16, epochs=20, seed=seed)
    data = load("digits")
    model = build(run, data)
    for _ in train(model, data, run):
        pass
    model = model.cpu().eval()
    with torch.no_grad():
        before = model(data.test_x)
        accuracy = evaluate(model, data.test_x, data.test_y)[0]
        # A dense network is pruned by the choice that SWAT would make.
        model = sparsify_(model, swat(sparsity)).eval() if method == "dense" else model
        dropped = dropped_share(model)
        prune_(model)
        return {
            "dropped": dropped,
            "before": accuracy,
            "after": evaluate(model, data.test_x, data.test_y)[0],
            "same": bool(torch.equal(before, model(data.test_x))),
        }


def dropped_share(model: nn.Module) -> float:
    """Return the share of the sum of squares, over sparse layers, of the weights not active."""
    whole = rest = 0.0
    for layer in model.modules():
        if isinstance(layer, SparseLayer) and not (mask := active_mask(layer)).all():
            weight: Tensor = layer.weight.detach()
            whole += float(weight.square().sum())
            rest += float(weight[~mask].square().sum())
    return rest / whole
