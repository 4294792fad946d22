"""The time FST's parts take and save on a CPU, as shares of things measured beside them.

One thread, CPU time of the process, medians of turns: what is compared is called in turns, so that
other work on the machine disturbs all of it alike.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from statistics import median
from time import process_time
from typing import Any

import torch
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile

from swatlib.clock import times
from swatlib.kernels.convolution import Geometry, unfold
from swatlib.kernels.keep import keep
from swatlib.kernels.nm import nm_mask
from swatlib.models import build_network
from swatlib.selectors.information_restoration import pair_sum
from swatlib.selectors.transposable import transposable_mask
from swatlib.training.step import training_step

NETWORKS = ("resnet18", "resnet50", "vgg16")
PRODUCTS = ("conv", "mm")
"""What the names of the operations have in them that multiply matrices."""


def cpu_times(
    functions: Mapping[str, Callable[[], object]], turns: int = 5
) -> list[dict[str, float]]:
    """Return the CPU time of each function, turn by turn, after a first turn that warms up."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return times(functions, turns=turns, warm_up=1, time=process_time)
    finally:
        torch.set_num_threads(threads)


def cpu_shares(
    functions: Mapping[str, Callable[[], object]], of: str, turns: int = 5
) -> dict[str, float]:
    """Return the CPU time of each function over that of one of them, the median over turns."""
    taken = cpu_times(functions, turns)
    return {name: median(turn[name] / turn[of] for turn in taken) for name in functions}


def _batch(images: int, pixels: int = 32) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(images, 3, pixels, pixels, generator=generator)
    return x, torch.randint(0, 10, (images,), generator=generator)


def _network(name: str) -> nn.Module:
    torch.manual_seed(0)
    return build_network(name)


def step_shares() -> dict[str, Any]:
    """Measure the backward pass's and the products' share of a dense step.

    Returns
    -------
    dict
        For each network, 32 images of 32 x 32 pixels: ``backward``, over forward and backward;
        ``products``, convolutions and linear layers over the step of SGD.
    """
    x, y = _batch(32)
    return {
        name: {"backward": _backward(_network(name), x, y), "products": _products(name, x, y)}
        for name in NETWORKS
    }


def _backward(model: nn.Module, x: Tensor, y: Tensor) -> float:
    kept: list[Tensor] = []

    def forward() -> None:
        kept[:] = [nn.functional.cross_entropy(model(x), y)]

    taken = cpu_times({"forward": forward, "backward": lambda: kept[0].backward()}, turns=3)
    return median(turn["backward"] / sum(turn.values()) for turn in taken)


def _products(name: str, x: Tensor, y: Tensor) -> float:
    step = training_step(_network(name), x, y)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        step()
        with profile(activities=[ProfilerActivity.CPU]) as measured:
            step()
    finally:
        torch.set_num_threads(threads)
    rows = measured.key_averages()
    whole = sum(row.self_cpu_time_total for row in rows)
    products = sum(
        row.self_cpu_time_total for row in rows if any(word in row.key for word in PRODUCTS)
    )
    return float(products / whole)


def sorted_two_of_four(x: Tensor) -> Tensor:
    """Keep the two largest of every four entries along the last dimension, by sorting."""
    groups = x.reshape(*x.shape[:-1], -1, 4)
    order = groups.abs().argsort(dim=-1, descending=True)
    mask = torch.zeros_like(groups, dtype=torch.bool).scatter_(-1, order[..., :2], True)
    return (groups * mask).reshape(x.shape)


def sorting() -> dict[str, Any]:
    """Measure 2:4 of W, G and unfolded X over a dense step: by sorting, and by comparing.

    Returns
    -------
    dict
        Shares of a step of ResNet-18 with 8 images of 32 x 32 pixels; ``shift`` is the pair sum of
        the gradient.
    """
    model = _network("resnet18")
    x, y = _batch(8)
    layers: list[tuple[nn.Conv2d, Tensor, Tensor]] = []
    hooks = [
        layer.register_forward_hook(lambda m, args, out: layers.append((m, args[0], out)))
        for layer in model.modules()
        if isinstance(layer, nn.Conv2d)
    ]
    with torch.no_grad():
        model(x)
    for hook in hooks:
        hook.remove()
    weights = [layer.weight.detach() for layer, _, _ in layers]
    lines = [w.flatten(1) for w in weights if w[0].numel() % 4 == 0]

    def columns(choose: Callable[[Tensor], Tensor]) -> None:
        for layer, given, _ in layers:
            geometry = Geometry(layer.stride, layer.padding, layer.dilation, layer.groups)  # type: ignore[arg-type]
            for sample in given.split(1):
                choose(unfold(sample, layer.weight.shape, geometry).flatten(0, 2))

    def compared(columns: Tensor) -> Tensor:
        return keep(columns, nm_mask(columns, over="C"))

    def by_sorting(columns: Tensor) -> Tensor:
        return sorted_two_of_four(columns[:, : columns.shape[1] // 4 * 4])

    functions: dict[str, Callable[[], object]] = {
        "step": training_step(model, x, y),
        "S(W), sorted": lambda: [sorted_two_of_four(w) for w in lines],
        "S(G), sorted": lambda: [sorted_two_of_four(g.flatten(2)) for _, _, g in layers],
        "S(X^T), sorted": lambda: columns(by_sorting),
        "S(W)": lambda: [keep(w, nm_mask(w)) for w in weights],
        "S(G)": lambda: [keep(g, nm_mask(g, over="HW")) for _, _, g in layers],
        "S(X^T)": lambda: columns(compared),
        "shift": lambda: [pair_sum(g) for _, _, g in layers],
    }
    shares = cpu_shares(functions, of="step", turns=3)
    del shares["step"]
    return shares


def transposable_search() -> dict[str, Any]:
    """Measure the search for a transposable mask over two separate 2:4 masks.

    Returns
    -------
    dict
        ``exact``, over all 90 patterns, and ``greedy``: the ratio for all convolutions of
        ResNet-18. ``channels``, and by their number ``exact by size`` and ``greedy by size`` for a
        3 x 3 kernel; ``slope``, of the exact search's time against the number of weights, both as
        logarithms.
    """
    whole = [m.weight.detach() for m in _network("resnet18").modules() if type(m) is nn.Conv2d]
    taken = cpu_times(_searches(whole), turns=3)
    found: dict[str, Any] = {kind: _over_separate(taken, kind) for kind in ("exact", "greedy")}
    channels = (64, 128, 256)
    found |= {"channels": list(channels), "exact by size": [], "greedy by size": []}
    exact = []
    for c in channels:
        w = torch.randn(c, c, 3, 3, generator=torch.Generator().manual_seed(0))
        taken = cpu_times(_searches([w]))
        for kind in ("exact", "greedy"):
            found[f"{kind} by size"].append(_over_separate(taken, kind))
        exact.append(median(turn["exact"] for turn in taken))
    weights = torch.tensor([9.0 * c * c for c in channels]).log()
    times = torch.tensor(exact).log()
    centred = weights - weights.mean()
    found["slope"] = float((centred * (times - times.mean())).sum() / centred.square().sum())
    return found


def _searches(weights: list[Tensor]) -> dict[str, Callable[[], object]]:
    return {
        "separate": lambda: [(nm_mask(w), nm_mask(w, over="N")) for w in weights],
        "exact": lambda: [transposable_mask(w) for w in weights],
        "greedy": lambda: [transposable_mask(w, exact=False) for w in weights],
    }


def _over_separate(taken: list[dict[str, float]], kind: str) -> float:
    return median(turn[kind] / turn["separate"] for turn in taken)


CHANNELS_PRUNED = 0.3


def fewer_channels() -> dict[str, Any]:
    """Measure what removing 30 % of the filters from the forward products alone saves.

    Returns
    -------
    dict
        Over the convolutions of ResNet-18, 16 images of 32 x 32 pixels: ``forward``, how many times
        faster the forward products are, and ``step``, the three products together.
    """
    model = _network("resnet18")
    x, _ = _batch(16)
    layers: list[tuple[nn.Conv2d, Tensor]] = []
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d):
            layer.register_forward_hook(lambda m, args, out: layers.append((m, args[0])))
    with torch.no_grad():
        model(x)

    def outputs(w: Tensor, layer: nn.Conv2d, given: Tensor) -> Tensor:
        return nn.functional.conv2d(given, w, None, layer.stride, layer.padding)

    rest = [
        layer.weight.detach()[: round((1 - CHANNELS_PRUNED) * layer.out_channels)].clone()
        for layer, _ in layers
    ]
    leaves = [(layer, given.clone().requires_grad_()) for layer, given in layers]

    def whole() -> None:
        with torch.no_grad():
            for layer, given in layers:
                outputs(layer.weight, layer, given)

    def fewer() -> None:
        with torch.no_grad():
            for (layer, given), w in zip(layers, rest, strict=True):
                outputs(w, layer, given)

    graph = [outputs(layer.weight, layer, given) for layer, given in leaves]
    gradients = [torch.randn_like(one) for one in graph]

    def backward() -> None:
        for one, (layer, given), gradient in zip(graph, leaves, gradients, strict=True):
            torch.autograd.grad(one, (given, layer.weight), gradient, retain_graph=True)

    taken = cpu_times({"whole": whole, "fewer": fewer, "backward": backward})
    return {
        "forward": median(turn["whole"] / turn["fewer"] for turn in taken),
        "step": median(
            (turn["whole"] + turn["backward"]) / (turn["fewer"] + turn["backward"])
            for turn in taken
        ),
    }
