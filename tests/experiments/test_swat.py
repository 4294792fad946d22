"""The experiments of Part III: what is varied, and what is in another experiment already."""

from swatlib.experiments import swat


def test_variants_leave_the_dense_runs_to_other_experiments() -> None:
    assert {run.method for run in swat.topk_variants_patches()} == {"saw"}
    assert {run.method for run in swat.period_cifar()} == {"swat"}


def test_periods_differ_in_the_period_alone() -> None:
    sparse = [run for run in swat.period_digits() if run.method == "swat"]
    assert {run.options["period"] for run in sparse} == {1, 10, 100, 1000}
    assert {(run.epochs, run.batch_size, run.sparsity) for run in sparse} == {(30, 32, 0.9)}


def test_every_topology_is_observed() -> None:
    runs = swat.topology_digits() + swat.topology_patches() + swat.topology_cifar()
    assert {run.observe for run in runs} == {"topology"}


def test_unstructured_runs_stand_beside_structured_ones() -> None:
    kinds = {run.options.get("structured") for run in swat.structured_digits()}
    assert kinds == {None, "filter", "layer", "input"}
