"""What the instruments of Part IV show: rows of Table 1, lanes, Table 6, memory."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import cache

import numpy as np
import torch

from instrument_table import Table
from instrument_tables import METHODS, NETWORKS, PRODUCTS
from swatlib import Recipe, TopK, accounting
from swatlib.accounting import EXACT
from swatlib.claims.counting_and_hardware.simulated import printed_speedup, speedup
from swatlib.core.operands import OPERANDS
from swatlib.models import build_network
from swatlib.papers.swat_tables import shapes
from swatlib.simulator import (
    FINITE_BANDWIDTH,
    Layer,
    Simulation,
    Tactical,
    Window,
    generate,
    layers_of,
    simulate,
)
from swatlib.simulator.schedule import pack_lanes, set_cycles

WINDOWS = {
    "no window": Window("L"),
    "look-ahead 1": Window("L", 1),
    "look-ahead 1, look-aside 1": Window("L", 1, 1),
    "look-ahead 2, look-aside 1": Window("L", 2, 1),
    "T<2,5>": Window("T", 2, 5),
}
LANES = 4
FILTERS = (
    "#..# #... .##. #... .... ..#.",
    "#... #... #... #... #... #...",
    "#### .... #### .... #### ....",
)


def mask_of(picture: str) -> np.ndarray:
    """Return the mask of a filter's rows, boolean (time, lanes)."""
    return np.array([[letter == "#" for letter in row] for row in picture.split()])


def cycles_of(mask: np.ndarray, window: Window) -> int:
    """Return the cycles of one filter alone."""
    return int(set_cycles([pack_lanes(mask[None, None])], window, LANES)[0][0])


def lane_packing() -> Table:
    """Cycles of filters of six rows on four lanes, by window."""
    rows = []
    for name, window in WINDOWS.items():
        places = len(window.offsets(LANES))
        cycles = [str(cycles_of(mask_of(picture), window)) for picture in FILTERS]
        rows.append([name, str(places), *cycles])
    return Table(
        "Pack the lanes of your own filter",
        ["window", "places", *(f"cycles of {picture}" for picture in FILTERS)],
        rows,
        {
            "mask": mask_of(FILTERS[0]).astype(int).tolist(),
            "windows": {
                name: {
                    "ahead": window.ahead,
                    "places": [list(place) for place in window.offsets(LANES)],
                }
                for name, window in WINDOWS.items()
            },
        },
    )


def masked(sparsity: float) -> Recipe:
    """Return the recipe of all methods that mask the weights alone."""
    return Recipe("weights only", forward_weight=TopK(sparsity), input_grad_weight=TopK(sparsity))


ROWS: Mapping[str, Callable[[float], Recipe]] = {**METHODS, "weights only": masked}


def left_of_step(network: str, one: Recipe) -> list[float]:
    """Return what a recipe leaves of a step's multiplications: in all, and of each product, in %.

    The first layer is dense, and a step needs no input gradient of it.
    """
    traced = shapes(*NETWORKS[network])
    total = accounting.count(traced, accounting.densities(traced, one), EXACT).totals()
    products = [(total[name.removesuffix("_dense")], total[name]) for name in PRODUCTS]
    whole = sum(kept for kept, _ in products) / sum(all_ for _, all_ in products)
    return [100 * share for share in (whole, *(kept / all_ for kept, all_ in products))]


def table_row() -> Table:
    """The rows of Table 1, and what they leave of a step of ResNet-50 at 80 %."""
    rows, values = [], {}
    for name, method in ROWS.items():
        sparse = [selector is not None for _, selector in method(0.8).items()]
        values[name] = sparse
        row = ["yes" if sparse[i] or sparse[i + 1] else "no" for i in (0, 2, 4)]
        rows.append(
            [name, *row, *(f"{share:.1f}" for share in left_of_step("ResNet-50", method(0.8)))]
        )
    networks = {}
    for label, where in NETWORKS.items():
        traced = shapes(*where)
        frame = accounting.count(traced, convention=EXACT).to_frame()[PRODUCTS]
        networks[label] = {
            "products": [int(n) for n in frame.sum()],
            "first": [int(n) for n in frame.iloc[0]],
        }
    names = ("forward", "input gradient", "weight gradient")
    return Table(
        "Six operands become a row of Table 1",
        ["method", *names, "left of a step (%)", *(f"left of the {name} (%)" for name in names)],
        rows,
        {"methods": values, "operands": [o.heading for o in OPERANDS], "networks": networks},
    )


MACHINES = {
    "T<2,5>": "T2,5",
    "T<4,10>": "T4,10",
    "X<4>": "X4",
    "X<9>": "X9",
    "X<15>": "X15",
    "scnn": "scnn",
}
"""Recorded machines of 1024 multipliers, by what a reader calls them."""

PASSES = {"forward": ("forward",), "backward": ("input_grad",)}
BASELINES = {"its own dense cycles": "nothing skipped", "one dense machine for all": "common"}
PRINTED = {"80 %": 0.8, "90 %": 0.9}


def table_6() -> Table:
    """Speed-ups of recorded machines beside those that Table 6 prints."""
    values: dict[str, dict[str, dict[str, list[float]]]] = {}
    rows: list[list[str]] = []
    for label, machine in MACHINES.items():
        values[label] = {
            said: {
                level: [
                    round(speedup(machine, sparsity, products, baseline), 6)
                    for products in PASSES.values()
                ]
                for level, sparsity in PRINTED.items()
            }
            for said, baseline in BASELINES.items()
        }
        for said, cells in values[label].items():
            row = [label, said, *(f"{one:.2f}" for two in cells.values() for one in two)]
            if not rows or rows[-1][0] != label or rows[-1][2:] != row[2:]:  # most are the same
                rows.append(row)
    printed = {
        level: [printed_speedup(name, sparsity) for name in PASSES]
        for level, sparsity in PRINTED.items()
    }
    rows.append(["Table 6", "1x", *(f"{one:g}" for two in printed.values() for one in two)])
    return Table(
        "Which machine gives Table 6?",
        ["machine", "compared with", *(f"{name}, {level}" for level in PRINTED for name in PASSES)],
        rows,
        {
            "machines": values,
            "printed": printed,
            "passes": list(PASSES),
            "baselines": list(BASELINES),
        },
    )


NORM_PASSES = 4
"""Over each normalised element in a step: two of statistics and of normalising, two going back."""


@cache
def step_on_x9(sparsity: float) -> tuple[list[Layer], Simulation]:
    """Return ResNet-50's layers, and one image's step on X<9> with memory that never limits."""
    with torch.device("meta"):
        network = build_network("resnet50", classes=1000, image=224)
    layers = layers_of(network, (1, 3, 224, 224))
    masks = generate(layers, sparsity, seed=0)
    return layers, simulate(layers, masks, Tactical(), vs_self=False)


def dense_bits(layer: Layer) -> int:
    """Return the DRAM bits of a product of a layer with nothing compressed."""
    tensors = (layer.weight_shape, layer.input_shape, layer.output_shape)
    return Tactical().value_bits * sum(math.prod(shape) for shape in tensors)


@cache
def normalised() -> int:
    """Return how many elements of one image pass batch normalisation in ResNet-50."""
    traced = shapes(*NETWORKS["ResNet-50"])
    return sum(layer.inputs for layer in traced.layers if layer.kind == "norm")


def step_cycles(sparsity: float) -> dict[str, list[list[int]]]:
    """Return cycles and DRAM bits of each product of each layer, dense and sparse."""
    layers, step = step_on_x9(sparsity)
    cells = [
        (layer, count)
        for counts in step.counts.values()
        for layer, count in zip(layers, counts, strict=True)
        if count.dense_cycles
    ]
    return {
        "dense": [[count.dense_cycles, dense_bits(layer)] for layer, count in cells],
        "sparse": [[count.cycles, count.dram_bits] for _, count in cells],
    }


def step_speedup(sparsity: float, bandwidth: float = math.inf, width: float = math.inf) -> float:
    """Return the speed-up of a step on X<9> with finite memory and a vector unit for normalising.

    Parameters
    ----------
    sparsity : float
    bandwidth : float
        DRAM bytes a cycle.
    width : float
        Elements that the vector unit passes over in a cycle.
    """
    rest = NORM_PASSES * normalised() / width
    dense, sparse = (
        sum(max(cycles, math.ceil(bits / 8 / bandwidth)) for cycles, bits in cells) + rest
        for cells in step_cycles(sparsity).values()
    )
    return dense / sparse


def memory() -> Table:
    """What memory and normalisation leave of the speed-up of a step on X<9>."""
    rows = []
    for level, sparsity in PRINTED.items():
        for channels in (1.0, 4.0, 16.0, math.inf):
            found = [
                step_speedup(sparsity, channels * FINITE_BANDWIDTH, width)
                for width in (math.inf, 1024, 256, 64)
            ]
            named = "no limit" if math.isinf(channels) else f"{channels:g}"
            rows.append([level, named, *(f"{one:.2f}" for one in found)])
    widths = ("no time", "1024", "256", "64")
    return Table(
        "What is left of the speed-up",
        ["sparsity", "DDR4 channels", *(f"normalisation: {one}" for one in widths)],
        rows,
        {
            "steps": {level: step_cycles(sparsity) for level, sparsity in PRINTED.items()},
            "bandwidth": FINITE_BANDWIDTH,
            "elements": normalised(),
            "passes": NORM_PASSES,
        },
    )


TABLES: Mapping[str, Callable[[], Table]] = {
    "lane-packing": lane_packing,
    "table-row": table_row,
    "table-6": table_6,
    "memory": memory,
}
