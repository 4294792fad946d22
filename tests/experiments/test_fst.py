"""The experiments of Part V: the lines of Table 5, and the strategies of Eq. 4."""

from swatlib.experiments import fst


def test_the_ablation_has_the_five_lines_of_table_5() -> None:
    for declare in (fst.fst_ablation_digits, fst.fst_ablation_patches, fst.fst_ablation_cifar):
        runs = declare()
        assert {run.method for run in runs} == {"dense", *fst.ABLATION}
        assert {run.seed for run in runs} == set(fst.MORE_SEEDS)


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
