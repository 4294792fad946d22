"""The design space: which window, tiles and rows serve sparse training of ResNet-50.

Points are runs without training: a sweep computes those that have no record and can be stopped at
any time. ``swatlib sweep accelerator`` writes them to ``data/records/accelerator``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache, partial
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import torch

from swatlib import checks
from swatlib.checked import checked, checked_fields
from swatlib.models import NAMES, build_network
from swatlib.records import iterate_records
from swatlib.simulator.geometry import PRODUCTS, Layer, layers_of
from swatlib.simulator.masks import Masks, generate
from swatlib.simulator.network import simulate
from swatlib.simulator.scnn import Cartesian
from swatlib.simulator.tcl import Tactical
from swatlib.simulator.windows import parse_window

if TYPE_CHECKING:
    from swatlib.records.sweep import Summary

FOLDER = Path(__file__).resolve().parents[2] / "data" / "records" / "accelerator"

MULTIPLIERS = 1024
"""Of every machine in `design_space`: 16 lanes x rows x tiles, as in the default machine."""


@dataclass(frozen=True)
class Point:
    """One machine, one sparsity, one seed; random masks, all three products, batch 1.

    Attributes
    ----------
    experiment : str
        Always ``"accelerator"``; it keeps these specifications apart from those of training runs.
    pe, window, lanes, rows, tiles : str and int
        The machine; the last four describe `tcl` and stay at their defaults for `scnn`.
    sparsity, activations, seed : float, str, int
        Arguments of `swatlib.simulator.generate`.
    network, image, classes : str and int
        Arguments of `swatlib.models.build_network`.
    """

    pe: str = "tcl"
    window: str = "X9"
    lanes: int = 16
    rows: int = 16
    tiles: int = 4
    sparsity: float = 0.9
    activations: str = "dense"
    seed: int = 0
    network: str = "resnet50"
    image: int = 224
    classes: int = 1000
    experiment: str = "accelerator"

    def __post_init__(self) -> None:
        checked_fields(
            self,
            pe=partial(checks.one_of, allowed=("tcl", "scnn")),
            lanes=partial(checks.count, most=64),
            rows=checks.count,
            tiles=checks.count,
            sparsity=checks.sparsity,
            activations=partial(checks.one_of, allowed=("dense", "relu")),
            seed=checks.at_least_0,
            network=partial(checks.one_of, allowed=NAMES),
            image=checks.count,
            classes=checks.count,
            experiment=partial(checks.one_of, allowed=("accelerator",)),
        )
        parse_window(self.window)

    def compute(self) -> dict[str, Any]:
        """Simulate; what a sweep calls."""
        return count_point(self)


def table_6() -> list[Point]:
    """The machines of the Table 6 chapter, three seeds; sparsity 0 gives each its own baseline."""
    machines = [
        Point(window="T2,5"),
        Point(window="X9"),
        Point(window="inf", rows=16, tiles=1),
        Point(pe="scnn"),
    ]
    cells = [(0.0, 0), *product((0.8, 0.9), (0, 1, 2))]
    points = [replace(m, sparsity=s, seed=seed) for s, seed in cells for m in machines]
    points += [Point(pe="scnn", sparsity=s, activations="relu") for s in (0.8, 0.9)]
    return points


def design_space() -> list[Point]:
    """Windows and tile shapes of 1024 multipliers.

    X and unlimited windows meet every shape at three sparsities; L and T windows meet one at two.
    """
    depths = ("X1", "X2", "X4", "X9", "X15", "inf")
    shapes = ((64, 1), (32, 2), (16, 4), (8, 8), (4, 16))
    points = [
        Point(window=w, rows=rows, tiles=tiles, sparsity=s)
        for s, w, (rows, tiles) in product((0.9, 0.8, 0.95), depths, shapes)
    ]
    points += [Point(window=w, sparsity=s) for s in (0.9, 0.8) for w in ("L1,6", "L2,5", "T4,10")]
    return points


def linear() -> list[Point]:
    """Two machines at the sparsities of the submission's "linear speed-up" that Table 6 lacks."""
    return [replace(m, sparsity=s) for s in (0.5, 0.7) for m in (Point(), Point(pe="scnn"))]


def points() -> list[Point]:
    """Every point of the experiment, without repeats."""
    return list(dict.fromkeys([*table_6(), *design_space(), *linear()]))


@checked
def count_point(point: Point) -> dict[str, Any]:
    """Simulate a point and return its metrics, per product and in total."""
    layers, masks = _masks(
        point.network, point.image, point.classes, point.sparsity, point.activations, point.seed
    )
    machine: Tactical | Cartesian = Cartesian()
    if point.pe == "tcl":
        machine = Tactical(parse_window(point.window), point.lanes, point.rows, point.tiles)
    result = simulate(layers, masks, machine, vs_self=False).to_dict()
    keys = ("dense_cycles", "cycles", "ideal_cycles", "macs", "dram_bytes", "energy_pj", "losses")
    return {name: {k: result[name][k] for k in keys} for name in (*PRODUCTS, "total")}


@lru_cache(maxsize=1)
def _masks(
    name: str, image: int, classes: int, sparsity: float, activations: str, seed: int
) -> tuple[list[Layer], list[Masks]]:
    with torch.device("meta"):
        model = build_network(name, classes=classes, image=image)
    layers = layers_of(model, (1, 3, image, image))
    return layers, generate(layers, sparsity, activations=activations, seed=seed)


@checked
def run(folder: Path = FOLDER, budget: float | None = None) -> Summary:
    """Compute the points that have no record yet."""
    # Imported here: it loads tqdm, which whoever only reads records does not need.
    from swatlib.records.sweep import sweep

    return sweep(points(), folder, count_point, budget=budget)


@checked
def records(folder: Path = FOLDER) -> pd.DataFrame:
    """One row per point and product: specification, cycles, speed-up and energy."""
    rows = []
    for record in iterate_records(folder):
        for name, metrics in record.metrics.items():
            values = {k: v for k, v in metrics.items() if k != "losses"}
            lost = {f"lost to {k}": v for k, v in metrics["losses"].items()}
            rows.append({**record.specification, "product": name, **values, **lost})
    frame = pd.DataFrame(rows)
    frame["speedup"] = frame.dense_cycles / frame.cycles
    order = ["pe", "window", "rows", "tiles", "sparsity", "activations", "seed", "product"]
    return frame.sort_values(order, ignore_index=True)


if __name__ == "__main__":
    print(run())
