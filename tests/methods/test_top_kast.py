"""Top-KAST: both sets by hand, what stays to the bit, decay, and that digits are learnt."""

import copy
import itertools
from typing import Any

import pytest
import torch
from rewiring import go_on, trained
from torch import Tensor, nn

import swatlib
from swatlib.accounting import EXACT, PAPER, count, method_densities, trace
from swatlib.methods.held_weight import held
from swatlib.methods.top_kast import (
    AlwaysTopK,
    inside,
    restore_outside_,
    take_anew_,
    top_kast,
    update_inside_,
)
from swatlib.selectors import kept_count
from swatlib.testing.network import network, optimizer_of
from swatlib.training import Run, train_run

W = torch.tensor([[0.5, -0.1, 0.0, 0.05], [0.3, 0.2, -0.4, 0.01]])


def example(sparsity: float = 0.75, explored: float = 0.25) -> tuple[Any, Any]:
    layer: Any = nn.Linear(4, 2, bias=False)
    with torch.no_grad():
        layer.weight.copy_(W)
    swatlib.sparsify_(layer, top_kast(sparsity, explored, first_layer_dense=False))
    take_anew_(layer, explored)
    return layer, held(layer)[0]


def test_the_sets_by_hand() -> None:
    layer, one = example()
    assert one.mask.nonzero().tolist() == [[0, 0], [1, 2]]
    assert inside(one).nonzero().tolist() == [[0, 0], [1, 0], [1, 1], [1, 2]]
    layer.eval()
    torch.testing.assert_close(layer(torch.eye(4)), torch.where(one.mask, W, 0).T)


def test_gradients_and_decay_by_hand() -> None:
    layer, one = example()
    layer.weight.grad = torch.ones(2, 4)
    optimizer = torch.optim.SGD(layer.parameters(), 0.1, momentum=0.9, weight_decay=0.01)
    update_inside_(layer, optimizer)
    # Density 1/4: the decay of what is explored is four times as strong, one of them SGD's own.
    wanted = torch.tensor([[1.0, 0, 0, 0], [1 + 0.03 * 0.3, 1 + 0.03 * 0.2, 1, 0]])
    torch.testing.assert_close(layer.weight.grad, wanted)
    optimizer.step()
    restore_outside_(layer, optimizer)
    decayed = torch.tensor([[0.01, 0, 0, 0], [0.04, 0.04, 0.01, 0]])
    torch.testing.assert_close(layer.weight.detach(), W - 0.1 * (inside(one).float() + decayed * W))
    assert torch.equal(layer.weight[~inside(one)], W[~inside(one)])
    assert not optimizer.state[layer.weight]["momentum_buffer"][~inside(one)].any()


@pytest.mark.parametrize("every", [1, 3])
@pytest.mark.parametrize("kind", ["sgd", "adamw"])
def test_what_is_outside_stays_to_the_bit(every: int, kind: str) -> None:
    """Weight decay, momentum and Adam's moments do not move it."""

    def optimizer(model: nn.Module) -> torch.optim.Optimizer:
        if kind == "adamw":
            return torch.optim.AdamW(model.parameters(), 1e-2, weight_decay=0.1)
        return torch.optim.SGD(model.parameters(), 0.1, momentum=0.9, weight_decay=1e-2)

    seen: list[list[tuple[Tensor, Tensor, Tensor]]] = []

    def look(step: int, model: nn.Module, _: torch.optim.Optimizer) -> None:
        seen.append([(o.weight.detach().clone(), o.mask.clone(), inside(o)) for o in held(model)])

    trained(top_kast(0.8, 0.1, every), 9, look, optimizer=optimizer)
    for before, after in itertools.pairwise(seen):
        for (w, _, updated), (now, _, _) in zip(before, after, strict=True):
            assert torch.equal(w[~updated], now[~updated])
            assert not torch.equal(w[updated], now[updated])
    for step, rows in enumerate(seen):
        for w, mask, updated in rows:
            assert not (mask & ~updated).any()  # A is in B
            assert int(mask.sum()) == kept_count(mask.numel(), 0.8)
            if (step + 1) % every == 0:
                assert w.abs()[mask].min() >= w.abs()[~mask].max()
                assert w.abs()[updated].min() >= w.abs()[~updated].max()
    same = [all(torch.equal(a[1], b[1]) for a, b in zip(*p, strict=True)) for p in
            itertools.pairwise(seen)]  # fmt: skip
    assert not all(same)
    assert all(stays for i, stays in enumerate(same) if (i + 2) % every)


def test_without_exploration_the_active_set_changes_by_shrinking_only() -> None:
    seen: list[list[tuple[Tensor, Tensor]]] = []

    def look(step: int, model: nn.Module, _: torch.optim.Optimizer) -> None:
        seen.append([(o.weight.detach().clone(), o.mask.clone()) for o in held(model)])
        assert all(torch.equal(inside(o), o.mask) for o in held(model))

    trained(top_kast(0.8, 0.0), 9, look)
    entered = 0
    for before, after in itertools.pairwise(seen):
        for (w, mask), (now, active) in zip(before, after, strict=True):
            new, gone = active & ~mask, mask & ~active
            entered += int(new.sum())
            assert torch.equal(w[new], now[new])
            assert (now.abs()[gone] < w.abs()[gone]).all()
    assert entered


def test_evaluation_and_a_loop_without_start() -> None:
    method = top_kast(0.8)
    model = swatlib.sparsify_(network(), method)
    sgd = optimizer_of(model)
    x = torch.randn(2, 3, 8, 8)
    model.eval()
    before = model(x)
    assert torch.equal(model(x), before)
    model.train()
    go_on(model, method, sgd, range(1, 4))  # the step 0, which calls start, is left out
    assert all(int(inside(o).sum()) > o.active for o in held(model))


def test_it_resumes_to_the_bit() -> None:
    method = top_kast(0.8, every=3)
    model = swatlib.sparsify_(network(), method)
    sgd = optimizer_of(model)
    go_on(model, method, sgd, range(5))  # in the middle of a period
    again = swatlib.sparsify_(network(), method)
    again.load_state_dict(model.state_dict())
    swatlib.load_sparsity_state_(again, copy.deepcopy(swatlib.sparsity_state(model)))
    other = optimizer_of(again)
    other.load_state_dict(copy.deepcopy(sgd.state_dict()))
    for one, its in ((model, sgd), (again, other)):
        go_on(one, method, its, range(5, 10))
    for a, b in zip(model.parameters(), again.parameters(), strict=True):
        assert torch.equal(a, b)
    assert all(
        torch.equal(inside(a), inside(b)) for a, b in zip(held(model), held(again), strict=True)
    )


def test_a_shared_weight_has_one_pair_of_sets() -> None:
    layers: list[Any] = [nn.Linear(4, 4, bias=False), nn.Linear(4, 4, bias=False)]
    layers[1].weight = layers[0].weight
    model = nn.Sequential(*layers)
    method = top_kast(0.5, 0.25, first_layer_dense=False)
    swatlib.sparsify_(model, method)
    sgd = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
    for step in range(3):
        sgd.zero_grad()
        model(torch.eye(4)).square().sum().backward()
        progress = swatlib.Progress(step, 3, 3)
        method.after_backward(model, sgd, progress)
        sgd.step()
        method.after_step(model, sgd, progress)
    (one,) = held(model)
    assert len(one.states) == 2
    assert all(torch.equal(state.mask, one.mask) for state in one.states)  # type: ignore[arg-type]


def test_it_counts_what_is_updated() -> None:
    """Fractions D, D and D + M of the dense products."""
    shapes = trace(network(), (1, 3, 8, 8))
    rows = method_densities("top-kast", shapes, 0.8)
    assert [round(d.updated, 10) for d in rows[1:]] == [0.4] * 4
    assert [round(d.forward, 10) for d in rows[1:]] == [0.2] * 4
    exact, paper = (count(shapes, rows, c).to_frame().iloc[-1] for c in (EXACT, PAPER))
    assert exact["weight_grad"] == pytest.approx(0.4 * exact["weight_grad_dense"])
    assert exact["input_grad"] == pytest.approx(0.2 * exact["input_grad_dense"])
    assert paper["weight_grad"] == paper["weight_grad_dense"]


def test_exploring_as_many_again() -> None:
    for sparsity, explored in ((0.9, 0.1), (0.8, 0.2), (0.3, 0.3), (0.0, 0.0)):
        assert top_kast(sparsity).between == (AlwaysTopK(explored),)


def test_bad_values() -> None:
    with pytest.raises(ValueError, match=r"explored must be in \[0, 1\), got 1"):
        top_kast(0.5, 1.0)
    with pytest.raises(ValueError, match="every must be at least 1, got 0"):
        AlwaysTopK(0.1, 0)
    with pytest.raises(ValueError, match="masked_gradients must not be set for 'Top-KAST'"):
        swatlib.method("top-kast", 0.5, masked_gradients=True)
    with pytest.raises(ValueError, match="ramp must not be set for 'Top-KAST'"):
        swatlib.method("top-kast", 0.5, ramp=0.5)


def test_digits_are_learnt() -> None:
    run = Run(width=8, epochs=2, images=600, batch_size=64, method="top-kast", sparsity=0.8)
    found = train_run(run, "cpu")
    assert found["epochs"][-1]["train_loss"] < found["epochs"][0]["train_loss"]
    assert found["test_accuracy"] > 30
