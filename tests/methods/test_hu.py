"""Hu et al.'s 2:4 training: its row, the decay, the dense end, and micro-batches."""

import copy
import io

import pytest
import torch
from torch import nn

import swatlib
from swatlib.methods import Progress, method
from swatlib.methods.hu import DenseEnd, MaskedDecay, end_densely_, hu_2to4, masked_decay_
from swatlib.methods.topology import FreezeAt
from swatlib.selectors import MVUE, Transposable
from swatlib.testing.network import made_sparse, optimizer_of, train
from swatlib.training import Run, train_run


def test_the_row() -> None:
    mask = Transposable(period=40)
    made = method("hu-2to4", 0.5)
    assert tuple(made.recipe.named().values()) == (mask, None, mask, None, None, MVUE())
    assert made.between == (MaskedDecay(6e-5), DenseEnd(1 / 6))
    assert hu_2to4(decay=0, dense_end=0).between == ()
    assert hu_2to4(period=5).recipe.forward_weight == Transposable(period=5)
    assert "DenseEnd(share=0.167)" in str(made)


def test_the_decay_is_that_of_pruned_weights_before_the_optimizer() -> None:
    layer = swatlib.sparsify_(nn.Linear(8, 4), hu_2to4(first_layer_dense=False).recipe)
    layer(torch.randn(3, 8)).sum().backward()
    mask = swatlib.active_mask(layer)
    wanted = layer.weight.grad + 0.1 * ~mask * layer.weight.detach()
    masked_decay_(layer, 0.1)
    torch.testing.assert_close(layer.weight.grad, wanted)
    assert torch.equal(layer.weight.grad[mask], wanted[mask])
    dense = nn.Linear(8, 4)
    dense(torch.randn(3, 8)).sum().backward()
    before = dense.weight.grad.clone()
    assert torch.equal(masked_decay_(dense, 0.1).weight.grad, before)


def test_a_shared_weight_decays_once() -> None:
    one, two = nn.Linear(8, 8, bias=False), nn.Linear(8, 8, bias=False)
    two.weight = one.weight
    model = swatlib.sparsify_(nn.Sequential(one, two), hu_2to4(first_layer_dense=False).recipe)
    model(torch.randn(3, 8)).sum().backward()
    before, mask = one.weight.grad.clone(), swatlib.active_mask(one)
    masked_decay_(model, 0.1)
    torch.testing.assert_close(one.weight.grad - before, 0.1 * ~mask * one.weight.detach())


def test_micro_batches_are_one_step_of_the_masks_period() -> None:
    made = hu_2to4(period=3, first_layer_dense=False)
    layer = swatlib.sparsify_(nn.Linear(8, 4), made.recipe)
    optimizer = torch.optim.SGD(layer.parameters(), 0.5)
    masks = []
    for _ in range(4):
        optimizer.zero_grad()
        for _ in range(5):
            layer(torch.randn(3, 8)).square().sum().backward()
        masks.append(swatlib.active_mask(layer).clone())
        with torch.no_grad():
            layer.weight.copy_(torch.randn(4, 8))
    assert torch.equal(masks[0], masks[1])
    assert torch.equal(masks[0], masks[2])
    assert not torch.equal(masks[0], masks[3])
    state = layer.states["forward_weight"]
    assert int(state.steps) == 4


def test_the_last_part_of_the_run_is_dense() -> None:
    made = hu_2to4(dense_end=0.25)
    model = made_sparse(made)
    seen = []
    for step in range(8):
        seen.append(all(layer.recipe.forward_weight for _, layer in swatlib.sparse_layers(model)))
        made.after_step(model, optimizer_of(model), Progress(step, 8, 4))
    assert seen == [True] * 6 + [False] * 2
    assert set(swatlib.report(model)["sparsity"]) == {0.0}
    rows = swatlib.report(model)
    assert (rows["forward_weight"] == "dense").all()
    assert set(rows["recipe"]) == {"dense", "Hu 2:4"}


def test_the_dense_end_computes_what_a_dense_network_does() -> None:
    model = made_sparse(hu_2to4())
    train(model, hu_2to4(), range(3))
    end_densely_(model)
    twin = swatlib.densify_(copy.deepcopy(model))
    x = torch.randn(4, 3, 8, 8)
    outputs = []
    for one in (model, twin):
        one.zero_grad()
        y = one(x)
        y.square().sum().backward()
        outputs.append([y, *(p.grad for p in one.parameters())])
    for a, b in zip(*outputs, strict=True):
        assert torch.equal(a, b)


def test_a_run_is_continued_in_its_dense_end() -> None:
    made = hu_2to4(dense_end=0.95)  # of sixty steps of the contract: dense after three
    model = made_sparse(made)
    optimizer = optimizer_of(model)
    torch.manual_seed(0)
    train(model, made, range(5), optimizer)
    file = io.BytesIO()
    torch.save(
        [dict(model.state_dict()), swatlib.sparsity_state(model), optimizer.state_dict()], file
    )
    file.seek(0)
    weights, sparsity, momenta = torch.load(file, weights_only=True)
    again = made_sparse(made)
    again.load_state_dict(weights)
    swatlib.load_sparsity_state_(again, sparsity)
    other = optimizer_of(again)
    other.load_state_dict(momenta)
    for one, its in ((model, optimizer), (again, other)):
        train(one, made, range(5, 8), its)
    for p, q in zip(model.parameters(), again.parameters(), strict=True):
        assert torch.equal(p, q)


def test_what_does_not_go_together() -> None:
    with pytest.raises(ValueError, match="masked_gradients must not be set for 'Hu 2:4'"):
        method("hu-2to4", 0.5, masked_gradients=True)
    with pytest.raises(ValueError, match=r"dense_end must be .*got 1"):
        hu_2to4(dense_end=1)
    with pytest.raises(ValueError, match=r"share must be .*got 0"):
        DenseEnd(0)
    with pytest.raises(ValueError, match="ramp needs a method whose sparsity can be set"):
        method("hu-2to4", 0.5, ramp=0.5)


def test_digits_are_learnt() -> None:
    run = Run(width=8, epochs=2, images=600, batch_size=64, method="hu-2to4", sparsity=0.5)
    found = train_run(run, "cpu")
    assert found["epochs"][-1]["train_loss"] < found["epochs"][0]["train_loss"]
    assert found["test_accuracy"] > 30


def test_what_ends_densely_says_until_when_it_is_sparse() -> None:
    assert DenseEnd(0.25).sparse_until == 0.75
    method = swatlib.method("hu-2to4", 0.5, freeze_epoch=1)
    (freeze,) = [one for one in method.between if isinstance(one, FreezeAt)]
    (end,) = [one for one in method.between if isinstance(one, DenseEnd)]
    assert freeze.until == end.sparse_until < 1
    assert all(one.sparse_until == 1 for one in swatlib.method("tsm", 0.5).between)
