"""How much of the active set SWAT replaces, layer by layer and epoch by epoch (section 4.5)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from swatlib.experiments.grid import DIGITS, PATCHES
from swatlib.surgery.sparsify import active_mask, sparse_layers
from swatlib.training import Run, train_run

RUNS = {
    **{f"digits, {s:.0%}": replace(DIGITS, method="swat", sparsity=s) for s in (0.8, 0.9, 0.95)},
    "patches, 90%": replace(PATCHES, method="swat", sparsity=0.9),
}
"""What is watched: the residual network, as the experiments of topologies have it."""


class EpochMasks:
    """Compare the active weights at the end of every epoch with those at the end of the last one.

    Parameters
    ----------
    steps : int
        In an epoch.
    """

    def __init__(self, steps: int) -> None:
        self.steps = steps
        self.before: dict[str, Tensor] = {}
        self.replaced: dict[str, list[float]] = {}

    @torch.no_grad()
    def __call__(self, step: int, model: nn.Module) -> None:
        """Look at the model after a step; the first one counts as the end of an epoch."""
        if step > 1 and step % self.steps:
            return
        for name, layer in sparse_layers(model):
            if layer.recipe.forward_weight is None:
                continue
            now = active_mask(layer)
            if name in self.before:
                come = int((now & ~self.before[name]).sum())
                self.replaced.setdefault(name, []).append(come / max(1, int(now.sum())))
            self.before[name] = now


def topology_moves(runs: dict[str, Run] = RUNS) -> dict[str, Any]:
    """Train and return which share of the active weights each epoch replaces.

    Returns
    -------
    dict
        For each run, by layer: the share of the active weights at the end of an epoch that were not
        active at the end of the epoch before, an entry an epoch, and the test accuracy.
    """
    from swatlib.data import load

    found: dict[str, Any] = {}
    for name, run in runs.items():
        images = len(load(run.data).train_y)
        watched = EpochMasks(-(-images // run.batch_size))
        metrics = train_run(run, on_step=watched)
        found[name] = {"layers": watched.replaced, "test_accuracy": metrics["test_accuracy"]}
    return found
