"""Masks from the first batch: exact in number over all layers; nothing but masks is changed."""

import copy
from typing import Any

import pytest
import torch
from rewiring import counts, masks, trained
from torch import Tensor, nn
from torch.nn import functional as F

import swatlib
from swatlib.core.sparse_layer import SparseLayer
from swatlib.methods.first_batch import (
    KeepByFirstBatch,
    as_dense,
    best_of_all,
    gradients,
    keep_by_first_batch_,
)
from swatlib.methods.held_weight import held
from swatlib.methods.static import held_recipe
from swatlib.selectors import kept_count
from swatlib.testing.network import batch, first_loss, made_sparse, network


def linear(w: Tensor) -> Any:
    layer: Any = nn.Linear(w.shape[1], w.shape[0], bias=False)
    with torch.no_grad():
        layer.weight.copy_(w)
    return swatlib.sparsify_(layer, held_recipe("held", 0.5, "dense", first_layer_dense=False))


@pytest.mark.parametrize("name", ["snip", "grasp"])
@pytest.mark.parametrize("sparsity", [0.0, 0.37, 0.9])
def test_the_count_is_exact_and_nothing_else_changes(name: str, sparsity: float) -> None:
    method = swatlib.method(name, sparsity)
    model = made_sparse(method).train()
    before = copy.deepcopy(model.state_dict())
    random = torch.get_rng_state()
    method.start(model, lambda: first_loss(model))
    assert torch.equal(random, torch.get_rng_state())
    assert all(torch.equal(a, before[key]) for key, a in model.state_dict().items())
    assert all(p.grad is None for p in model.parameters())
    total = sum(one.weight.numel() for one in held(model))
    assert sum(counts(model)) == kept_count(total, sparsity)
    assert all(isinstance(layer, SparseLayer) for layer in (model[0], model[10]))  # type: ignore[index]


@pytest.mark.parametrize("name", ["snip", "grasp"])
def test_the_scale_of_the_loss_does_not_matter(name: str) -> None:
    found = []
    for scale in (1.0, 64.0, 2.0**-9):
        method = swatlib.method(name, 0.8)
        model = made_sparse(method).train()
        method.start(model, lambda m=model, s=scale: s * first_loss(m))  # type: ignore[misc]
        found.append(masks(model))
    for other in found[1:]:
        assert all(torch.equal(a, b) for a, b in zip(found[0], other, strict=True))


@pytest.mark.parametrize("name", ["snip", "grasp"])
def test_masks_stay_and_what_is_inactive_is_zero(name: str) -> None:
    seen: list[list[Tensor]] = []
    model = trained(swatlib.method(name, 0.7), 4, lambda _, model, __: seen.append(masks(model)))
    assert all(torch.equal(a, b) for now in seen for a, b in zip(now, seen[0], strict=True))
    assert len({int(m.sum()) / m.numel() for m in seen[0]}) > 1  # layers differ
    for one in held(model):
        assert not one.weight[~one.mask].any()


def test_the_masks_are_scored_where_all_weights_are_active() -> None:
    model = made_sparse(swatlib.method("snip", 0.9)).train()
    dense = network()
    x, y = batch()
    weights = [one.weight for one in held(model)]
    with torch.no_grad():
        for one in held(model):
            one.become(torch.zeros_like(one.mask))
    found = gradients(model, lambda: F.cross_entropy(model(x), y), weights)
    F.cross_entropy(dense(x), y).backward()
    theirs = [p.grad for p in dense.parameters() if p.ndim > 1]
    assert all(torch.allclose(a, b) for a, b in zip(found, theirs, strict=True))  # type: ignore[arg-type]


def test_layers_are_themselves_again_even_after_an_error() -> None:
    model = made_sparse(swatlib.method("snip", 0.9))
    kinds = [type(layer) for layer in model.modules()]

    def fail() -> None:
        assert type(model[0]) is nn.Conv2d  # type: ignore[index]
        raise RuntimeError("here")

    with pytest.raises(RuntimeError, match="here"), as_dense(model):
        fail()
    assert [type(layer) for layer in model.modules()] == kinds


def test_a_shared_weight_has_one_mask() -> None:
    layers = [nn.Linear(6, 6), nn.Linear(6, 6), nn.Linear(6, 2)]
    layers[1].weight = layers[0].weight
    model = nn.Sequential(*layers)
    method = swatlib.method("snip", 0.5)
    swatlib.sparsify_(model, method)
    method.start(model, lambda: model(torch.ones(3, 6)).square().sum())
    first, second = (layer.states["forward_weight"].mask for layer in layers[:2])  # type: ignore[union-attr, index]
    assert torch.equal(first, second)
    assert sum(counts(model)) == kept_count(36 + 12, 0.5)


def test_an_empty_layer_is_named() -> None:
    model = nn.Sequential(nn.Linear(4, 4, bias=False), nn.Linear(4, 4, bias=False))
    with torch.no_grad():
        model[0].weight.fill_(1e-9)
        model[1].weight.fill_(1.0)
    method = swatlib.method("snip", 0.5)
    swatlib.sparsify_(model, method)
    scores = {16: torch.zeros(4, 4)}
    with pytest.warns(UserWarning, match=r"layers 0 are left without any weight at sparsity 0\.5"):
        keep_by_first_batch_(
            model, lambda: torch.zeros(()), 0.5, lambda *_: [scores[16], torch.ones(4, 4)]
        )


def test_scores_must_be_finite() -> None:
    layer = linear(torch.ones(2, 2))
    with pytest.raises(ValueError, match="scores of the first batch must be finite"):
        keep_by_first_batch_(layer, lambda: layer(torch.full((1, 2), torch.inf)).sum() * 0.0, 0.5)


def test_ties_go_by_position() -> None:
    found = best_of_all([torch.ones(3), torch.ones(2, 2)], 0.4)
    assert [mask.tolist() for mask in found] == [[True] * 3, [[True, True], [False, False]]]


def test_bad_values() -> None:
    with pytest.raises(ValueError, match=r"sparsity must be in \[0, 1\), got 1"):
        KeepByFirstBatch(1.0)
    for name in ("snip", "grasp"):
        with pytest.raises(ValueError, match="in which layers compete for weights"):
            swatlib.method(name, 0.5, allocation="erk")
        with pytest.raises(ValueError, match="ramp must not be set for"):
            swatlib.method(name, 0.5, ramp=0.5)
