"""The loop trains: it learns, repeats, follows its schedule and stops when it diverges."""

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from math import isfinite
from typing import ClassVar

import pytest
import torch
from torch import Tensor, nn

import swatlib
from swatlib.core.layers import SparseConv2d
from swatlib.data import load
from swatlib.methods import METHODS, Between, Method
from swatlib.models import build_network
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


@dataclass(frozen=True)
class Ask(Between):
    """Ask for the first batch's loss, so many times."""

    times: int
    told: ClassVar[list[float]] = []

    def start(self, model: nn.Module, loss: Callable[[], Tensor]) -> None:
        """Ask."""
        self.told.extend(loss().item() for _ in range(self.times))


def test_a_method_sees_the_first_loss_and_nothing_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    def ask(sparsity: float, times: int = 0) -> Method:
        return Method(swatlib.swat(sparsity), between=(Ask(times),))

    monkeypatch.setitem(METHODS, "ask", ask)
    run = replace(QUICK, images=90, width=4, method="ask", sparsity=0.5, flips=True, shifts=2)
    never, twice = (train_run(replace(run, options={"times": n}), "cpu") for n in (0, 2))
    assert never == twice
    # All images are one batch, so the first epoch's loss is that of the first step.
    first = never["epochs"][0]["train_loss"]
    assert Ask.told == [pytest.approx(first), pytest.approx(first)]
    assert Ask.told[0] == Ask.told[1]


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


def test_training_accuracy_is_that_of_the_images_as_they_are_and_changes_nothing() -> None:
    """Counted by hand after every epoch, in evaluation mode; the training goes on the same."""
    plain = Run(width=8, epochs=2, images=300, method="meprop", sparsity=0.5, flips=True)
    watched = replace(plain, training_accuracy=True)
    data = load("digits", images=300)
    model = build(watched, data)
    for metrics in train(model, data, watched, "cpu"):
        model.eval()
        with torch.no_grad():
            right = model(data.train_x).argmax(1) == data.train_y
        model.train()
        assert metrics["train_accuracy"] == pytest.approx(100 * right.double().mean().item())
    epochs = train_run(watched, "cpu")["epochs"]
    alone = train_run(plain, "cpu")["epochs"]
    assert [{k: v for k, v in one.items() if k != "train_accuracy"} for one in epochs] == alone


def test_build_starts_every_method_from_the_same_weights() -> None:
    dataset = load("digits")
    first = build(QUICK, dataset).state_dict()
    sparse = build(replace(QUICK, method="swat", sparsity=0.9), dataset)
    assert all(torch.equal(a, first[key]) for key, a in sparse.state_dict().items())
    assert sum(isinstance(m, SparseConv2d) for m in sparse.modules()) > 5


# Bad input


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
