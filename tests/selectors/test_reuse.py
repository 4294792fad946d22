"""Reusing the last batch's output gradient, against a loop that keeps P by hand."""

import copy

import pytest
import torch
from torch import Tensor, nn

import swatlib
from swatlib.core.selector_state import SelectorState
from swatlib.selectors import Reuse
from swatlib.selectors.reuse import FIRST_THRESHOLD, differs

P = torch.tensor([1.0, -1.0, 0.5, 0.0])
G = torch.tensor([[1.2, -1.0, -0.4, 0.3]])


class Steps:
    """A selector, its state and a weight that changes with every step."""

    def __init__(self, sparsity: float = 0.5, threshold: float | None = None) -> None:
        self.selector, self.weight = Reuse(sparsity), torch.zeros(4)
        self.state = SelectorState(self.weight)
        if threshold is not None:
            self.state.threshold.fill_(threshold)

    def step(self) -> None:
        self.weight += 1

    def used(self, grad: Tensor, training: bool = True) -> Tensor:
        mask = self.selector.choose(grad, self.state, training, self.weight)
        return self.selector.operand(grad, mask, self.state)


def test_the_worked_example() -> None:
    steps = Steps(threshold=0.25)
    assert torch.equal(steps.used(P[None]), P[None])
    steps.step()
    assert torch.equal(steps.used(G), torch.tensor([[1.0, -1.0, -0.4, 0.3]]))


def test_without_a_threshold_nothing_is_reused() -> None:
    torch.manual_seed(0)
    steps = Steps()
    for _ in range(4):
        grad = torch.randn(6, 3, 2, 2).round()  # many entries are equal to P
        steps.state.threshold.fill_(0.0)
        assert torch.equal(steps.used(grad), grad)
        steps.step()


def test_every_entry_is_of_g_or_of_p() -> None:
    torch.manual_seed(0)
    steps = Steps(threshold=0.5)
    steps.used(torch.randn(8, 5))
    for _ in range(5):
        steps.step()
        candidates = steps.state.values[1].clone()
        grad = torch.randn(8, 5)
        used = steps.used(grad)
        assert torch.equal(steps.state.values[0], candidates)
        assert ((used == grad) | (used == candidates)).all()
        assert (used != grad).any()
        assert (steps.state.values[1] == grad).all(1).any()


def test_the_threshold_doubles_and_halves() -> None:
    steps = Steps(0.5, 0.25)
    zeros, far = torch.zeros(2, 4), torch.full((2, 4), 9.0)
    steps.used(zeros)
    assert steps.state.threshold == 0.25
    steps.step()
    steps.used(far)  # all of it is far from P
    assert steps.state.threshold == 0.5
    steps.step()
    steps.used(far)  # none of it
    assert steps.state.threshold == 0.25
    steps.step()
    half = far.clone()
    half[0] = 0
    steps.used(half)
    assert steps.state.threshold == 0.25


@pytest.mark.parametrize("sparsity", [0.5, 0.9])
def test_the_share_of_what_is_used_comes_near_to_what_is_wanted(sparsity: float) -> None:
    torch.manual_seed(0)
    steps = Steps(sparsity)
    shares = []
    for _ in range(80):
        steps.step()
        grad = torch.randn(16, 50)
        mask = steps.selector.choose(grad, steps.state, True, steps.weight)
        shares.append(mask.double().mean().item())
    assert shares[0] == shares[1 + 2] == 1
    assert min(shares[40:]) < 1 - sparsity < max(shares[40:])
    assert steps.state.threshold > 1e6 * FIRST_THRESHOLD


def test_micro_batches_see_one_p() -> None:
    steps = Steps(threshold=0.5)
    steps.used(torch.zeros(2, 4))
    steps.step()
    steps.used(torch.ones(3, 4))
    previous = steps.state.values[0].clone()
    steps.used(torch.full((2, 4), 2.0))
    assert torch.equal(steps.state.values[0], previous)
    assert int(steps.state.steps) == 2


def test_batches_of_other_sizes_and_samples_of_other_shapes() -> None:
    steps = Steps(threshold=10.0)
    steps.used(torch.zeros(5, 3, 4, 4))
    steps.step()
    assert not steps.used(torch.ones(2, 3, 4, 4)).any()  # a smaller last batch: P
    steps.step()
    other = torch.ones(2, 3, 6, 6)
    assert torch.equal(steps.used(other), other)  # nothing to reuse yet
    steps.step()
    assert torch.equal(steps.used(torch.zeros(2, 3, 6, 6)), other)
    assert steps.used(torch.zeros(0, 3, 6, 6)).shape == (0, 3, 6, 6)


def test_evaluation_reads_and_does_not_write() -> None:
    steps = Steps(threshold=0.5)
    for grad in (torch.zeros(2, 4), torch.ones(2, 4)):
        steps.used(grad)
        steps.step()
    before = copy.deepcopy(steps.state.state())
    steps.used(torch.full((2, 4), 3.0), training=False)
    after = steps.state.state()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_what_is_not_finite_is_not_hidden() -> None:
    mask = differs(torch.tensor([[torch.nan, torch.inf, 1.0]]), torch.ones(3), torch.tensor(0.5))
    assert mask.tolist() == [[True, True, False]]


def test_the_same_sample_on_every_rank_and_no_random_state_moved() -> None:
    state = torch.get_rng_state()
    one, other = Steps(), Steps()
    for step in range(20):
        grad = torch.arange(12.0).reshape(6, 2) + 100 * step
        one.used(grad)
        other.used(grad + 1000)
        assert torch.equal(one.state.values + 1000, other.state.values)
        one.step()
        other.step()
    assert torch.equal(torch.get_rng_state(), state)


def test_all_samples_are_drawn() -> None:
    steps, seen = Steps(), set()
    for _ in range(60):
        steps.used(torch.arange(6.0)[:, None])
        seen.add(steps.state.values[1].item())
        steps.step()
    assert seen == set(range(6))


def test_a_layer_against_a_loop_that_keeps_p_by_hand() -> None:
    torch.manual_seed(0)
    layer = nn.Conv2d(3, 4, 3, padding=1, dtype=torch.float64)
    g = Reuse(0.5)
    recipe = swatlib.Recipe(
        "x", input_grad_gradient=g, weight_grad_gradient=g, first_layer_dense=False
    )
    swatlib.sparsify_(layer, recipe)
    state = layer.states["input_grad_gradient"]
    state.threshold.fill_(0.7)
    previous = None
    for step in range(5):
        x = torch.randn(6, 3, 5, 5, dtype=torch.float64, requires_grad=True)
        grad = torch.randn(6, 4, 5, 5, dtype=torch.float64)
        threshold = float(state.threshold)
        layer.zero_grad()
        layer(x).backward(grad)
        used = grad
        if previous is not None:
            used = torch.where((grad - previous).abs() > threshold, grad, previous)
            assert (used != grad).any()
        w = layer.weight.detach()
        torch.testing.assert_close(x.grad, torch.nn.grad.conv2d_input(x.shape, w, used, padding=1))
        torch.testing.assert_close(
            layer.weight.grad, torch.nn.grad.conv2d_weight(x.detach(), w.shape, used, padding=1)
        )
        torch.testing.assert_close(layer.bias.grad, grad.sum((0, 2, 3)))
        previous = next(s for s in grad if torch.equal(s, state.values[1]))
        assert not state.values.requires_grad
        with torch.no_grad():
            layer.weight.add_(0.01 * (step + 1))


def test_a_machine_multiplies_what_is_not_reused() -> None:
    mask = torch.tensor([[True, False]])
    assert Reuse(0.5).operand(torch.tensor([[3.0, 4.0]]), mask).tolist() == [[3.0, 0.0]]


def test_errors() -> None:
    with pytest.raises(ValueError, match=r"sparsity must be in \[0, 1\), got 1"):
        Reuse(1.0)
    with pytest.raises(TypeError, match="x must be"):
        Reuse(0.5).choose([1.0])  # type: ignore[arg-type]
