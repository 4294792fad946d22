"""Grids of runs: every method beside a dense run of its seed and network."""

from swatlib.experiments import FAMILIES, SEEDS, grid
from swatlib.experiments.grid import unique
from swatlib.training import Run


def test_grid_pairs_every_method_with_a_dense_run_of_its_seed_and_network() -> None:
    runs = grid(Run(), ("swat", "saw"), (0.5, 0.9))
    assert len(runs) == len(FAMILIES) * len(SEEDS) * (1 + 2 * 2)
    dense = {(r.network, r.seed) for r in runs if r.method == "dense"}
    assert {(r.network, r.seed) for r in runs} == dense


def test_options_of_a_method_do_not_reach_the_dense_baseline() -> None:
    base = Run(method="forward-weight", options={"matched": True})
    (dense,) = (r for r in grid(base, ("forward-weight",), (0.5,), FAMILIES[:1], (0,))[:1])
    assert dense.method == "dense"
    assert dense.options == {}


def test_unique_keeps_the_first_of_equal_runs_and_their_order() -> None:
    runs = [Run(seed=1), Run(seed=0), Run(seed=1)]
    assert unique(runs) == [Run(seed=1), Run(seed=0)]
