"""What was recorded of a trained network's feature maps, layer by layer."""

from __future__ import annotations

import pandas as pd

from swatlib.checked import checked
from swatlib.claims.quantity import MissingRecords, Quantity, fact
from swatlib.experiments import trained_network
from swatlib.experiments.trained_network import TrainedNetworkRun

PHOTOGRAPHS, GAUSSIAN, UNIFORM = "photographs", "Gaussian noise", "uniform noise"

MARGINS = {
    "correlation": 0.5,
    "similarity": 0.1,
    "noise": 0.2,
    "gained": 0.3,
    "not gained": 0.1,
    "near zero": 0.5,
    "filled": 0.5,
    "white noise": 0.05,
    "identity": 1e-5,
    "cosine": 0.02,
    "layers": 0.8,
}
"""What counts as agreement, declared before the measurements."""

NETWORK = "EfficientNet-Lite0 stands for ResNet-18, photographs of BSDS500 for ImageNet: "


@checked
def of_network(part: str = "rows", weights: str = "imagenet") -> pd.DataFrame:
    """Return what was recorded of the network at its own image size, the layers in order.

    Parameters
    ----------
    part : str
        "rows" or "layers", see :mod:`swatlib.experiments.trained_network`.
    weights : str
        "imagenet" or "fresh".

    Raises
    ------
    MissingRecords
        If it was not measured; ``swatlib sweep trained-network`` does.
    """
    pixels = TrainedNetworkRun().pixels
    frame = trained_network.measured(part)
    if len(frame):
        frame = frame[(frame["weights"] == weights) & (frame["pixels"] == pixels)]
    if not len(frame):
        raise MissingRecords(f"the network with {weights} weights: `swatlib sweep trained-network`")
    return frame.reset_index(drop=True)


@checked
def by_input(column: str, weights: str = "imagenet") -> pd.DataFrame:
    """Return one column of what was recorded: a row per layer, in order, a column per input."""
    frame = of_network("rows", weights)
    return frame.pivot_table(index="layer", columns="input", values=column, sort=False)


def every_layer(
    name: str, values: pd.Series, limit: float, above: bool, says: str, unit: str = ""
) -> Quantity:
    """Compare every layer with a limit; the least favourable layer is shown."""
    sign = 1 if above else -1
    worst = float(values.min() if above else values.max())
    typical = float(values.median())
    return fact(name, worst, says, sign * worst > sign * limit, sign * typical > sign * limit, unit)
