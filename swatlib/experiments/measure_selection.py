"""What a constraint on Top-K makes it keep and drop (ICLR submission, section 2.2).

Per sample or per channel, places go to slices whether their entries are large or not: small entries
are kept and large ones dropped. Both are counted in trained networks.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from math import prod
from typing import Any

import torch
from torch import Tensor, nn

from swatlib.analysis.angles import sparsification_angle
from swatlib.data import load
from swatlib.experiments.grid import PATCHES, SEEDS
from swatlib.selectors import topk_mask
from swatlib.surgery.sparsify import sparsifiable
from swatlib.training import DENSE, build, train

SPARSITIES = (0.7, 0.9)
VARIANTS = ("NCHW", "CHW", "HW")


def constrained_choices() -> dict[str, Any]:
    """Count small entries kept and large ones dropped, three residual networks trained on patches.

    Small and large are meant against the threshold of Top-K over the whole tensor.

    Returns
    -------
    dict
        ``layers``: a row per seed, sparsity, variant, layer and operand ("W" or "X") with the share
        ``small`` of the kept entries, the share ``dropped`` of the large ones, the ``angle`` in
        degrees, and ``choice``, whether a slice has more than one entry to choose from.
    """
    data = load(PATCHES.data)
    rows = []
    for seed in SEEDS:
        run = replace(PATCHES, **DENSE, seed=seed)
        model = build(run, data)
        for _ in train(model, data, run):
            pass
        for layer, w, x in _operands(model, data.train_x[: run.batch_size]):
            for sparsity, variant, (operand, tensor) in product(
                SPARSITIES, VARIANTS, (("W", w), ("X", x))
            ):
                at = {"seed": seed, "sparsity": sparsity, "variant": variant, "operand": operand}
                rows.append(at | {"layer": layer} | _choice(tensor, sparsity, variant))
    return {"layers": rows}


@torch.no_grad()
def _operands(model: nn.Module, images: Tensor) -> list[tuple[str, Tensor, Tensor]]:
    """Return name, weights and input of every layer that SAW makes sparse."""
    layers = list(sparsifiable(model))[1:]
    inputs: dict[str, Tensor] = {}
    hooks = [
        layer.register_forward_pre_hook(lambda _, given, n=name: inputs.__setitem__(n, given[0]))
        for name, layer in layers
    ]
    model.train()(images)
    for hook in hooks:
        hook.remove()
    return [(name, layer.weight.detach(), inputs[name]) for name, layer in layers]


def _choice(tensor: Tensor, sparsity: float, variant: str) -> dict[str, Any]:
    free = topk_mask(tensor, sparsity)
    kept = topk_mask(tensor, sparsity, over=variant)
    return {
        "small": float((kept & ~free).sum() / kept.sum()),
        "dropped": float((free & ~kept).sum() / free.sum()),
        "angle": float(sparsification_angle(tensor, kept)),
        "choice": variant != "HW" or prod(tensor.shape[2:]) > 1,
    }
