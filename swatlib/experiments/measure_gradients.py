"""What SWAT's sparse operands make of its gradients: zeros in them, and their direction.

The paper says that a product with one sparse operand is dense in general (section 3.2), and that
SWAT approximates backpropagation in the masked network (section 3.3). The first is counted in one
backward pass of three fresh networks, the second measured along training runs.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import product
from typing import Any

import torch
from torch import Tensor, nn

from swatlib.core.sparse_layer import SparseLayer
from swatlib.data import load
from swatlib.experiments.grid import FAMILIES, PATCHES, SEEDS
from swatlib.methods import swat
from swatlib.models import build_network
from swatlib.papers.natural_zeros import crops
from swatlib.selectors import topk_mask
from swatlib.surgery.sparsify import active_mask, sparse_layers, sparsify_
from swatlib.training import build, train

SPARSITY = 0.9
BATCH = 128
PIXELS = 32
SPARSITIES = (0.8, 0.9)
AFTER = (0, 1, 3, 6)
"""Epochs after which the direction of the gradients is measured, the last one at the end."""


@contextmanager
def _layer_inputs(model: nn.Module) -> Iterator[tuple[dict[str, Tensor], dict[str, Tensor]]]:
    """Collect the sparse layers' inputs and, once backward has run, the inputs' gradients."""
    inputs: dict[str, Tensor] = {}
    gradients: dict[str, Tensor] = {}

    def note(name: str, x: Tensor) -> tuple[Tensor]:
        inputs[name] = x.detach()
        # A view of its own: the layer's own dX, not the sum over all uses of the map.
        own = x.view_as(x)
        if own.requires_grad:
            own.register_hook(lambda gradient: gradients.__setitem__(name, gradient))
        return (own,)

    hooks = [
        layer.register_forward_pre_hook(lambda _, given, n=name: note(n, given[0]))
        for name, layer in sparse_layers(model)
    ]
    try:
        yield inputs, gradients
    finally:
        for hook in hooks:
            hook.remove()


def _summands(layer: SparseLayer) -> float:
    """Return how many products of active weights an entry of dX sums, on average."""
    weight = layer.weight
    reach = weight[0].numel() // weight.shape[1] * weight.shape[0]
    stride = getattr(layer, "stride", (1,))
    steps = 1
    for step in stride:
        steps *= int(step)
    return (1 - SPARSITY) * reach / steps


def gradient_zeros() -> dict[str, Any]:
    """Count exact zeros in dW and dX of every sparse layer, SWAT at 90 %, three fresh networks.

    Returns
    -------
    dict
        ``layers``: a row per layer with ``network``, ``layer``, shares of zeros ``dW`` and ``dX``,
        ``dW of live channels`` (input channels of which Top-K keeps an entry), the share
        ``dead channels``, and ``summands`` of an entry of dX. Pixels that a strided 1x1 convolution
        never reads do not count.
    """
    images = crops(PIXELS, BATCH)
    labels = torch.arange(BATCH) % 10
    rows = []
    for network in FAMILIES:
        torch.manual_seed(0)
        model = sparsify_(build_network(network, classes=10, image=PIXELS), swat(SPARSITY))
        with _layer_inputs(model) as (inputs, gradients):
            nn.functional.cross_entropy(model(images), labels).backward()
        for name, layer in sparse_layers(model):
            x, dx = inputs[name], gradients[name]
            stride = getattr(layer, "stride", (1, 1))
            if layer.weight.shape[2:] == (1, 1):
                dx = dx[:, :, :: stride[0], :: stride[1]]
            kept = topk_mask(x, SPARSITY) & (x != 0)
            alive = kept.transpose(0, 1).flatten(1).any(1)
            zeros = _gradient(layer) == 0
            rows.append(
                {
                    "network": network,
                    "layer": name,
                    "dW": _share(zeros),
                    "dX": _share(dx == 0),
                    "dW of live channels": _share(zeros[:, alive]),
                    "dead channels": _share(~alive),
                    "summands": _summands(layer),
                }
            )
    return {"layers": rows}


def gradient_directions() -> dict[str, Any]:
    """Compare SWAT's dW with the gradient of the masked network along runs on photograph patches.

    The masked network computes with the same active weights and saves whole activations, so that
    its gradient is exact. Both see one training batch.

    Returns
    -------
    dict
        ``layers``: a row per sparsity, seed, ``epochs`` trained and layer with the cosine of the
        two gradients, over all weights and over the active ones.
    """
    data = load(PATCHES.data)
    rows = []
    for sparsity, seed in product(SPARSITIES, SEEDS):
        run = replace(PATCHES, method="swat", sparsity=sparsity, seed=seed)
        model = build(run, data)
        batch = data.train_x[: run.batch_size], data.train_y[: run.batch_size]
        at = {"sparsity": sparsity, "seed": seed}
        rows += [at | {"epochs": 0} | row for row in _directions(model, sparsity, *batch)]
        for epoch, _ in enumerate(train(model, data, run), start=1):
            if epoch in AFTER:
                rows += [
                    at | {"epochs": epoch} | row for row in _directions(model, sparsity, *batch)
                ]
    return {"layers": rows}


def _directions(
    model: nn.Module, sparsity: float, images: Tensor, labels: Tensor
) -> list[dict[str, Any]]:
    found = []
    for recipe in (swat(sparsity), swat(sparsity, activation_sparsity=0.0)):
        own = sparsify_(copy.deepcopy(model), recipe).train()
        own.zero_grad()
        nn.functional.cross_entropy(own(images), labels).backward()
        found.append(dict(sparse_layers(own)))
    ours, exact = found
    rows = []
    for name, layer in ours.items():
        first, second = _gradient(layer), _gradient(exact[name])
        active = active_mask(layer)
        rows.append(
            {
                "layer": name,
                "cosine": _cosine(first, second),
                "cosine of active": _cosine(first[active], second[active]),
            }
        )
    return rows


def _gradient(layer: SparseLayer) -> Tensor:
    gradient = layer.weight.grad
    if gradient is None:
        raise RuntimeError(f"no gradient has reached the weights of {layer}")
    return gradient


def _cosine(first: Tensor, second: Tensor) -> float:
    return float(nn.functional.cosine_similarity(first.flatten(), second.flatten(), dim=0))


def _share(mask: Tensor) -> float:
    return float(mask.double().mean())
