"""What the library promises holds for models that nobody here wrote."""

import copy
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from zoo import CLIENTS, Batch, Client

import swatlib
from swatlib.methods.fst import fst, tsm
from swatlib.storage.pruned import prune_
from swatlib.surgery.sparsify import active_mask

RECIPES = {
    "SWAT": swatlib.swat(0.9, first_layer_dense=False),
    "TSM": tsm(exact=False, period=4),
    "FST": fst(),
}
STEPS = 12
INTERRUPTED = 6


@dataclass
class Training:
    """A finished training run, and what was saved in its middle."""

    client: Client
    recipe: str
    model: nn.Module
    batch: Batch
    losses: list[float]
    saved: dict[str, Any]


def made(client: Client, recipe: str) -> tuple[nn.Module, torch.optim.Optimizer]:
    torch.manual_seed(0)
    model = swatlib.sparsify_(client.build(), RECIPES[recipe], **client.options).train()
    return model, torch.optim.AdamW(model.parameters(), 3e-3)


def step(
    client: Client, model: nn.Module, optimizer: torch.optim.Optimizer, batch: Batch, number: int
) -> float:
    torch.manual_seed(number)  # for dropout
    loss = client.loss(model, batch)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


@cache
def trained(name: str, recipe: str) -> Training:
    client = CLIENTS[name]
    model, optimizer = made(client, recipe)
    batch = client.batch()
    losses: list[float] = []
    saved: dict[str, Any] = {}
    for number in range(STEPS):
        if number == INTERRUPTED:
            saved = copy.deepcopy(
                {
                    "model": model.state_dict(),
                    "optimizer": optimizer.state_dict(),
                    "sparsity": swatlib.sparsity_state(model),
                }
            )
        losses.append(step(client, model, optimizer, batch, number))
    return Training(client, recipe, model, batch, losses, saved)


RUNS = [(name, recipe) for name in CLIENTS for recipe in RECIPES]
# The weights of its Conv1D are transposed, and TSM's masks are of weights as they are stored.
RUNS.remove(("GPT-2", "TSM"))


@pytest.fixture(params=RUNS, ids="-".join)
def run(request: pytest.FixtureRequest) -> Training:
    return trained(*request.param)


@torch.no_grad()
def evaluated(client: Client, model: nn.Module, batch: Batch) -> list[Tensor]:
    return client.outputs(model.eval(), batch)


def sparse(model: nn.Module) -> list[str]:
    """Names of the layers that the report says are sparse."""
    rows = swatlib.report(model)
    return list(rows["layer"][rows["recipe"] != "dense"])


def masks(model: nn.Module) -> dict[str, Tensor]:
    layers = dict(model.named_modules())
    return {name: active_mask(layers[name]) for name in sparse(model)}


def test_loss_falls(run: Training) -> None:
    assert min(run.losses[-3:]) < run.losses[0]


def test_evaluation_is_that_of_the_masked_weights(run: Training) -> None:
    model = copy.deepcopy(run.model)
    dense = run.client.build()
    dense.load_state_dict(model.state_dict())
    for name, mask in masks(model).items():
        layer = dense.get_submodule(name)
        # A Parameter of its own: one that is tied to a dense layer must stay whole there.
        layer.weight = nn.Parameter(layer.weight * mask)
    outputs = evaluated(run.client, model, run.batch)
    for y, expected in zip(outputs, evaluated(run.client, dense, run.batch), strict=True):
        torch.testing.assert_close(y, expected)


def test_run_goes_on_where_it_stopped(run: Training) -> None:
    model, optimizer = made(run.client, run.recipe)
    model.load_state_dict(run.saved["model"])
    optimizer.load_state_dict(run.saved["optimizer"])
    swatlib.load_sparsity_state_(model, run.saved["sparsity"])
    losses = [step(run.client, model, optimizer, run.batch, n) for n in range(INTERRUPTED, STEPS)]
    assert losses == run.losses[INTERRUPTED:]
    for (key, a), b in zip(
        model.state_dict().items(), run.model.state_dict().values(), strict=True
    ):
        assert torch.equal(a, b), key


def test_dense_again_it_is_the_model_of_its_package(run: Training) -> None:
    model = copy.deepcopy(run.model)
    state = copy.deepcopy(model.state_dict())
    swatlib.densify_(model)
    original = run.client.build()
    assert [type(m) for m in model.modules()] == [type(m) for m in original.modules()]
    assert [set(vars(m)) for m in model.modules()] == [set(vars(m)) for m in original.modules()]
    for key, tensor in model.state_dict().items():
        assert torch.equal(tensor, state[key]), key


def test_pruned_it_predicts_the_same(run: Training) -> None:
    model = copy.deepcopy(run.model)
    before = evaluated(run.client, model, run.batch)
    prune_(model)
    for y, expected in zip(evaluated(run.client, model, run.batch), before, strict=True):
        assert torch.equal(y, expected)
    for y, expected in zip(
        evaluated(run.client, swatlib.densify_(model), run.batch), before, strict=True
    ):
        assert torch.equal(y, expected)


@pytest.mark.parametrize("name", [name for name, client in CLIENTS.items() if client.tied])
def test_pruning_refuses_what_an_embedding_reads_too(name: str) -> None:
    client = CLIENTS[name]
    torch.manual_seed(0)
    model, batch = swatlib.sparsify_(client.build(), RECIPES["SWAT"]), client.batch()
    before = evaluated(client, model, batch)
    with pytest.raises(ValueError, match=r"lm_head\.weight .* one weight"):
        prune_(model)
    for y, expected in zip(evaluated(client, model, batch), before, strict=True):
        assert torch.equal(y, expected)


@pytest.mark.parametrize("name", CLIENTS)
def test_report_names_every_layer_and_what_stays_dense(name: str) -> None:
    client = CLIENTS[name]
    model = swatlib.sparsify_(client.build(), RECIPES["SWAT"], **client.options)
    layers = {
        name
        for name, module in client.build().named_modules()
        if any(p.ndim > 1 for p in module.parameters(recurse=False))
        and not isinstance(module, nn.Embedding)
    }
    assert set(swatlib.report(model)["layer"]) == layers
    original = dict(client.build().named_modules())
    dense = layers - set(sparse(model))
    assert {type(original[name]).__name__ for name in dense} == client.dense


def test_layers_that_cannot_be_opted_in_are_refused_by_name() -> None:
    lite = CLIENTS["EfficientNet-Lite"].build()
    own = {type(m) for m in lite.modules() if type(m).__name__ == "Conv2dStaticSamePadding"}
    lite._fc = nn.Identity()
    with pytest.raises(ValueError, match="Conv2dStaticSamePadding"):
        swatlib.sparsify_(lite, RECIPES["SWAT"], also=tuple(own))
    with pytest.raises(ValueError, match="transposed"):
        swatlib.sparsify_(CLIENTS["GPT-2"].build(), RECIPES["TSM"], **CLIENTS["GPT-2"].options)
