"""What the book's instruments show: a table of chosen values, computed by the library.

The table is what a reader without scripts has. ``values`` is what the script cannot compute by
itself: the rows of the methods, counts of networks. Its formulas stand in ``instruments.js``, and
the tests hold them to the same functions of the library that are called here. Those of machines and
of fully sparse training are in files of their own; ``instrument_index.py`` has all names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
from scipy import stats

from instrument_table import Table
from swatlib import Recipe, accounting, dense, meprop, saw, swat
from swatlib.accounting.convention import Convention
from swatlib.accounting.density import Density
from swatlib.analysis.angles import energy_to_angle, expected_energy, gaussian_energy
from swatlib.claims.fully_sparse_training.step_shares import amdahl
from swatlib.claims.intervals import half_width
from swatlib.core.allocation import erk, uniform
from swatlib.core.operands import OPERANDS
from swatlib.detection.boxes import iou
from swatlib.kernels.nm import nm_mask
from swatlib.papers.swat_tables import shapes
from swatlib.selectors import kept_count
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


def granularity() -> Table:
    """What Top-K keeps when each kernel, or each filter, must have its share."""
    columns = {"1x1, HW": 1, "3x3, HW": 9, "5x5, HW": 25, "3x3, CHW of 64 channels": 9 * 64}
    rows = [
        [f"{sparsity:.0%}", *(f"{100 * kept_count(n, sparsity) / n:.1f}" for n in columns.values())]
        for sparsity in (0.5, 0.8, 0.9, 0.95, 0.98)
    ]
    return Table(
        "What is kept where K is a whole number",
        ["sparsity asked for", *(f"{name}: kept (%)" for name in columns)],
        rows,
    )


def layers_of(network: str) -> tuple[list[list[int]], list[int]]:
    """Return the weight shapes of a network's layers, and the multiplications of their products."""
    traced = shapes(*NETWORKS[network])
    densities = accounting.densities(traced, dense())
    work = accounting.count(traced, densities, counting(False, True)).to_frame()["forward_dense"]
    pairs = zip(traced.layers, work, strict=True)
    found = [(list(layer.weight), int(n)) for layer, n in pairs if layer.weight]
    return [weight for weight, _ in found], [n for _, n in found]


def budget(network: str, sparsity: float) -> dict[str, float]:
    """Return what ERK and a uniform sparsity leave of a network's weights and forward product.

    All in percent, but ``times``: the work under ERK over that under the uniform sparsity with a
    dense first layer, at which SWAT-U trains (section 3.3.2).
    """
    weights, products = layers_of(network)
    sizes = np.array([np.prod(one) for one in weights])
    work = np.array(products)
    by_erk, same = np.array(erk(weights, sparsity)), np.array(uniform(weights, sparsity))
    return {
        "weights": 100 * float(by_erk @ sizes / sizes.sum()),
        "uniform": 100 * float(same @ sizes / sizes.sum()),
        "first": 100 * by_erk[0],
        "sparsest": 100 * float(by_erk.min()),
        "work": 100 * float(by_erk @ work / work.sum()),
        "times": float((by_erk @ work) / (same @ work)),
    }


def layers() -> Table:
    """One budget of weights, spread by ERK: what layers get, and what the work is."""
    rows, values = [], {}
    for network in NETWORKS:
        weights, products = layers_of(network)
        values[network] = {"shapes": weights, "work": products}
        for sparsity in (0.8, 0.9, 0.95):
            found = budget(network, sparsity)
            kept = [f"{found[name]:.1f}" for name in ("first", "sparsest", "work")]
            rows.append([network, f"{sparsity:.0%}", *kept, f"{found['times']:.2f}"])
    named = ("first layer", "sparsest layer", "multiplications")
    return Table(
        "A budget spread over layers by ERK",
        ["network", "sparsity", *(f"{one} (%)" for one in named), "work over uniform (times)"],
        rows,
        {"networks": values},
    )


def unused_channels() -> Table:
    """How many input channels no filter reads, if filters chose theirs at random."""
    rows = [
        [f"{sparsity:.0%}", *(f"{100 * sparsity**filters:.1f}" for filters in (1, 4, 16, 64))]
        for sparsity in (0.5, 0.7, 0.9, 0.98)
    ]
    return Table(
        "Input channels that no filter reads",
        ["sparsity", *(f"{filters} filters (%)" for filters in ("1", "4", "16", "64"))],
        rows,
    )


def empty_output(inputs: int, outputs: int, sparsity: float) -> float:
    """Return the chance that an output of a linear layer keeps no weight, if K are drawn."""
    total = inputs * outputs
    return float(stats.hypergeom(total, inputs, kept_count(total, sparsity)).pmf(0))


def weights_per_output() -> Table:
    """Weights that an output of a classifier keeps on average, and how many outputs have none."""
    rows = []
    for sparsity in (0.8, 0.9, 0.95, 0.98, 0.99):
        cells = []
        for inputs, outputs in ((64, 10), (128, 10), (512, 100)):
            kept = kept_count(inputs * outputs, sparsity) / outputs
            cells.append(f"{kept:.1f} / {outputs * empty_output(inputs, outputs, sparsity):.2f}")
        rows.append([f"{sparsity:.0%}", *cells])
    sizes = ("64 to 10", "128 to 10", "512 to 100")
    return Table(
        "Weights left for an output",
        ["sparsity", *(f"{one}: weights each / outputs without" for one in sizes)],
        rows,
    )


def seeds() -> Table:
    """How far the 95 % interval of a mean over seeds reaches."""
    numbers = (2, 3, 5, 10, 20, 50)
    rows = [
        [f"{spread:g}", *(f"{half_width(spread / one**0.5, one - 1):.2f}" for one in numbers)]
        for spread in (0.3, 1.0, 3.0, 8.6)
    ]
    quantiles = [round(half_width(1.0, freedom), 6) for freedom in range(1, 61)]
    return Table(
        "What so many seeds can show",
        ["standard deviation (points)", *(f"± with {one} seeds" for one in numbers)],
        rows,
        {"t": quantiles},
    )


THRESHOLDS = [(50 + 5 * i) / 100 for i in range(10)]  # of COCO's average precision


def overlap(size: int, right: int, down: int) -> float:
    """Return the IoU of a square with its copy, moved by whole pixels."""
    square = torch.tensor([[0, 0, size, size]], dtype=torch.float64)
    moved = square + torch.tensor([right, down, right, down], dtype=torch.float64)
    return float(iou(square, moved))


def boxes() -> Table:
    """The IoU of a square of so many pixels with one that is a little beside it."""
    rows = []
    for size in (4, 8, 16, 32):
        found = [overlap(size, moved, 0) for moved in (1, 2, 3)]
        rows.append([f"{size}", *(f"{one:.2f}" for one in found)])
    moves = ("one pixel", "two", "three")
    return Table(
        "How much boxes overlap", ["size (pixels)", *(f"IoU, {one}" for one in moves)], rows
    )


def bytes_kept(density: float, compressed: bool, signs: bool) -> float:
    """Return bytes per float32 entry that a batch norm, a ReLU and a convolution keep.

    Equation (eq-memory-bytes) of the chapter. Without a compressed copy the convolution keeps the
    ReLU's output, whether or not the ReLU does.
    """
    copy = 4 * density + 1 / 8 if compressed else 0.0
    return 4 + copy + (0.0 if compressed and signs else 4.0) + (1 / 8 if signs else 0.0)


def link_bytes() -> Table:
    """Bytes per entry between the passes, of dense training (8) the share."""
    rows = []
    for sparsity in (0.5, 0.7, 0.8, 0.9, 0.95):
        found = [bytes_kept(1 - sparsity, True, signs) for signs in (False, True)]
        rows.append([f"{sparsity:.0%}", *(f"{one:.2f} ({one / 8:.0%})" for one in found)])
    return Table(
        "What a convolution, its batch norm and its ReLU keep",
        ["sparsity", "bytes per entry, ReLU keeps its output", "ReLU keeps bits"],
        rows,
    )


TABLES: Mapping[str, Callable[[], Table]] = {
    "six-operands": six_operands,
    "threshold": threshold,
    "angle": angle,
    "gradient-length": gradient_length,
    "block": block,
    "restoration": restoration,
    "step-share": step_share,
    "convention": convention,
    "granularity": granularity,
    "layers": layers,
    "unused-channels": unused_channels,
    "weights-per-output": weights_per_output,
    "seeds": seeds,
    "boxes": boxes,
    "link-bytes": link_bytes,
}
