"""Runs as values: what is refused, and what they are called."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from swatlib.records import key, specification
from swatlib.training import Run, train_run
from swatlib.training.loop import Descent

QUICK = Run(width=8, epochs=3, lr=0.1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epochs": 0}, "epochs must be at least 1, got 0"),
        ({"batch_size": 0}, "batch_size must be at least 1, got 0"),
        ({"batch_size": 1}, "batch_size must be at least 2 for batch normalisation, got 1"),
        ({"lr": 0}, "lr must be positive, got 0"),
        ({"lr": float("nan")}, "lr must be positive, got nan"),
        ({"lr": float("inf")}, "lr must be positive, got inf"),
        ({"schedule": "linear"}, r"schedule must be one of .*cosine.* got 'linear'"),
        ({"method": "swap"}, r"method must be one of dense, .* got 'swap'"),
        ({"method": "swat", "sparsity": 1.0}, r"sparsity must be in \[0, 1\), got 1\.0"),
        ({"method": "swat", "options": {"period": 0}}, "period must be at least 1, got 0"),
    ],
)
def test_a_run_that_makes_no_sense(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Run(**options)


def test_an_option_the_method_does_not_have() -> None:
    with pytest.raises(TypeError, match="unknown option perod"):
        Run(method="swat", sparsity=0.5, options={"perod": 3})


def test_an_unknown_network_or_data_set() -> None:
    with pytest.raises(ValueError, match="got 'lenet'"):
        train_run(Run(network="lenet"))
    with pytest.raises(ValueError, match="mnist"):
        train_run(Run(data="mnist"))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"options": {"allocation": "even"}},
            "allocation must be one of uniform, erk, momentum; got 'even'",
        ),
        (
            {"observe": "losses"},
            "observe must be one of topology, thresholds, active-weights; got 'losses'",
        ),
        ({"options": {"freeze_epoch": 3}}, r"freeze_epoch must be in \[0, 3\), got 3"),
        (
            {
                "method": "hu-2to4",
                "sparsity": 0.5,
                "options": {"freeze_epoch": 2, "dense_end": 0.5},
            },
            r"freeze_epoch must be in \[0, 1.5\), got 2",
        ),
        ({"options": {"freeze_epoch": -1}}, r"freeze_epoch must be at least 0, got -1"),
        (
            {"method": "saw", "options": {"masked_gradients": True}},
            "masked_gradients needs a method with",
        ),
        (
            {"method": "saw", "options": {"freeze_epoch": 1}},
            "freeze_epoch needs a method with sparse forward",
        ),
        (
            {"options": {"allocation": "momentum"}, "momentum": 0.0},
            "needs a momentum above 0, got 0",
        ),
        (
            {"options": {"allocation": "momentum", "freeze_epoch": 1}},
            "freeze_epoch must be None with",
        ),
        ({"options": {"allocation": "erk"}, "method": "fst", "sparsity": 0.5}, "cannot be set"),
        ({"options": {"period": 0}}, "period must be at least 1, got 0"),
        ({"options": {"structured": "rows"}}, "structured must be one of filter, layer, input"),
    ],
)
def test_a_run_that_cannot_be_is_known_before_it_starts(
    fields: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        replace(QUICK, **({"method": "swat", "sparsity": 0.9} | fields))


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("momentum", [float("nan"), 1, 2, -0.1, "0.9", True]),
        ("weight_decay", [float("inf"), -1, None]),
        ("lr", [0, -0.1, float("nan"), float("inf"), "0.1", True]),
        ("epochs", [0, 2.5, True, "3"]),
        ("batch_size", [2.5, 0, None]),
        ("seed", ["x", -1, 1.0, 2**63]),
        ("shifts", [-1, 1.5, True]),
        ("flips", [1, "no"]),
        ("nesterov", [1, "yes"]),
        ("training_accuracy", [1, "no"]),
        ("label_smoothing", [1, -0.1, float("nan"), "0.1"]),
        ("label_noise", [1, -0.1, float("nan"), "0.1"]),
        ("pixels", [0, 8.0]),
        ("images", [0, 2.5]),
        ("width", [0, 2.5]),
        ("depth", [True]),
        ("options", [None, [("period", 2)], {1: 2}]),
        ("data", ["", None, 3]),
        ("network", ["brain", None]),
        ("schedule", ["Cosine", None]),
        ("precision", ["float16", 16]),
        ("optimizer", ["sgd", "Adam", 1]),
    ],
)
def test_a_run_checks_every_field(field, values):
    for value in values:
        with pytest.raises((TypeError, ValueError), match=rf"\b{field}\b.* must "):
            Run(**{field: value})


@pytest.mark.parametrize(
    ("option", "values"), [("masked_gradients", [0, "no"]), ("classifier_dense", [1])]
)
def test_a_run_checks_the_options_of_its_method(option, values):
    for value in values:
        with pytest.raises((TypeError, ValueError), match=rf"\b{option}\b.* must "):
            Run(method="swat", sparsity=0.5, options={option: value})


def test_an_option_that_was_a_field_says_where_it_is() -> None:
    with pytest.raises(TypeError, match=r"allocation is an option of the method: Run\(options="):
        Run(method="swat", sparsity=0.5, allocation="erk")  # type: ignore[call-arg]


def test_one_method_has_one_specification() -> None:
    run = Run(method="swat-erk", sparsity=0.9)
    assert run == Run(method="swat", sparsity=0.9, options={"allocation": "erk"})
    assert Run.of(specification(run)) == run
    assert specification(run)["allocation"] == "erk"
    decoupled = Run(method="fst", sparsity=0.5, options={"decoupled_decay": True})
    assert specification(decoupled)["options"] == {"outside": True}
    assert Run.of(specification(decoupled)) == decoupled
    with pytest.raises(ValueError, match="allocation of swat-erk must be 'erk', got 'uniform'"):
        Run(method="swat-erk", sparsity=0.9, options={"allocation": "uniform"})


def test_a_run_of_numpy_values_is_the_plain_run():
    given = Run(lr=np.float64(0.5), epochs=np.int64(3), seed=torch.tensor(2), flips=np.True_)
    assert given == Run(lr=0.5, epochs=3, seed=2, flips=True)
    assert key(specification(given)) == key(
        specification(Run(lr=0.5, epochs=3, seed=2, flips=True))
    )


def test_adamw_is_torchs_and_leaves_older_names_alone() -> None:
    assert key(specification(Run())) == key(specification(Run(optimizer=None)))
    assert key(specification(Run())) != key(specification(Run(optimizer="adamw")))
    found = Descent(1, 32, 0.01, 0.8, 0.3, optimizer="adamw").of(nn.Linear(2, 2).parameters())
    assert isinstance(found, torch.optim.AdamW)
    (group,) = found.param_groups
    assert (group["lr"], group["betas"], group["weight_decay"]) == (0.01, (0.8, 0.999), 0.3)
    with pytest.raises(ValueError, match="nesterov must not be set for adamw, got True"):
        Run(optimizer="adamw", nesterov=True)


@pytest.mark.parametrize("epoch", [0, 1])
def test_masks_can_be_frozen_before_the_dense_end(epoch: int) -> None:
    options = {"freeze_epoch": epoch, "dense_end": 0.5}
    run = Run(data="digits", images=100, width=4, epochs=3, method="hu-2to4", sparsity=0.5)
    assert not replace(run, options=options).compute()["diverged"]
