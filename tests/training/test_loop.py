"""The loop trains: it learns, repeats, follows its schedule and stops when it diverges."""

import copy
from dataclasses import replace
from math import isfinite
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from swatlib.core.layers import SparseConv2d
from swatlib.data import load
from swatlib.models import build_network
from swatlib.records import key, specification
from swatlib.training import Run, build, evaluate, memory_format, rate, train, train_run

QUICK = Run(width=8, epochs=3, lr=0.1)


@pytest.mark.parametrize(
    ("method", "sparsity", "least"), [("dense", 0.0, 90.0), ("swat", 0.9, 70.0)]
)
def test_digits_are_learnt_and_the_run_repeats(method: str, sparsity: float, least: float) -> None:
    # Guessing gives 10 percent; measured were 98 and 86.
    run = replace(QUICK, width=16, epochs=4, method=method, sparsity=sparsity)
    steps: list[tuple[int, bool]] = []
    found = train_run(run, "cpu", lambda step, model: steps.append((step, model.training)))
    assert found["test_accuracy"] > least
    assert found["test_accuracy"] == found["epochs"][-1]["test_accuracy"]
    assert [epoch["epoch"] for epoch in found["epochs"]] == [1, 2, 3, 4]
    assert found["epochs"][3]["train_loss"] < 0.5 * found["epochs"][0]["train_loss"]
    assert not found["diverged"]
    assert (found["train_images"], found["test_images"], found["pixels"]) == (1438, 359, 8)
    assert found["parameters"] == sum(p.numel() for p in build(run, load("digits")).parameters())
    # 1438 images make 12 batches of 128, the last one short.
    assert steps == [(i, True) for i in range(1, 49)]
    # Equal runs give equal numbers, whatever happened to the random state before.
    torch.manual_seed(99)
    shorter = replace(run, epochs=1, schedule="constant")
    assert train_run(shorter, "cpu") == train_run(copy.deepcopy(shorter), "cpu")


def test_the_seed_matters() -> None:
    run = replace(QUICK, epochs=1, images=128, width=4)
    first, second = (train_run(replace(run, seed=seed), "cpu") for seed in (0, 1))
    assert first["epochs"][0]["train_loss"] != second["epochs"][0]["train_loss"]


def test_a_diverged_run_ends() -> None:
    run = replace(QUICK, lr=1e12, width=4, images=256, epochs=5, schedule="constant")
    found = train_run(run, "cpu")
    assert found["diverged"]
    assert len(found["epochs"]) < 5
    assert not isfinite(found["epochs"][-1]["train_loss"])


def test_a_last_batch_of_one_image_is_left_out() -> None:
    for images, steps in ((129, 2), (130, 3)):
        seen: list[int] = []
        run = replace(QUICK, width=4, epochs=1, images=images, batch_size=64)
        found = train_run(run, "cpu", lambda step, _: seen.append(step))  # noqa: B023
        assert found["train_images"] == images
        assert seen == list(range(1, steps + 1))


def test_the_loop_follows_the_schedule() -> None:
    # Without momentum or decay, and a gradient of one, the weight moves by the learning rate.
    dataset = load("digits", images=128)
    run = Run(lr=0.5, momentum=0, weight_decay=0, epochs=4, batch_size=64, schedule="steps")

    class Ramp(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(()))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.weight * torch.ones(len(x), 10)

    positions: list[float] = []
    model = Ramp()
    model.weight.register_hook(torch.ones_like)

    def note(step: int, trained: nn.Module) -> None:
        positions.append(model.weight.item())

    list(train(model, dataset, run, "cpu", note))
    moves = [a - b for a, b in zip([0.0, *positions], positions, strict=False)]
    assert moves == pytest.approx([0.5 * rate("steps", i / 8) for i in range(8)], rel=1e-4)


def test_rates() -> None:
    # Cosine: half of the peak half way, a quarter of the way down at a third, zero at the end.
    assert rate("cosine", 0.5) == pytest.approx(0.5)
    assert rate("cosine", 1 / 3) == pytest.approx(0.75)
    assert rate("cosine", 1.0) == pytest.approx(0)
    # Steps: a tenth at one and at two thirds, as 150 epochs with drops at 50 and 100.
    steps = [rate("steps", epoch / 150) for epoch in (49, 50, 99, 100, 149)]
    assert steps == pytest.approx([1, 0.1, 0.1, 0.01, 0.01])
    assert [rate("constant", p) for p in (0.05, 0.5, 1.0)] == [1, 1, 1]


@pytest.mark.parametrize("schedule", ["cosine", "steps", "constant"])
def test_the_first_twentieth_warms_up_linearly(schedule: str) -> None:
    start, half = rate(schedule, 0.0), rate(schedule, 0.025)
    assert 0 < start < 0.05
    assert half == pytest.approx(0.5, abs=0.03)
    assert rate(schedule, 0.05) == pytest.approx(1, abs=0.01)
    values = [rate(schedule, i / 1000) for i in range(50)]
    assert values == sorted(values)


def test_evaluation_is_a_mean_over_all_images() -> None:
    x, y = torch.randn(25, 3), torch.randint(4, (25,))
    model = nn.Linear(3, 4)
    logits = model(x).double().log_softmax(1)
    accuracy = 100 * (logits.argmax(1) == y).double().mean().item()
    loss = -logits[torch.arange(25), y].mean().item()
    for batch_size in (25, 10, 1, 500):
        assert evaluate(model, x, y, batch_size) == pytest.approx((accuracy, loss), rel=1e-5)


@pytest.mark.parametrize("training", [True, False])
def test_evaluation_leaves_the_model_as_it_was(training: bool) -> None:
    dataset = load("digits", images=64)
    model = build(replace(QUICK, method="swat", sparsity=0.9, options={"period": 4}), dataset)
    model.train(training)
    before = copy.deepcopy(model.state_dict())
    evaluate(model, dataset.test_x, dataset.test_y)
    assert model.training == training
    assert all(m.training == training for m in model.modules())
    assert all(torch.equal(a, before[key]) for key, a in model.state_dict().items())
    for layer in model.modules():
        if isinstance(layer, SparseConv2d):
            assert all(memory.steps == 0 for memory in layer.states.values())


def test_build_starts_every_method_from_the_same_weights() -> None:
    dataset = load("digits")
    first = build(QUICK, dataset).state_dict()
    sparse = build(replace(QUICK, method="swat", sparsity=0.9), dataset)
    assert all(torch.equal(a, first[key]) for key, a in sparse.state_dict().items())
    assert sum(isinstance(m, SparseConv2d) for m in sparse.modules()) > 5


# Bad input


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


def test_narrow_strided_1x1_layers_keep_out_of_channels_last() -> None:
    """There torch 2.13.0 writes past its memory; all other networks take the fast format."""
    assert memory_format(build_network("small_resnet", width=4)) == torch.contiguous_format
    assert memory_format(build_network("small_resnet", width=8)) == torch.contiguous_format
    assert memory_format(build_network("small_resnet", width=16)) == torch.channels_last
    assert memory_format(build_network("small_vgg", width=4)) == torch.channels_last


def test_the_loop_decays_pruned_weights_outside_the_learning_rate() -> None:
    """FST Eq. 6 prints the decay beside the gradient step; the loop must not lose it."""
    run = Run(width=8, epochs=1, method="sr-ste", sparsity=0.5, options={"decoupled_decay": True})
    strong = replace(run, options={"decoupled_decay": True, "decay": 0.5})
    losses = [train_run(r, "cpu")["epochs"][0]["train_loss"] for r in (run, strong)]
    assert losses[0] != losses[1]


def test_an_allocation_reaches_the_layers_and_is_recorded() -> None:
    run = replace(QUICK, width=8, epochs=1, images=256, method="swat", sparsity=0.9)
    found = {
        a: train_run(replace(run, options={"allocation": a}), "cpu") for a in ("erk", "momentum")
    }
    for metrics in found.values():
        assert metrics["densities"]["conv1"] > 0.5
        assert metrics["densities"]["layer3.0.conv2"] < 0.1
    assert found["erk"]["densities"] != found["momentum"]["densities"]
    uniform = train_run(replace(run, options={"allocation": "uniform"}), "cpu")
    assert uniform["epochs"] == train_run(run, "cpu")["epochs"]
    assert "densities" not in train_run(run, "cpu")


def test_a_frozen_run_stops_changing_at_its_epoch() -> None:
    run = replace(QUICK, epochs=3, images=256, method="swat", sparsity=0.9, observe="topology")
    steps = 2
    free, frozen = (train_run(replace(run, options=o), "cpu") for o in ({}, {"freeze_epoch": 1}))
    assert frozen["epochs"][0] == free["epochs"][0]
    assert any(frozen["observed"]["changed"][: steps - 1])
    assert not any(frozen["observed"]["changed"][steps - 1 :])
    assert any(free["observed"]["changed"][steps - 1 :])
    still = train_run(replace(run, options={"freeze_epoch": 0}), "cpu")["observed"]
    assert still["ever_active"] == still["always_active"] == still["active"]
    masked = train_run(replace(run, options={"masked_gradients": True}), "cpu")
    assert masked["epochs"] != free["epochs"]


def test_a_structured_run_leaves_its_linear_layer_unstructured() -> None:
    run = replace(QUICK, method="swat", sparsity=0.5, options={"structured": "filter"})
    model = build(run, load("digits"))
    assert str(model.layer1[0].conv1.recipe.forward_weight) == "TopK 0.5 channels per filter"  # type: ignore[index, union-attr, operator]
    assert str(model.fc.recipe.forward_weight) == "TopK 0.5"  # type: ignore[union-attr]
    assert type(model.conv1) is nn.Conv2d


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"options": {"allocation": "even"}},
            "allocation must be one of uniform, erk, momentum; got 'even'",
        ),
        ({"observe": "losses"}, "observe must be one of topology, thresholds; got 'losses'"),
        ({"options": {"freeze_epoch": 3}}, r"freeze_epoch must be in \[0, 3\), got 3"),
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


def test_a_run_can_start_from_its_dense_network() -> None:
    # One epoch from nothing reaches a loss of 2.0, after six dense epochs 0.16.
    run = Run(width=8, epochs=1, images=512, batch_size=32, method="asp", sparsity=0.5)
    fresh = train_run(run, "cpu")["epochs"][0]["train_loss"]
    started = train_run(replace(run, options={"pretrain_epochs": 6}), "cpu")["epochs"][0][
        "train_loss"
    ]
    assert started < 0.3 < 1.5 < fresh
    # Options of the sparse run do not reach the dense one.
    options = {"period": 2, "freeze_epoch": 0, "pretrain_epochs": 1}
    odd = replace(run, method="swat", options=options, observe="topology")
    assert train_run(odd, "cpu")["observed"]["changed"]


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
        ("label_smoothing", [1, -0.1, float("nan"), "0.1"]),
        ("pixels", [0, 8.0]),
        ("images", [0, 2.5]),
        ("width", [0, 2.5]),
        ("depth", [True]),
        ("options", [None, [("period", 2)], {1: 2}]),
        ("data", ["", None, 3]),
        ("network", ["brain", None]),
        ("schedule", ["Cosine", None]),
        ("precision", ["float16", 16]),
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
