"""What breaks stands beside its control, seed by seed."""

from swatlib.experiments.failures import (
    NOISE,
    failures_few_filters,
    failures_long,
    failures_noise,
    failures_starved,
)
from swatlib.training import Run


def kinds(runs: list[Run]) -> set[tuple[object, ...]]:
    return {(r.method, r.sparsity, r.width, r.epochs, r.label_noise, *r.options) for r in runs}


def test_every_setting_has_three_seeds_of_each_kind() -> None:
    for declare in (failures_few_filters, failures_long, failures_noise, failures_starved):
        runs = declare()
        assert len(runs) == 3 * len(kinds(runs))
        assert {run.seed for run in runs} == {0, 1, 2}


def test_noise_has_a_dense_run_with_right_labels_beside_it() -> None:
    dense = [run.label_noise for run in failures_noise() if run.method == "dense"]
    assert sorted(str(share) for share in set(dense)) == [str(NOISE), "None"]
