"""What share of a training step's time Top-K takes (ICLR section 3.3: 1 to 2 % of computation)."""

from __future__ import annotations

from functools import partial
from time import process_time
from typing import Any

import torch
from torch import nn

from swatlib.clock import medians, times
from swatlib.methods import Recipe, dense, swat
from swatlib.models import build_network
from swatlib.surgery.sparsify import sparsify_

SPARSITY, BATCH, PIXELS = 0.8, 128, 32
KEPT = 1_000_000
"""Steps for which a threshold is kept, more than are taken: choosing then costs nothing."""


def topk_clock(
    networks: tuple[str, ...] = ("resnet18", "vgg16"), repeat: int = 3, batch: int = BATCH
) -> dict[str, Any]:
    """Measure steps of training, dense and with SWAT, in turns; return ratios to the dense step.

    It is the time of the processor that is measured: waiting for other programs does not count.

    Parameters
    ----------
    networks : tuple of str
        In their form for CIFAR-10.
    repeat : int
        Turns; medians of them are taken.
    batch : int

    Returns
    -------
    dict
        For each network ``every_step`` and ``kept``: the time of a step in multiples of the dense
        one with exact thresholds in every step, and with those of the first step; and ``choosing``,
        the first less the second.
    """
    recipes = {
        "dense": dense(),
        "every_step": swat(SPARSITY),
        "kept": swat(SPARSITY, period=KEPT),
    }
    found: dict[str, Any] = {"sparsity": SPARSITY, "batch": batch, "pixels": PIXELS}
    found["threads"] = torch.get_num_threads()
    for name in networks:
        taken = _times(name, recipes, repeat, batch)
        ratios = {key: taken[key] / taken["dense"] for key in recipes if key != "dense"}
        found[name] = ratios | {"choosing": ratios["every_step"] - ratios["kept"]}
    return found


def _times(name: str, recipes: dict[str, Recipe], repeat: int, batch: int) -> dict[str, float]:
    torch.manual_seed(0)
    x, y = torch.randn(batch, 3, PIXELS, PIXELS), torch.randint(0, 10, (batch,))
    models = {key: sparsify_(build_network(name), recipe) for key, recipe in recipes.items()}
    optimizers = {
        key: torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
        for key, model in models.items()
    }

    def step(key: str) -> None:
        optimizers[key].zero_grad(set_to_none=True)
        nn.functional.cross_entropy(models[key](x), y).backward()
        optimizers[key].step()

    steps = {key: partial(step, key) for key in recipes}
    return medians(times(steps, turns=repeat, warm_up=1, time=process_time))
