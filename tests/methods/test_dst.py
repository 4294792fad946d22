"""DST: the example by hand, autograd as the reference, and what thresholds do."""

import copy
from dataclasses import replace
from typing import Any

import pytest
import torch
from rewiring import go_on, trained
from torch import Tensor, nn
from torch.nn import functional as F

import swatlib
from swatlib.core.recipe import Recipe
from swatlib.methods.dst import (
    LearnThresholds,
    dst,
    gradients_through,
    learn_thresholds_,
    long_tailed,
    restart_empty_,
)
from swatlib.methods.method import Method
from swatlib.selectors import RowThreshold
from swatlib.surgery.sparsify import active_mask, sparse_layers
from swatlib.testing.network import batch, network, optimizer_of
from swatlib.training import Run, train_run

W = torch.tensor([[0.5, -0.1, 0.0, 0.0], [0.0, 0.2, -0.4, 0.0]])
G = torch.tensor([[0.1, 0.9, -0.3, 0.2], [0.6, -0.05, 0.4, -0.7]])
TAU = torch.tensor([0.15, 0.25])


def thresholds(layer: Any) -> Tensor:
    return RowThreshold.thresholds(layer.states["forward_weight"])


def test_the_example() -> None:
    to_weight, to_thresholds = gradients_through(W, TAU, G, 0.0)
    torch.testing.assert_close(to_thresholds, torch.tensor([0.132, 0.242]))
    wanted = torch.tensor([[0.13, 0.162, 0, 0], [0, -0.018, 0.624, 0]])
    torch.testing.assert_close(to_weight, wanted)


def test_the_penalty_only_raises() -> None:
    without, with_it = (gradients_through(W, TAU, G, alpha)[1] for alpha in (0.0, 0.1))
    torch.testing.assert_close(with_it, without - 0.1 * (-TAU).exp())
    assert torch.equal(gradients_through(W, TAU, G, 0.1)[0], gradients_through(W, TAU, G, 0.0)[0])


class Step(torch.autograd.Function):
    """A unit step with the estimate for its derivative: the slow and obvious way."""

    @staticmethod
    def forward(ctx: Any, q: Tensor) -> Tensor:
        ctx.save_for_backward(q)
        return (q > 0).to(q.dtype)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        (q,) = ctx.saved_tensors
        rows = [0.0 if abs(v) > 1 else 0.4 if abs(v) > 0.4 else 2 - 4 * abs(v) for v in q.flatten()]
        return grad * torch.tensor(rows, dtype=q.dtype).reshape(q.shape)


@pytest.mark.parametrize("nesterov", [False, True])
def test_training_is_that_of_autograd(nesterov: bool) -> None:
    """Thresholds as Parameters of torch's SGD, with momentum and weight decay."""
    torch.manual_seed(0)
    alpha, settings = 0.02, {"momentum": 0.9, "weight_decay": 1e-2, "nesterov": nesterov}
    layers = [nn.Conv2d(2, 3, 3), nn.Flatten(), nn.Linear(12, 3)]
    model = nn.Sequential(*layers).double()
    twin = copy.deepcopy(model)
    swatlib.sparsify_(model, dst(alpha))
    sgd = torch.optim.SGD(model.parameters(), 0.1, **settings)
    rows = [
        nn.Parameter(torch.zeros(3, 1, 1, 1).double()),
        nn.Parameter(torch.zeros(3, 1).double()),
    ]
    other = torch.optim.SGD([*twin.parameters(), *rows], 0.1, **settings)
    conv, _, linear = twin
    x, y = torch.randn(9, 2, 4, 4, dtype=torch.float64), torch.arange(9) % 3
    between = LearnThresholds(alpha)
    progress = swatlib.Progress(0, 30, 10)
    for _ in range(30):
        sgd.zero_grad()
        F.cross_entropy(model(x), y).backward()
        between.after_backward(model, sgd, progress)
        sgd.step()
        between.after_step(model, sgd, progress)
        other.zero_grad()
        kernel, matrix = (
            layer.weight * Step.apply(layer.weight.abs() - row)  # type: ignore[no-untyped-call]
            for layer, row in zip((conv, linear), rows, strict=True)
        )
        out = F.linear(F.conv2d(x, kernel, conv.bias).flatten(1), matrix, linear.bias)
        penalty = sum(((-row).exp().sum() for row in rows), torch.zeros(()))
        (F.cross_entropy(out, y) + alpha * penalty).backward()
        other.step()
    for p, q in zip(model.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(p, q)
    for (_, layer), row in zip(sparse_layers(model), rows, strict=True):
        torch.testing.assert_close(thresholds(layer), row.detach().flatten())
    kept = [float(active_mask(layer).double().mean()) for _, layer in sparse_layers(model)]
    assert all(0.01 < share < 1 for share in kept)


def test_without_penalty_and_thresholds_outputs_are_dense() -> None:
    x, _ = batch()
    assert torch.equal(swatlib.sparsify_(network(), dst(0.0))(x), network()(x))


def test_gradients_reach_masked_weights() -> None:
    layer: Any = swatlib.sparsify_(nn.Linear(4, 2, bias=False), dst(0.0))
    with torch.no_grad():
        layer.weight.copy_(W)
    thresholds(layer).copy_(TAU)
    layer.weight.grad = G.clone()
    learn_thresholds_(layer, torch.optim.SGD(layer.parameters(), 0.1), 0.0)
    assert layer.weight.grad[0, 1] != 0  # masked, and moved
    torch.testing.assert_close(thresholds(layer), TAU - 0.1 * torch.tensor([0.132, 0.242]))


def test_sparsity_is_found() -> None:
    """It grows with alpha, and from layer to layer it differs."""
    found = []
    for alpha in (0.0, 0.01, 0.03):
        model = trained(dst(alpha), 12)
        masks = [active_mask(layer) for _, layer in sparse_layers(model)]
        found.append(sum(int(m.sum()) for m in masks) / sum(m.numel() for m in masks))
    assert found == sorted(found, reverse=True)
    assert found[2] < 0.8 < 0.9 < found[0]
    assert len({round(float(m.float().mean()), 3) for m in masks}) > 2


def test_an_empty_layer_begins_anew() -> None:
    layer: Any = swatlib.sparsify_(nn.Linear(100, 2, bias=False), dst())
    with torch.no_grad():
        layer.weight.copy_(torch.arange(1.0, 201.0).reshape(2, 100))
    for level, kept in ((190.5, 10), (198.0, 200), (500.0, 200)):  # 2 of 200 are 1 %
        thresholds(layer).fill_(level)
        assert int(active_mask(restart_empty_(layer)).sum()) == kept


def test_evaluation_does_not_begin_anew() -> None:
    layer: Any = swatlib.sparsify_(nn.Linear(4, 2), dst()).eval()
    thresholds(layer).fill_(9.0)
    layer(torch.ones(1, 4))
    assert (thresholds(layer) == 9).all()


@pytest.mark.parametrize("early", [False, True])
def test_it_resumes_to_the_bit(early: bool) -> None:
    """Also with an optimizer that was made before the model was sparse."""
    method = dst(0.03)

    def begin() -> tuple[nn.Module, torch.optim.Optimizer]:
        model = network()
        first = optimizer_of(model) if early else None
        swatlib.sparsify_(model, method)
        return model, first or optimizer_of(model)

    model, sgd = begin()
    go_on(model, method, sgd, range(5))
    again, other = begin()
    again.load_state_dict(dict(model.state_dict()))
    swatlib.load_sparsity_state_(again, copy.deepcopy(swatlib.sparsity_state(model)))
    other.load_state_dict(copy.deepcopy(sgd.state_dict()))
    for one, its in ((model, sgd), (again, other)):
        go_on(one, method, its, range(5, 10))
    for (_, a), (_, b) in zip(sparse_layers(model), sparse_layers(again), strict=True):
        assert torch.equal(a.weight, b.weight)
        assert torch.equal(a.states["forward_weight"].values, b.states["forward_weight"].values)  # type: ignore[arg-type]
        assert (thresholds(a) != 0).any()


def test_layers_that_share_a_weight_share_thresholds() -> None:
    layers: list[Any] = [nn.Linear(4, 4, bias=False), nn.Linear(4, 4, bias=False)]
    layers[1].weight = layers[0].weight
    model = nn.Sequential(*layers)
    method = dst(0.1)
    swatlib.sparsify_(model, method)
    sgd = torch.optim.SGD(model.parameters(), 0.1)
    for _ in range(3):
        sgd.zero_grad()
        model(torch.eye(4)).square().sum().backward()
        learn_thresholds_(model, sgd, 0.1)
        sgd.step()
    assert torch.equal(thresholds(layers[0]), thresholds(layers[1]))
    assert (thresholds(layers[0]) != 0).all()


def test_it_is_counted_by_recorded_densities() -> None:
    from swatlib.accounting import count, densities, method_densities, trace

    shapes = trace(network(), (1, 3, 8, 8))
    recorded = [0.5, 0.25, 0.5, 0.1, 1.0]
    rows = densities(shapes, dst().recipe, recorded)
    assert [(d.forward, d.input_grad, d.weight_grad) for d in rows] == [(d, d, 1) for d in recorded]
    assert count(shapes, rows).train_flops_reduction > 0
    with pytest.raises(ValueError, match="densities of method dst depend on the thresholds it"):
        method_densities("dst", shapes, 0.0)


def test_other_optimizers_and_frozen_layers() -> None:
    model = swatlib.sparsify_(network(), dst(0.1))
    adam = torch.optim.Adam([model[0].weight], 0.1)  # type: ignore[index, list-item]
    F.cross_entropy(model(batch()[0]), batch()[1]).backward()
    learn_thresholds_(model, adam, 0.1)
    moved = [bool(thresholds(layer).any()) for _, layer in sparse_layers(model)]
    assert moved == [True, False, False, False, False]


def test_bad_values() -> None:
    with pytest.raises(ValueError, match="alpha must be at least 0, got -1"):
        dst(-1.0)
    with pytest.raises(ValueError, match=r"sparsity of the method dst must be 0, got 0\.5"):
        swatlib.method("dst", 0.5)
    with pytest.raises(ValueError, match="is 0 and cannot be set"):
        swatlib.method("dst", allocation="erk")
    with pytest.raises(ValueError, match="ramp needs a method whose sparsity can be set"):
        swatlib.method("dst", ramp=0.5)
    with pytest.raises(ValueError, match="masked_gradients must not be set for 'DST'"):
        swatlib.method("dst", masked_gradients=True)
    assert long_tailed(torch.tensor(1.0)) == pytest.approx(0.4)
    assert isinstance(dst(), Method)
    assert isinstance(replace(dst(), sparsity=0.0).recipe, Recipe)


def test_digits_are_learnt() -> None:
    run = Run(
        width=8, epochs=2, images=600, batch_size=64, method="dst", options={"alpha": 2e-3},
        observe="active-weights",
    )  # fmt: skip
    found = train_run(run, "cpu")
    assert found["epochs"][-1]["train_loss"] < found["epochs"][0]["train_loss"]
    assert found["test_accuracy"] > 30
    density = found["observed"]["density"]
    assert 0.1 < density[-1] < density[0]
