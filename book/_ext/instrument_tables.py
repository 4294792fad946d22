"""What the book's instruments show: a table of chosen values, computed by the library.

The table is what a reader without scripts has. ``values`` is what the script cannot compute by
itself: the rows of the methods, counts of networks. Its formulas stand in ``instruments.js``, and
the tests hold them to the same functions of the library that are called here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from scipy import stats

from swatlib import Recipe, accounting, dense, meprop, saw, swat
from swatlib.accounting.convention import Convention
from swatlib.accounting.density import Density
from swatlib.analysis.angles import energy_to_angle, expected_energy, gaussian_energy
from swatlib.claims.fully_sparse_training.step_shares import amdahl
from swatlib.core.operands import OPERANDS
from swatlib.kernels.nm import nm_mask
from swatlib.papers.swat_tables import shapes
from swatlib.selectors.transposable import transposable_mask

METHODS: Mapping[str, Callable[[float], Recipe]] = {
    "dense": lambda sparsity: dense(),
    "SAW": saw,
    "SWAT": swat,
    "meProp": meprop,
}
OTHER = 0.1  # of a step's time, outside the three products
BLOCK = (5, 1, 7, 2, 3, 8, 4, 6, 9, 2, 1, 7, 4, 6, 3, 5)
NETWORKS = {
    "ResNet-50": ("resnet50", 224, 1000),
    "ResNet-18": ("resnet18", 224, 1000),
    "VGG-16": ("vgg16", 32, 10),
}
PRODUCTS = ["forward_dense", "input_grad_dense", "weight_grad_dense"]


@dataclass(frozen=True)
class Table:
    """The static form of an instrument.

    Parameters
    ----------
    title : str
    columns : list of str
    rows : list of lists of str
    values : dict
        What the script is given.
    """

    title: str
    columns: list[str]
    rows: list[list[str]]
    values: dict[str, Any] = field(default_factory=dict)


def speedup(sparse: Mapping[str, bool], sparsity: float, other: float) -> float:
    """Return how much faster a step is with some operands sparse, by Amdahl's law.

    Parameters
    ----------
    sparse : mapping
        For each of the six operands whether it is sparse.
    sparsity, other : float
        The share of an operand's zeros, and of a dense step's time outside the products.
    """
    left = Density(
        **{name: 1 - sparsity if is_sparse else 1.0 for name, is_sparse in sparse.items()}
    )
    return 1 / (other + (1 - other) * (left.forward + left.input_grad + left.weight_grad) / 3)


def six_operands() -> Table:
    """Which operands each method sparsifies, and what that gives at 80 %."""
    rows, values = [], {}
    for name, method in METHODS.items():
        sparse = {o.name: selector is not None for o, selector in method(0.8).items()}
        values[name] = list(sparse.values())
        faster = speedup(sparse, 0.8, OTHER)
        rows.append([name, *("Top-K" if one else "" for one in sparse.values()), f"{faster:.2f}"])
    headings = [operand.heading for operand in OPERANDS]
    return Table(
        "Which operands are sparse, and what it gives",
        ["method", *headings, "speed-up at 80 %, a tenth of the time elsewhere"],
        rows,
        {"methods": values, "operands": headings},
    )


def threshold() -> Table:
    """The threshold of a Gaussian tensor, and the error of the share that a sample's keeps."""
    rows = []
    for sparsity in (0.5, 0.7, 0.8, 0.9, 0.95, 0.99):
        d = 1 - sparsity
        errors = [f"{100 * np.sqrt(d * (1 - d) / m):.2f}" for m in (1_000, 10_000, 100_000)]
        rows.append([f"{sparsity:.0%}", f"{stats.norm.isf(d / 2):.3f}", *errors])
    sampled = [f"error from {m} entries (points)" for m in ("1,000", "10,000", "100,000")]
    return Table(
        "The threshold, and a sample's error",
        ["sparsity", "threshold (standard deviations)", *sampled],
        rows,
    )


def energy(shape: str, sparsity: float) -> float:
    """Return the share of the energy that is kept of a long vector of a shape of entries."""
    if shape == "random mask":
        return 1 - sparsity
    if shape == "Gaussian":
        return float(gaussian_energy(sparsity))
    if shape == "Gaussian after a ReLU":  # half of the entries are zero, and go first
        return float(gaussian_energy(max(0.0, 2 * sparsity - 1)))
    distribution = {"uniform": stats.uniform(-1, 2), "Laplace": stats.laplace()}[shape]
    return expected_energy(distribution, sparsity)


SHAPES = ("Gaussian", "uniform", "Laplace", "Gaussian after a ReLU", "random mask")


def angle() -> Table:
    """How far sparsification turns a long vector, by the shape of its entries."""
    rows = [
        [f"{sparsity:.0%}", *(f"{energy_to_angle(energy(one, sparsity)):.1f}" for one in SHAPES)]
        for sparsity in (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
    ]
    return Table("How far a vector turns (degrees)", ["sparsity", *SHAPES], rows)


def gradient_length() -> Table:
    """How much a dense backward pass lengthens gradients of Gaussian weights."""
    rows = []
    for sparsity in (0.5, 0.7, 0.8, 0.9, 0.95):
        factor = 1 / np.sqrt(float(gaussian_energy(sparsity)))
        rows.append([f"{sparsity:.0%}", f"{factor:.3f}", *(f"{factor**n:.1f}" for n in (7, 15))])
    return Table(
        "How much longer the gradient becomes",
        ["sparsity", "by each layer (times)", "over 7 layers", "over 15 layers"],
        rows,
    )


def kept_of_block(cells: tuple[int, ...]) -> dict[str, float]:
    """Return the share of a 4x4 block's sum that each pattern keeps, and where two agree."""
    block = torch.tensor(cells, dtype=torch.float32).reshape(4, 4)
    masks = {
        "rows": nm_mask(block),
        "columns": nm_mask(block.T.contiguous()).T,
        "both": transposable_mask(block),
    }
    kept = {name: float((block * mask).sum() / block.sum()) for name, mask in masks.items()}
    return kept | {"agree": float((masks["rows"] == masks["columns"]).sum())}


def block() -> Table:
    """A block of sixteen magnitudes under 2:4 one way, the other way, and both ways."""
    kept = kept_of_block(BLOCK)
    names = {
        "rows": "2:4 along rows",
        "columns": "2:4 along columns",
        "both": "the best mask that is both",
    }
    rows = [[label, f"{100 * kept[name]:.1f}"] for name, label in names.items()]
    lines = "; ".join(" ".join(map(str, BLOCK[i : i + 4])) for i in range(0, 16, 4))
    return Table(
        "Two of four in a block, along rows, along columns, and both",
        [f"mask of {lines}", "kept of the magnitude (%)"],
        rows,
    )


def restoration() -> Table:
    """The error of the weight gradient with and without the shift, by the columns' cosine."""
    rows = [
        [f"{c:.1f}", f"{np.sqrt(0.5):.2f}", f"{np.sqrt(1 - c):.2f}"]
        for c in (0, 0.3, 0.5, 0.7, 0.9)
    ]
    return Table(
        "Does the shift help?",
        ["cosine between paired columns", "error without", "error with restoration"],
        rows,
    )


def step_share() -> Table:
    """What is left of a speed-up of the products in a whole step."""
    rows = []
    for share in (0.5, 0.7, 0.9, 1.0):
        faster = [amdahl(share, 3, overhead) for overhead in (0.0, 0.02, 0.05)]
        rows.append([f"{share:.0%}", *(f"{one:.2f}" for one in faster)])
    return Table(
        "What a step gains if its products run twice as fast",
        ["products' share", "no overhead", "2 % overhead", "5 % overhead"],
        rows,
    )


def counting(full_map: bool, first_input_grad: bool) -> Convention:
    """Return the convention of two switches."""
    kind = "full_map" if full_map else "exact"
    return Convention(kind, first_input_grad=first_input_grad)


def convention() -> Table:
    """What SWAT saves of training and of inference, by what is counted."""
    values: dict[str, dict[str, dict[str, list[int]]]] = {}
    rows = []
    for label, where in NETWORKS.items():
        traced = shapes(*where)
        values[label] = {}
        for full_map in (False, True):
            for first in (False, True):
                counted = accounting.count(
                    traced, accounting.densities(traced, swat(0.8)), counting(full_map, first)
                )
                frame = counted.to_frame()
                values[label][f"{full_map:d}{first:d}"] = {
                    "products": [int(n) for n in frame[PRODUCTS].sum()],
                    "first": [int(n) for n in frame[PRODUCTS].iloc[0]],
                }
                rows.append(
                    [
                        label,
                        "yes" if full_map else "no",
                        "yes" if first else "no",
                        f"{counted.train_flops_reduction:.1f}",
                        f"{counted.inference_flops_reduction:.1f}",
                    ]
                )
    switches = ["zeros between strided gradients", "first layer's input gradient"]
    return Table(
        "What SWAT at 80 % saves, by what is counted",
        ["network", *switches, "training saves (%)", "inference saves (%)"],
        rows,
        {"networks": values, "switches": switches},
    )


INSTRUMENTS: Mapping[str, Callable[[], Table]] = {
    "six-operands": six_operands,
    "threshold": threshold,
    "angle": angle,
    "gradient-length": gradient_length,
    "block": block,
    "restoration": restoration,
    "step-share": step_share,
    "convention": convention,
}
