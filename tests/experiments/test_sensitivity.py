"""The experiments of Part II: one operand of one product sparse at a time."""

from swatlib.experiments import sensitivity
from swatlib.experiments.grid import MORE_SEEDS


def test_the_forward_experiments_sparsify_one_operand_of_the_forward_product() -> None:
    for run in sensitivity.forward_digits():
        slots = {name for name, s in run.plan.recipe.named().items() if s is not None}
        assert len(slots) == (run.method != "dense")
        assert slots <= {"forward_weight", "forward_activation"}


def test_the_backward_experiments_leave_the_forward_product_dense() -> None:
    runs = sensitivity.backward_digits() + sensitivity.backward_patches()
    assert {run.method for run in runs} == {"dense", "saw", "backward-gradient", "meprop"}
    assert not any(any(run.plan.recipe.of("forward")) for run in runs)


def test_the_classifier_is_dense_where_the_name_says_so() -> None:
    runs = sensitivity.backward_classifier_digits() + sensitivity.backward_classifier_patches()
    assert all(run.plan.classifier_dense for run in runs if run.method != "dense")


def test_resprop_reaches_its_sparsity_from_the_first_step() -> None:
    for runs in (sensitivity.resprop_digits(), sensitivity.resprop_patches()):
        assert {run.seed for run in runs} == set(MORE_SEEDS)
        reusing = [run for run in runs if run.method == "resprop"]
        assert {run.sparsity for run in reusing} == {0.5, 0.7, 0.9}
        assert not any(run.plan.between for run in reusing)


def test_overfitting_is_measured_in_every_run() -> None:
    for runs in (sensitivity.overfitting_digits(), sensitivity.overfitting_patches()):
        assert {(run.method, run.sparsity) for run in runs} == {("dense", 0.0), ("meprop", 0.5)}
        assert all(run.training_accuracy for run in runs)
