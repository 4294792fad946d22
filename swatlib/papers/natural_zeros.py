"""Natural ReLU zeros of the papers' networks: measured once, recorded, measured again in tests.

A freshly initialised network in training mode sees crops of the photographs that ship with
scikit-image. Batch norm centres what ReLU cuts, so about half of it is zero whatever the weights,
less where a shortcut adds a positive map.

``python -m swatlib.papers.natural_zeros`` measures again and rewrites the record.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from swatlib.accounting.relu import natural_zeros
from swatlib.checked import checked
from swatlib.files import committed
from swatlib.models import build_network

RECORD = Path(__file__).resolve().parents[2] / "data" / "relu-zeros.csv"
NETWORKS = {
    "vgg16": (32, 10, 64),
    "wrn16_8": (32, 10, 64),
    "densenet121": (32, 10, 64),
    "resnet50": (224, 1000, 16),
}
"""Image size, classes and crops measured, by network."""

PHOTOGRAPHS = ("astronaut", "chelsea", "coffee", "rocket")


@checked
def crops(image: int, count: int, seed: int = 0) -> Tensor:
    """Cut square crops from four photographs, normalised per channel.

    Parameters
    ----------
    image : int
        Pixels along a side.
    count : int
        Number of crops.
    seed : int
        Of their positions.

    Returns
    -------
    Tensor, float32, shape (count, 3, image, image)
        Of zero mean and unit standard deviation per channel.
    """
    from skimage import data

    rng = np.random.default_rng(seed)
    photographs = [getattr(data, name)()[..., :3] / 255.0 for name in PHOTOGRAPHS]
    cut = []
    for index in range(count):
        photograph = photographs[index % len(photographs)]
        top = rng.integers(photograph.shape[0] - image + 1)
        left = rng.integers(photograph.shape[1] - image + 1)
        cut.append(photograph[top : top + image, left : left + image].transpose(2, 0, 1))
    x = torch.from_numpy(np.stack(cut)).float()
    return (x - x.mean((0, 2, 3), keepdim=True)) / x.std((0, 2, 3), keepdim=True)


@checked
def measure(name: str, image: int, classes: int, count: int, seed: int = 0) -> dict[str, float]:
    """Measure the zeros in every layer's input of a freshly initialised network.

    Parameters
    ----------
    name, image, classes
        As for :func:`swatlib.models.build_network`.
    count : int
        Crops in the batch.
    seed : int
        Of the weights and the crops.

    Returns
    -------
    dict of str to float
        Fraction of zeros by layer name.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = build_network(name, classes=classes, image=image)
        return natural_zeros(model, crops(image, count, seed))


@checked
def recorded_zeros(name: str) -> dict[str, float]:
    """Return the recorded zeros of one of :data:`NETWORKS`, by layer name.

    Raises
    ------
    ValueError
        For a network without a record.
    FileNotFoundError
        If the repository's ``data`` is not beside the package.
    """
    if name not in NETWORKS:
        raise ValueError(f"name must be one of {', '.join(NETWORKS)}, got {name!r}")
    frame = pd.read_csv(committed(RECORD))
    frame = frame[frame["network"] == name]
    return dict(zip(frame["layer"], frame["zeros"].astype(float), strict=True))


def main() -> None:
    """Measure every network and rewrite the record."""
    rows = []
    for name, (image, classes, count) in NETWORKS.items():
        for layer, zeros in measure(name, image, classes, count).items():
            rows.append((name, image, count, layer, round(zeros, 4)))
    columns = ["network", "image", "crops", "layer", "zeros"]
    part = RECORD.with_suffix(".part")
    pd.DataFrame(rows, columns=columns).to_csv(part, index=False, lineterminator="\n")
    part.replace(RECORD)


if __name__ == "__main__":
    main()
