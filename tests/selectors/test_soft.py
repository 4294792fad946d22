"""The soft 2:4 threshold: the worked example, continuity, and a factor that is kept."""

import copy
import itertools

import pytest
import torch
from torch import nn

import swatlib
from swatlib.selectors import NM, SoftNM
from swatlib.selectors.frozen import Frozen
from swatlib.selectors.soft import soft_scale, soft_threshold

W = torch.tensor([[0.5, -0.1, 0.3, 0.2]])


def slowly(row: list[float], n: int, m: int) -> list[float]:
    """Return the soft threshold of a row by sorting each group."""
    found: list[float] = []
    for i in range(0, len(row), m):
        group = row[i : i + m]
        padded = sorted([abs(w) for w in group] + [0.0] * (m - len(group)))
        t = padded[m - n - 1] if n < m else 0.0
        found += [(1 if w > 0 else -1) * max(abs(w) - t, 0.0) for w in group]
    return found


def made(**fields: int) -> nn.Module:
    soft = SoftNM(**fields)
    recipe = swatlib.Recipe(
        "soft", forward_weight=soft, input_grad_weight=soft, first_layer_dense=False
    )
    torch.manual_seed(0)
    return swatlib.sparsify_(nn.Linear(8, 4, bias=False), recipe)


def step(layer: nn.Module) -> None:
    layer(torch.randn(3, 8)).square().sum().backward()
    with torch.no_grad():
        layer.weight.sub_(0.1 * layer.weight.grad)
    layer.zero_grad()


def test_the_worked_example() -> None:
    torch.testing.assert_close(soft_threshold(W), torch.tensor([[0.3, 0.0, 0.1, 0.0]]))
    torch.testing.assert_close(soft_scale(W), torch.tensor(1.8))


@pytest.mark.parametrize(("n", "m"), [(2, 4), (1, 2), (1, 4), (3, 4), (4, 4)])
@pytest.mark.parametrize("columns", [8, 7])
def test_against_sorting(n: int, m: int, columns: int) -> None:
    w = torch.randn(5, columns, dtype=torch.float64)
    wanted = torch.tensor([slowly(row, n, m) for row in w.tolist()], dtype=torch.float64)
    torch.testing.assert_close(soft_threshold(w, n, m), wanted)


def test_convolutions_in_every_memory_format() -> None:
    w = torch.randn(6, 5, 3, 3)
    wanted = soft_threshold(w.flatten(1)).reshape(w.shape)
    laid_out = w.to(memory_format=torch.channels_last)
    for one in (w, laid_out):
        assert torch.equal(soft_threshold(one), wanted)
        assert soft_threshold(one).stride() == one.stride()


def test_at_most_two_of_four_and_those_of_the_hard_mask() -> None:
    w = torch.randn(50, 16)
    kept = SoftNM().kept(w, SoftNM().choose(w))
    assert torch.equal(kept, NM().choose(w))
    tied = torch.ones(1, 4)
    assert not SoftNM().kept(tied, SoftNM().choose(tied)).any()


def test_nothing_jumps_where_the_order_changes() -> None:
    """The hard mask jumps by a whole weight, the soft one moves no more than the weights do."""
    a, b = torch.tensor([[1.0, 0.5, 0.4, 0.1]]), torch.tensor([[1.0, 0.4, 0.5, 0.1]])
    path = [a + (b - a) * i / 1000 for i in range(1001)]
    soft, hard = ([f(w) for w in path] for f in (soft_threshold, lambda w: w * NM().choose(w)))
    largest = [
        max(float((q - p).abs().max()) for p, q in itertools.pairwise(one)) for one in (soft, hard)
    ]
    assert largest[0] < 3e-4
    assert largest[1] > 0.4


def test_the_factor_is_that_of_the_first_weights() -> None:
    layer = made()
    first = soft_scale(layer.weight)
    evaluated = copy.deepcopy(layer).eval()
    assert torch.equal(evaluated.operand("forward_weight", evaluated.weight), soft_of(layer, first))
    for _ in range(4):
        step(layer)
        assert torch.equal(layer.operand("forward_weight", layer.weight), soft_of(layer, first))
    assert not torch.equal(soft_scale(layer.weight), first)
    other = made()
    other.load_state_dict(layer.state_dict())
    swatlib.load_sparsity_state_(other, swatlib.sparsity_state(layer))
    assert torch.equal(other(torch.eye(8)), layer(torch.eye(8)))


def soft_of(layer: nn.Module, factor: torch.Tensor) -> torch.Tensor:
    return soft_threshold(layer.weight) * factor


def test_gradients_pass_straight_through() -> None:
    layer = made().double()
    x = torch.randn(3, 8, dtype=torch.float64, requires_grad=True)
    grad = torch.randn(3, 4, dtype=torch.float64)
    used = layer.operand("forward_weight", layer.weight.detach())
    layer(x).backward(grad)
    torch.testing.assert_close(x.grad, grad @ used)
    torch.testing.assert_close(layer.weight.grad, grad.T @ x.detach())


def test_reported_active_are_those_that_survive() -> None:
    layer = made()
    assert int(swatlib.active_mask(layer).sum()) == 16
    assert swatlib.report(layer)["active"].tolist() == [16]


def test_what_would_change_its_values_is_refused() -> None:
    with pytest.raises(ValueError, match="multiplies by other values than its weight's"):
        swatlib.prune_(made())
    with pytest.raises(ValueError, match="selector of a frozen topology must leave values"):
        Frozen(SoftNM())
    with pytest.raises(ValueError, match=r"decay must be 0 with a forward_weight that changes"):
        swatlib.Recipe("x", forward_weight=SoftNM(), decay=0.1)
    layer = made().eval()
    with pytest.raises(ValueError, match="must not be scaled filter by filter"):
        layer.weight = nn.Parameter(layer.weight.detach() * torch.tensor([[1.0], [2.0], [1], [1]]))


def test_weights_that_leave_nothing_and_weights_that_are_not_finite() -> None:
    assert soft_scale(torch.ones(2, 4)) == 1
    assert soft_threshold(torch.tensor([[1.0, torch.nan, 2.0, 3.0]])).isnan().any()


def test_errors() -> None:
    with pytest.raises(ValueError, match="n must be"):
        SoftNM(5)
    with pytest.raises(ValueError, match="over must name dimensions"):
        SoftNM(over="X")
