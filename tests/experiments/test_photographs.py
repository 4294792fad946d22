"""The photographs: one dense recipe for all methods, the most important runs first."""

from dataclasses import replace

from swatlib.experiments.photographs import (
    PHOTOGRAPHS,
    photographs,
    photographs_100,
    photographs_more,
)
from swatlib.training import DENSE


def test_all_methods_have_the_recipe_of_the_dense_runs() -> None:
    for run in (*photographs(), *photographs_more()):
        assert replace(run, **DENSE, depth=None, seed=0) == PHOTOGRAPHS


def test_further_runs_are_not_among_the_first() -> None:
    assert not set(map(repr, photographs())) & set(map(repr, photographs_more()))


def test_dense_runs_come_first() -> None:
    assert [run.method for run in photographs()[:3]] == ["dense"] * 3
    assert [run.seed for run in photographs()[:3]] == [0, 1, 2]


def test_a_hundred_classes_change_the_data_only() -> None:
    for run in photographs_100():
        epochs = {"epochs": 16} if run.method == "dense" else {}
        changed = DENSE | epochs | {"seed": 0, "data": PHOTOGRAPHS.data, "pixels": None}
        changed["training_accuracy"] = None  # a measurement, which changes nothing
        assert replace(run, **changed) == PHOTOGRAPHS


def test_the_first_runs_on_a_hundred_classes_say_whether_dense_training_has_converged() -> None:
    dense = [r for r in photographs_100() if r.method == "dense" and not r.training_accuracy]
    assert photographs_100()[: len(dense)] == dense
    assert [(run.seed, run.epochs) for run in dense] == [(0, 16), (1, 16), (2, 16), (0, 32)]
