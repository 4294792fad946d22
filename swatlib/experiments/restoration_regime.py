"""Where information restoration helps: resolution, neighbouring columns, and accuracy (FST 5.3).

For gradients that are independent of the images, the shift of Eq. 9 brings the weight gradient
nearer to the exact one where the cosine between paired columns of im2col(X) exceeds one half. Here
the same network learns the same photographs at several sizes: averaged down, as they are, and
enlarged, which makes neighbours alike without adding anything to see. Only the weight gradient is
sparse, so that nothing else differs. It reads photographs from SWATLIB_DATA.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.grad import conv2d_weight

from swatlib import checks
from swatlib.checked import checked, checked_fields
from swatlib.core.recipe import Recipe
from swatlib.data import data_folder, load
from swatlib.data.folder import find, read_photographs
from swatlib.data.splits import Dataset
from swatlib.experiments.grid import MORE_SEEDS, SEEDS
from swatlib.experiments.restoration import FIXED, RESTORED, compare, operands
from swatlib.experiments.similarity import normalised
from swatlib.kernels.convolution import Geometry, unfold
from swatlib.records.checkpoint import Checkpoint
from swatlib.selectors import FixedColumns
from swatlib.surgery.sparsify import sparsify_
from swatlib.training import Run, build, train
from swatlib.training.course import Course

OWN = 32
"""Pixels of the photographs that are learnt; smaller ones are averaged down, larger enlarged."""
SIZES = (16, 32, 64, 128)
BASE = Run(
    data="cifar10-jpeg75", images=2_500, network="small_resnet", epochs=6, batch_size=32, lr=0.05
)
TESTED = 5  # every fifth test image: at 128 pixels, testing would take longer than training
LOOKED_AT = 64
OTHERS = "bsds500-images"
VARIANTS = ("doubled", "pairs down", "direction drawn", "offset drawn")
WAYS = ("dense", "fixed", "restored", *VARIANTS)


@checked
def gathered(grad: Tensor, offset: int = 0) -> Tensor:
    """Sum each horizontal pair at its first pixel, with zeros at its second.

    Parameters
    ----------
    grad : Tensor, shape (..., W)
    offset : int
        0 pairs from the left end of a row, as the paper does; 1 leaves the first pixel single.

    Returns
    -------
    Tensor, shape (..., W)
    """
    total = torch.zeros_like(grad)
    total[..., offset::2] = grad[..., offset::2]
    second = grad[..., offset + 1 :: 2]
    total[..., offset : offset + 2 * second.shape[-1] : 2] += second
    if offset:
        total[..., 0] = grad[..., 0]
    return total


@dataclass(frozen=True)
class OtherColumns(FixedColumns):
    """Fixed columns that are paired or weighted otherwise than in the paper.

    Parameters
    ----------
    way : str
        "doubled": not restored, twice the columns kept; "pairs down": of two vertical neighbours
        the upper one stays; "direction drawn": one or the other, at random in each layer and step;
        "offset drawn": pairs that begin at the first or at the second pixel of a row, at random.
    """

    way: str = "doubled"

    def __post_init__(self) -> None:
        checked_fields(self, way=partial(checks.one_of, allowed=VARIANTS))

    def saved(self, x: Tensor, weight_shape: torch.Size, geometry: Geometry) -> Tensor:
        """Return all of ``x``: which columns stay is known only in the backward pass."""
        return x

    def weight_gradient(
        self, grad: Tensor, saved: Tensor, weight_shape: torch.Size, geometry: Geometry
    ) -> Tensor:
        """Return dW, shape ``weight_shape``."""
        total, g = self._total(grad), geometry
        dw: Tensor = conv2d_weight(
            saved, weight_shape, total, g.stride, g.padding, g.dilation, g.groups
        )
        return dw

    def operands(
        self, grad: Tensor, x: Tensor, weight_shape: torch.Size, geometry: Geometry
    ) -> tuple[Tensor, Tensor]:
        """Return G, summed where its column stays and zero elsewhere, and im2col(X)."""
        return self._total(grad), unfold(x, weight_shape, geometry)

    def _total(self, grad: Tensor) -> Tensor:
        if self.way == "doubled":
            total = torch.zeros_like(grad)
            total[..., ::2] = 2 * grad[..., ::2]
            return total
        drawn = int(torch.randint(2, ()))
        if self.way == "offset drawn":
            return gathered(grad, drawn)
        if self.way == "pairs down" or drawn:
            return gathered(grad.mT).mT
        return gathered(grad)

    def __str__(self) -> str:
        return f"fixed columns, {self.way}"


@dataclass(frozen=True)
class RegimeRun:
    """A network trained on photographs of one size, with one choice of columns.

    Parameters
    ----------
    pixels : int
        Side of the images.
    columns : str
        Of the weight gradient: "dense", "fixed" (Eq. 7 alone), "restored" (Eq. 10), or a variant of
        :class:`OtherColumns`.
    seed : int
    """

    pixels: int = OWN
    columns: str = "dense"
    seed: int = 0

    def __post_init__(self) -> None:
        checked_fields(
            self,
            pixels=partial(checks.one_of, allowed=SIZES),
            columns=partial(checks.one_of, allowed=WAYS),
            seed=checks.at_least_0,
        )

    @property
    def training(self) -> Run:
        """The training, but for the columns and for enlarging."""
        return replace(BASE, pixels=min(self.pixels, OWN), seed=self.seed)

    @property
    def recipe(self) -> Recipe:
        """Sparse in the weight gradient of every convolution, dense elsewhere."""
        kinds = {
            "dense": None,
            "fixed": FixedColumns(restore=False),
            "restored": FixedColumns(),
        }
        chosen = kinds[self.columns] if self.columns in kinds else OtherColumns(way=self.columns)
        return Recipe(self.columns, first_layer_dense=False, weight_grad_activation=chosen)

    @checked
    def compute(self, checkpoint: Checkpoint | None = None) -> dict[str, Any]:
        """Train, and look into a dense network.

        Returns
        -------
        dict
            ``test_accuracy`` in percent and ``train_loss`` of the last epoch; ``layers`` of a dense
            network: per ``images`` ("learnt", or photographs of another data set at the same size,
            real pixels, with drawn labels), layer and choice, see
            :func:`swatlib.experiments.restoration.compare`.
        """
        run = self.training
        dataset = enlarged(load(run.data, run.pixels, run.images), self.pixels)
        model = sparsify_(build(run, dataset), self.recipe)
        epochs = list(train(model, dataset, run, course=Course(checkpoint)))
        found = {key: epochs[-1][key] for key in ("test_accuracy", "train_loss")}
        if self.columns != "dense":
            return found
        return found | {"layers": self._look(model, dataset)}

    def _look(self, model: nn.Module, dataset: Dataset) -> list[dict[str, Any]]:
        every = len(dataset.test_x) // LOOKED_AT
        learnt = dataset.test_x[::every][:LOOKED_AT], dataset.test_y[::every][:LOOKED_AT]
        folder = data_folder()
        path = None if folder is None else find(OTHERS, folder)
        if path is None:
            raise FileNotFoundError(f"photographs {OTHERS!r} are not in SWATLIB_DATA")
        others = normalised(read_photographs(path, self.pixels, LOOKED_AT))
        drawn = torch.randint(
            dataset.classes, (LOOKED_AT,), generator=torch.Generator().manual_seed(self.seed)
        )
        return [
            {"images": images, **row}
            for images, (x, y) in {"learnt": learnt, OTHERS: (others, drawn)}.items()
            for row in compare(operands(model, x, y), (FIXED, RESTORED))
        ]


@checked
def enlarged(dataset: Dataset, pixels: int) -> Dataset:
    """Return the data with every fifth test image, all of them bilinearly enlarged to ``pixels``.

    Images of that size stay as they are.
    """
    kept = dataset._replace(
        test_x=dataset.test_x[::TESTED].contiguous(), test_y=dataset.test_y[::TESTED].contiguous()
    )
    if dataset.train_x.shape[-1] == pixels:
        return kept

    def large(x: Tensor) -> Tensor:
        return functional.interpolate(x, size=(pixels, pixels), mode="bilinear")

    return kept._replace(train_x=large(kept.train_x), test_x=large(kept.test_x))


def restoration_regime() -> list[RegimeRun]:
    """Every size with and without restoration, five seeds (three at the largest); the variants."""
    sizes = [
        RegimeRun(pixels, columns, seed)
        for seed, pixels, columns in product(MORE_SEEDS, SIZES, ("dense", "fixed", "restored"))
        if pixels < SIZES[-1] or seed in SEEDS
    ]
    return sizes + [RegimeRun(OWN, way, seed) for seed, way in product(MORE_SEEDS, VARIANTS)]


@checked
def table(runs: pd.DataFrame) -> pd.DataFrame:
    """Return per size and seed what restoration brought, and the median cosine of paired columns.

    Parameters
    ----------
    runs : DataFrame
        A row per record: ``pixels``, ``columns``, ``seed``, ``test_accuracy`` and ``layers``.

    Returns
    -------
    DataFrame
        ``pixels``, ``seed``, ``fixed`` and ``restored`` (accuracy minus the dense network's, in
        points), ``gain`` (restored minus fixed), ``column cosine`` (median over the layers of the
        dense network, on the images it learnt).
    """
    rows = []
    for (pixels, seed), group in runs.groupby(["pixels", "seed"]):
        by = group.set_index("columns")
        dense = by.loc["dense"]
        layers = pd.DataFrame(dense["layers"]).query("images == 'learnt' and choice == @FIXED")
        lost = {way: by.loc[way, "test_accuracy"] - dense["test_accuracy"] for way in WAYS[1:3]}
        rows.append(
            {
                "pixels": pixels,
                "seed": seed,
                **lost,
                "gain": lost["restored"] - lost["fixed"],
                "column cosine": layers["column cosine"].median(),
            }
        )
    return pd.DataFrame(rows)
