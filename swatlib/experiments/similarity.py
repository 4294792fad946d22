"""How alike neighbouring pixels of feature maps are, layer by layer (FST section 6, Figure 4).

It reads photographs from SWATLIB_DATA.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from swatlib import checks
from swatlib.analysis.similarity import column_correlation, column_similarity, scattered
from swatlib.checked import checked, checked_fields
from swatlib.data import data_folder, load
from swatlib.data.folder import find, read_photographs
from swatlib.models import NAMES, build_network
from swatlib.records import iterate_records
from swatlib.training import Run, build, train

FOLDER = Path(__file__).resolve().parents[2] / "data" / "records" / "similarity"

BATCH = 20
"""Images at a time; correlations are averages over such batches."""


@dataclass(frozen=True)
class SimilarityRun:
    """One network and the images it looks at.

    Attributes
    ----------
    photographs : str
        Name of an image folder or archive in SWATLIB_DATA.
    pixels, images : int
        Pixels along a side, to which the middle square of each image is averaged down, and how many
        images are read.
    controls : int
        How many of the images also serve as controls of the estimator, a multiple of 20. There
        are as many scattered photographs, and as many images of white noise.
    network : str
        As `swatlib.models.build_network` names it.
    built_for : int
        Image size that decides the network's form; it may look at images of another size.
    epochs : int
        Of training on 16x16 CIFAR-10; 0 for a fresh network.
    train_images : int
        Training images.
    seed : int
        Of the weights, the order of training, the noise and the shuffling.
    """

    photographs: str = "bsds500-images"
    pixels: int = 64
    images: int = 500
    controls: int = 40
    network: str = "small_resnet"
    built_for: int = 32
    epochs: int = 0
    train_images: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        checked_fields(
            self,
            photographs=checks.text,
            pixels=checks.count,
            images=checks.count,
            controls=checks.count,
            network=partial(checks.one_of, allowed=NAMES),
            built_for=checks.count,
            epochs=checks.at_least_0,
            train_images=checks.at_least_0,
            seed=checks.at_least_0,
        )
        if self.controls % BATCH or self.controls > self.images:
            raise ValueError(
                f"controls must be a multiple of {BATCH} and at most the {self.images} images, "
                f"got {self.controls}"
            )

    def compute(self) -> dict[str, Any]:
        """Measure what the network sees, see `look`."""
        return look(self)


def similarity() -> list[SimilarityRun]:
    """Every measurement: photographs and CIFAR-10, fresh and trained networks."""
    # ResNet-18 at 224 pixels as in the paper, but with random weights: no ImageNet here.
    full = SimilarityRun(pixels=224, network="resnet18", built_for=224)
    small = [
        SimilarityRun(epochs=epochs, train_images=images, seed=seed)
        for seed in (0, 1, 2)
        for epochs, images in ((0, 0), (4, 3_000))
    ]
    cifar = [replace(look, photographs="cifar10-jpeg75", pixels=32) for look in small[:2]]
    return [full, *cifar, *small]


@checked
@contextmanager
def layer_inputs(model: nn.Module) -> Iterator[dict[str, Tensor]]:
    """Collect the inputs X of the stem and of each stage's first convolution, in a forward pass."""
    found: dict[str, Tensor] = {}
    hooks = []
    for outer, child in model.named_children():
        for inner, layer in child.named_modules():
            if isinstance(layer, nn.Conv2d):
                name = f"{outer}.{inner}" if inner else outer

                def keep(_: nn.Module, inputs: tuple[Tensor], name: str = name) -> None:
                    found[name] = inputs[0].detach()

                hooks.append(layer.register_forward_pre_hook(keep))
                break
    try:
        yield found
    finally:
        for hook in hooks:
            hook.remove()


@checked
@lru_cache(maxsize=2)
def looking_network(name: str, built_for: int, epochs: int, images: int, seed: int) -> nn.Module:
    """Return the network, fresh or trained on 16x16 CIFAR-10, in evaluation mode."""
    if not epochs:
        torch.manual_seed(seed)
        return build_network(name, classes=10, image=built_for).eval()
    run = Run(
        data="cifar10-jpeg75",
        pixels=16,
        images=images,
        network=name,
        epochs=epochs,
        batch_size=64,
        seed=seed,
    )
    dataset = load(run.data, pixels=run.pixels, images=run.images)
    model = build(run, dataset)
    for _ in train(model, dataset, run, "cpu"):
        pass
    return model.eval()


@lru_cache(maxsize=1)
def _photographs(name: str, pixels: int, images: int) -> np.ndarray:
    folder = data_folder()
    path = None if folder is None else find(name, folder)
    if path is None:
        raise FileNotFoundError(f"photographs {name!r} are not in SWATLIB_DATA")
    return read_photographs(path, pixels, images)


@checked
def normalised(photographs: np.ndarray) -> Tensor:
    """Return (N, 3, H, W) images as float32, each channel with mean 0 and standard deviation 1."""
    x = torch.from_numpy(photographs).float()
    mean = x.mean((0, 2, 3), keepdim=True, dtype=torch.float64).float()
    return (x - mean) / x.std((0, 2, 3), keepdim=True)


@checked
@torch.no_grad()
def measure(model: nn.Module, x: Tensor, controls: int, seed: int) -> list[dict[str, Any]]:
    """Measure every layer input on images ``x``.

    Parameters
    ----------
    model : nn.Module
        In evaluation mode.
    x : Tensor, shape (N, C, H, W)
    controls : int
        The first so many images get every estimate, the others only the plain one.
    seed : int
        Of the shuffling.

    Returns
    -------
    list of dict
        One for each layer and estimate. "plug-in" is taken from all images. The others are taken
        from the controls: "plug-in, controls", "miller-madow", "scattered" (pixels moved about
        within their channel) and "shuffled" (neighbours drawn from anywhere in the image).
        ``images`` says how many images an estimate averages over.
    """
    generator = torch.Generator().manual_seed(seed)
    shares: dict[tuple[str, str], list[dict[str, float]]] = defaultdict(list)
    about: dict[str, dict[str, int]] = {}
    with layer_inputs(model) as found:
        for start in range(0, len(x), BATCH):
            model(x[start : start + BATCH])
            for layer, feature in found.items():
                about[layer] = {"channels": feature.shape[1], "width": feature.shape[3]}
                estimates = {"plug-in": column_similarity(feature)}
                if start < controls:
                    moved = scattered(feature, generator)
                    estimates |= {
                        "plug-in, controls": estimates["plug-in"],
                        "miller-madow": column_similarity(feature, correction="miller-madow"),
                        "scattered": column_similarity(moved, generator=generator),
                        "shuffled": column_similarity(feature, shuffled=True, generator=generator),
                    }
                for estimate, value in estimates.items():
                    shares[layer, estimate].append(value._asdict() | {"images": len(feature)})
                shares[layer, "plug-in"][-1] |= {
                    "zeros": (feature == 0).double().mean().item(),
                    "correlation": column_correlation(feature),
                    "cosine": column_correlation(feature, centred=False),
                }
    return [
        {"layer": layer, **about[layer], "estimate": estimate, **_averaged(parts)}
        for (layer, estimate), parts in shares.items()
    ]


def _averaged(parts: list[dict[str, float]]) -> dict[str, float]:
    frame = pd.DataFrame(parts)
    out = {
        name: round(float(np.average(frame[name], weights=frame["images"])), 6)
        for name in frame.columns
        if name not in ("images", "pairs")
    }
    return out | {"images": int(frame["images"].sum()), "pairs": int(frame["pairs"].iloc[0])}


@checked
def look(run: SimilarityRun) -> dict[str, Any]:
    """Measure photographs, the same with their pixels scattered, and white noise."""
    model = looking_network(run.network, run.built_for, run.epochs, run.train_images, run.seed)
    raw = _photographs(run.photographs, run.pixels, run.images)
    x = normalised(raw)
    generator = torch.Generator().manual_seed(run.seed)
    few = x[: run.controls]
    inputs = {
        "photographs": x,
        "scattered photographs": torch.cat([scattered(one[None], generator) for one in few]),
        "white noise": torch.randn(few.shape, generator=generator),
    }
    return {
        "fingerprint": hashlib.sha256(raw.tobytes()).hexdigest()[:16],
        "rows": [
            {"input": name, **row}
            for name, images in inputs.items()
            for row in measure(model, images, run.controls, run.seed)
        ],
    }


@checked
def measured(folder: Path | str = FOLDER) -> pd.DataFrame:
    """Read the records: one row per network, kind of input, layer and estimate."""
    return pd.DataFrame(
        {**record.specification, **row}
        for record in iterate_records(Path(folder))
        for row in record.metrics["rows"]
    )
