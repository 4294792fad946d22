"""Masks of networks trained with SWAT against random masks of the same shapes and sparsity.

``python -m swatlib.experiments.accelerator_trained`` trains what has no record yet and writes, for
each network, its imbalance and its cycles to ``data/records/accelerator-trained``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch

from swatlib import checks
from swatlib.checked import checked, checked_fields
from swatlib.data import load
from swatlib.models import NAMES
from swatlib.records import iterate_records
from swatlib.simulator.geometry import PRODUCTS, Layer
from swatlib.simulator.live import masks_of
from swatlib.simulator.masks import Masks, generate
from swatlib.simulator.network import simulate
from swatlib.simulator.scnn import Cartesian
from swatlib.simulator.tcl import Tactical
from swatlib.simulator.windows import Window
from swatlib.training import Run, build, train

if TYPE_CHECKING:
    from swatlib.records.sweep import Summary

FOLDER = Path(__file__).resolve().parents[2] / "data" / "records" / "accelerator-trained"

MACHINES: dict[str, Tactical | Cartesian] = {
    "X9": Tactical(),
    "X9 sorted": Tactical(sort=True),
    "T2,5": Tactical(Window("T", 2, 5)),
    "scnn": Cartesian(),
}
"""The machines that see trained masks."""

BATCH = 4
"""Test images in the step whose masks are counted."""


@dataclass(frozen=True)
class Trained:
    """One network trained with SWAT-U, every layer but the first sparse.

    Attributes
    ----------
    network, data, pixels, images, epochs, sparsity, seed : str, int and float
        As in `swatlib.training.Run`.
    width : int or None
        Of a small network.
    """

    network: str = "resnet18"
    data: str = "digits"
    pixels: int | None = None
    images: int | None = None
    epochs: int = 4
    sparsity: float = 0.9
    seed: int = 0
    width: int | None = None

    def __post_init__(self) -> None:
        checked_fields(
            self,
            network=partial(checks.one_of, allowed=NAMES),
            data=checks.text,
            pixels=checks.optional(checks.count),
            images=checks.optional(checks.count),
            epochs=checks.at_least_0,
            sparsity=checks.sparsity,
            seed=checks.at_least_0,
            width=checks.optional(checks.count),
        )

    def compute(self) -> dict[str, Any]:
        """Train and count; what a sweep calls."""
        return count_trained(self)


def trained() -> list[Trained]:
    """Every network of the experiment."""
    large = [Trained(sparsity=s) for s in (0.9, 0.8)]
    return [*large, Trained(network="small_resnet", epochs=20)]


@checked(mask=partial(checks.array, kinds="b"))
def filter_imbalance(mask: np.ndarray) -> float:
    """Spread of the number of non-zeros over filters: standard deviation over mean.

    Parameters
    ----------
    mask : numpy.ndarray
        Boolean weights, filters first.

    Returns
    -------
    float
        0 if all filters keep as many; about ``sqrt((1 - d) / (d n))`` for a random mask of
        density d over filters of n weights.
    """
    if not mask.size or not mask.ndim:
        raise ValueError(f"mask must hold filters, got shape {mask.shape}")
    kept = mask.reshape(len(mask), -1).sum(axis=1)
    return float(kept.std() / kept.mean()) if kept.any() else 0.0


@checked
def compare(
    layers: Sequence[Layer], masks: Sequence[Masks], random: Sequence[Masks]
) -> dict[str, dict[str, dict[str, float]]]:
    """Speed-up of every machine and product, for the masks and for random ones."""
    return {
        name: {
            kind: {p: simulation.speedup(p) for p in PRODUCTS}
            for kind, simulation in (
                ("masks", simulate(layers, masks, machine, vs_self=False)),
                ("random", simulate(layers, random, machine, vs_self=False)),
            )
        }
        for name, machine in MACHINES.items()
    }


@checked
def count_trained(point: Trained) -> dict[str, Any]:
    """Train a network and count the cycles of one training step on test images."""
    run = Run(
        data=point.data,
        pixels=point.pixels,
        images=point.images,
        network=point.network,
        width=point.width,
        epochs=point.epochs,
        method="swat",
        sparsity=point.sparsity,
        seed=point.seed,
    )
    dataset = load(run.data, pixels=run.pixels, images=run.images)
    model = build(run, dataset)
    accuracy = [epoch["test_accuracy"] for epoch in train(model, dataset, run, "cpu")]
    layers, masks = masks_of(
        model.to(memory_format=torch.contiguous_format),  # type: ignore[call-overload]
        dataset.test_x[:BATCH],
        dataset.test_y[:BATCH],
    )
    random = generate(layers, point.sparsity, seed=point.seed)
    return {
        "test_accuracy": accuracy[-1],
        "imbalance": {
            layer.name: {
                "masks": filter_imbalance(mask.stationary("forward")),
                "random": filter_imbalance(other.stationary("forward")),
            }
            for layer, mask, other in zip(layers, masks, random, strict=True)
        },
        "speedup": compare(layers, masks, random),
    }


@checked
def run(folder: Path = FOLDER, budget: float | None = None) -> Summary:
    """Train and count what has no record yet."""
    # Imported here: it loads tqdm, which whoever only reads records does not need.
    from swatlib.records.sweep import sweep

    return sweep(trained(), folder, count_trained, budget=budget)


@checked
def speedups(folder: Path = FOLDER) -> pd.DataFrame:
    """One row per network, machine and product: speed-up of its masks and of random ones."""
    return pd.DataFrame(
        {
            **record.specification,
            "machine": machine,
            "product": p,
            **{k: v[p] for k, v in s.items()},
        }
        for record in iterate_records(folder)
        for machine, s in record.metrics["speedup"].items()
        for p in PRODUCTS
    )


@checked
def imbalances(folder: Path = FOLDER) -> pd.DataFrame:
    """One row per network and layer: imbalance of its masks and of random ones."""
    return pd.DataFrame(
        {**record.specification, "layer": layer, **values}
        for record in iterate_records(folder)
        for layer, values in record.metrics["imbalance"].items()
    )


if __name__ == "__main__":
    print(run())
