"""The experiments of Part V: the lines of Table 5, and the strategies of Eq. 4."""

from swatlib.experiments import fst
from swatlib.experiments.grid import MORE_SEEDS


def test_the_ablation_has_the_five_lines_of_table_5() -> None:
    for declare in (fst.fst_ablation_digits, fst.fst_ablation_patches, fst.fst_ablation_cifar):
        runs = declare()
        assert {run.method for run in runs} == {"dense", *fst.ABLATION}
        assert {run.seed for run in runs} == set(MORE_SEEDS)


def test_saliency_has_gg_with_both_readings_of_equation_4() -> None:
    runs = fst.saliency_digits()
    assert {run.method for run in runs} == {"dense", *fst.STRATEGIES}
    assert [run.options for run in runs if run.method == "gg" and run.seed == 0] == [
        {},
        {"gradient_over": "HW"},
    ]


def test_asp_and_its_dense_control_start_from_a_trained_network() -> None:
    trained = [r for r in fst.two_to_four_digits() if r.plan.pretrain_epochs]
    assert {run.method for run in trained} == {"asp", "dense"}
    assert all(run.plan.pretrain_epochs == run.epochs for run in trained)


def test_what_the_backward_pass_alone_costs_is_declared_for_all_strategies() -> None:
    runs = fst.saliency_forward_dense_digits()
    assert {run.method for run in runs} == set(fst.STRATEGIES)
    assert all(run.plan.recipe.forward_weight is None for run in runs)


def test_mask_changes_are_observed_with_and_without_decay() -> None:
    runs = fst.mask_changes_digits()
    assert {run.plan.recipe.decay for run in runs} == {0.0, 2e-4, 2e-3}
    assert {run.observe for run in runs} == {"topology"}


def test_one_mask_and_two_differ_in_nothing_else() -> None:
    runs = [run for run in fst.transposable_digits() if run.seed == 0]
    assert [run.method for run in runs] == ["tsm", "tsm", "fst-weights"]
    assert {run.plan.recipe.decay for run in runs} == {0.0}
    assert runs[0].plan.recipe.forward_weight.period == 1
