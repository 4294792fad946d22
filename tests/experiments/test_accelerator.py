"""The design space as an experiment: points, records, and trained masks."""

from dataclasses import replace
from pathlib import Path

from swatlib.experiments.accelerator import FOLDER, MULTIPLIERS, Point, count_point, points, records
from swatlib.models import build_network
from swatlib.records.sweep import sweep
from swatlib.simulator import PRODUCTS, Cartesian, generate, layers_of, simulate

SMALL = Point(network="small_resnet", image=8, classes=10, pe="scnn", sparsity=0.5)


def test_the_design_space_keeps_the_number_of_multipliers() -> None:
    machines = [p for p in points() if p.pe == "tcl" and p.window != "inf"]
    assert {p.lanes * p.rows * p.tiles for p in machines} == {MULTIPLIERS}
    assert len(points()) == len(set(points()))


def test_a_point_is_the_simulation_it_names() -> None:
    layers = layers_of(build_network("small_resnet", image=8), (1, 3, 8, 8))
    result = simulate(layers, generate(layers, 0.5), Cartesian())
    metrics = count_point(SMALL)
    for product in PRODUCTS:
        assert metrics[product]["cycles"] == result.total(product).cycles


def test_points_are_swept_once(tmp_path: Path) -> None:
    two = [SMALL, replace(SMALL, seed=1)]
    assert sweep(two, tmp_path, count_point, progress=False).computed == 2
    assert sweep(two, tmp_path, count_point, progress=False).computed == 0
    frame = records(tmp_path)
    assert len(frame) == 2 * 4
    total = frame[frame["product"] == "total"]
    parts = frame[frame["product"] != "total"].groupby("seed").cycles.sum()
    assert total.set_index("seed").cycles.to_dict() == parts.to_dict()


def test_every_point_has_its_record() -> None:
    frame = records(FOLDER)
    kept = {
        (r.pe, r.window, r.rows, r.tiles, r.sparsity, r.activations, r.seed)
        for r in frame.itertuples()
    }
    wanted = {
        (p.pe, p.window, p.rows, p.tiles, p.sparsity, p.activations, p.seed) for p in points()
    }
    assert kept == wanted
