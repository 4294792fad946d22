"""The methods side by side: each counted from what it observed, or from what it was asked for."""

from dataclasses import replace

import pytest

from swatlib.accounting import PAPER
from swatlib.experiments.field import COMPARED, compared, counted, field_photographs, name_of
from swatlib.experiments.grid import DIGITS
from swatlib.methods import METHODS
from swatlib.records import Record
from swatlib.training import Run

SHAPE = {"name": "digits", "shape": [1, 8, 8], "classes": 10, "fingerprint": ""}


def record(run: Run, mean: dict[str, float] | None = None) -> Record:
    watched = {"mean": mean, "last": {}, "explored": [0.5]}
    observed = {} if mean is None else {"observed": watched}
    metrics = {"test_accuracy": 90.0, "train_images": 1438, **observed}
    rest = ("0", "0", "cpu", None, None, 1, 1.0, "2020-01-01")
    return Record(run.specification(), metrics, SHAPE, *rest)


def run_of(name: str, sparsity: float = 0.9) -> Run:
    method, options = COMPARED[name]
    return replace(DIGITS, method=method, sparsity=sparsity, options=options)


def test_every_method_is_one_of_the_table_and_has_its_name() -> None:
    assert {method for method, _ in COMPARED.values()} <= METHODS.keys()
    assert [name_of(run_of(name)) for name in COMPARED] == list(COMPARED)
    assert name_of(Run(method="dst", options={"alpha": 1e-3})) == "DST"
    assert name_of(Run(method="saw", sparsity=0.5)) == "saw"


def test_photographs_leave_out_what_the_main_grid_has() -> None:
    assert not {run.method for run in field_photographs()} & {"dense", "swat"}
    assert {run.seed for run in field_photographs()} == {0, 1, 2}


def test_what_was_observed_is_counted() -> None:
    run = run_of("SNFS")
    layers = counted(record(run_of("SWAT-U"))).to_frame()
    names = layers.loc[layers["weights"] > 0, "layer"].tolist()
    half = counted(record(run, dict.fromkeys(names, 0.5)))
    # Half of Y and dX; all of dW, because the momentum reads it. The input has no dX.
    first = layers.iloc[0]
    whole = layers[["forward_dense", "input_grad_dense", "weight_grad_dense"]].sum()
    left = 0.5 * whole["forward_dense"] + 0.5 * whole["input_grad_dense"]
    assert first["input_grad_dense"] == 0
    assert half.totals()[["forward", "input_grad", "weight_grad"]].sum() == pytest.approx(
        left + whole["weight_grad_dense"]
    )


def test_without_observation_the_sparsity_asked_for_is_counted() -> None:
    uniform, spread = counted(record(run_of("SWAT-U"))), counted(record(run_of("SWAT-ERK")))
    assert spread.weight_sparsity == pytest.approx(90.0, abs=0.05)
    assert spread.train_flops_reduction < uniform.train_flops_reduction
    with pytest.raises(ValueError, match="record must have observed its active weights, as dsr"):
        counted(record(run_of("DSR")))


def test_small_dense_has_as_many_weights_and_as_few_operations() -> None:
    rows = compared([record(run_of("small-dense")), record(run_of("static"))]).set_index("method")
    assert rows.loc["small-dense", "sparsity"] == pytest.approx(rows.loc["static", "sparsity"])
    assert rows.loc["small-dense", "training"] == pytest.approx(10, abs=1)
    # SWAT's convention counts all of dW, so that held masks save two thirds of what they could.
    paper = compared([record(run_of("static"))], PAPER).set_index("method")
    assert paper.loc["static", "training"] == pytest.approx(35, abs=1)
