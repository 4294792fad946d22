"""How far Top-K turns the layers of a network that trains (ICLR submission, Figure 9e)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pandas as pd
import torch
from torch import nn

from swatlib.analysis.angles import layer_angles
from swatlib.checked import checked
from swatlib.data import load
from swatlib.models import build_network
from swatlib.training import DENSE, Run, build, train

SPARSITY = 0.7
FOLLOWED = Run(data="digits", width=16, method="swat", sparsity=SPARSITY, epochs=6, batch_size=100)
SEEDS = (0, 1, 2, 3, 4)
IMAGES = 128


def he_normal_(model: nn.Module) -> nn.Module:
    """Leave the weights as the library draws them, from normal distributions."""
    return model


def pytorch_default_(model: nn.Module) -> nn.Module:
    """Draw the convolutions' weights again, uniformly, as torch.nn does by default."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            module.reset_parameters()
    return model


STARTS: dict[str, Callable[[nn.Module], nn.Module]] = {
    "Gaussian": he_normal_,
    "uniform": pytorch_default_,
}
"""How the first weights may be drawn."""


@checked(start_=None)
def angles_while_training(
    run: Run, start_: Callable[[nn.Module], nn.Module]
) -> tuple[pd.DataFrame, float, nn.Module]:
    """Train and take the angle of every layer before the first epoch and after each one.

    Parameters
    ----------
    run : Run
    start_ : callable
        Changes the fresh model in place and returns it, see :data:`STARTS`.

    Returns
    -------
    DataFrame
        As :func:`~swatlib.analysis.angles.layer_angles` gives it, with ``epoch`` from 0.
    float
        Test accuracy after the last epoch in percent.
    Module
        The trained model.
    """
    data = load(run.data)
    model = start_(build(run, data))
    images = data.train_x[:IMAGES]
    frames = [layer_angles(model, images, SPARSITY).assign(epoch=0)]
    accuracy = 0.0
    for metrics in train(model, data, run):
        frames.append(layer_angles(model, images, SPARSITY).assign(epoch=metrics["epoch"]))
        accuracy = metrics["test_accuracy"]
    return pd.concat(frames, ignore_index=True), accuracy, model


def _largest(angles: pd.DataFrame) -> dict[str, float]:
    """Return the largest angle of weights and activations, the first layer apart."""
    first = angles["layer"] == angles["layer"].iloc[0]
    found: dict[str, float] = {}
    for where, chosen in (("first", first), ("inner", ~first)):
        by_operand = angles[chosen].groupby("operand")["angle"].max()
        found |= {f"{where}_{name}": round(float(a), 3) for name, a in by_operand.items()}
    return found


def measure_angles() -> dict[str, Any]:
    """Return the largest angles of every run: SWAT and dense, both starts, five seeds.

    ``runs`` has them over all epochs and, as ``settled``, after the last one. ``resnet18`` has
    those of a fresh ResNet-18, which no training has touched.
    """
    runs: list[dict[str, Any]] = []
    fresh: list[dict[str, Any]] = []
    for seed in SEEDS:
        for start, start_ in STARTS.items():
            for run in (FOLLOWED, replace(FOLLOWED, **DENSE)):
                angles, accuracy, _ = angles_while_training(replace(run, seed=seed), start_)
                settled = angles[angles["epoch"] == angles["epoch"].max()]
                runs.append(
                    {
                        "start": start,
                        "method": run.method,
                        "seed": seed,
                        "test_accuracy": round(accuracy, 2),
                        "largest": _largest(angles),
                        "settled": _largest(settled),
                    }
                )
            torch.manual_seed(seed)
            network = start_(build_network("resnet18", classes=100, image=32))
            angles = layer_angles(network, torch.randn(4, 3, 32, 32), SPARSITY)
            fresh.append({"start": start, "seed": seed, "largest": _largest(angles)})
    return {"sparsity": SPARSITY, "runs": runs, "resnet18": fresh}
