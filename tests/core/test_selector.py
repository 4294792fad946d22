"""Selectors: what a subclass must give, and what it may."""

from dataclasses import dataclass
from math import ceil
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

import swatlib
from swatlib.core.selector_state import SelectorState
from swatlib.selectors import Selector, TopK, kept_count


@dataclass(frozen=True)
class Doubled(Selector):
    """Keep entries above zero, twice as large: values as well as a mask."""

    sparsity: float = 0.5

    def choose(
        self,
        x: Tensor,
        state: SelectorState | None = None,
        training: bool = True,
        weight: Tensor | None = None,
    ) -> Tensor:
        return x > 0

    def operand(self, x: Tensor, choice: Tensor, state: SelectorState | None = None) -> Tensor:
        return torch.where(choice, 2 * x, 0)


def test_a_selector_may_change_values() -> None:
    recipe_ = swatlib.Recipe("doubled", weight_grad_gradient=Doubled(), first_layer_dense=False)
    layer = nn.Linear(3, 2, bias=False, dtype=torch.float64)
    swatlib.sparsify_(layer, recipe_)
    x, g = torch.randn(5, 3, dtype=torch.float64), torch.randn(5, 2, dtype=torch.float64)
    layer(x).backward(g)
    wanted = torch.zeros(2, 3, dtype=torch.float64)
    for sample in range(5):
        for out in range(2):
            wanted[out] += max(0.0, 2 * float(g[sample, out])) * x[sample]
    torch.testing.assert_close(layer.weight.grad, wanted)


@dataclass(frozen=True)
class Reused(Selector):
    """Add what was dropped of the gradient before: state of an output gradient."""

    sparsity: float = 0.5
    period: int | None = None

    def choose(
        self,
        x: Tensor,
        state: SelectorState | None = None,
        training: bool = True,
        weight: Tensor | None = None,
    ) -> Tensor:
        return TopK(self.sparsity).choose(x)

    def operand(self, x: Tensor, choice: Tensor, state: SelectorState | None = None) -> Tensor:
        used = super().operand(x, choice)
        if state is None:
            return used
        before = torch.zeros_like(x) if state.values is None else state.values
        state.values = (x - used).detach()
        return used + before


def test_a_selector_of_gradients_may_remember() -> None:
    selector: Any = Reused()
    rule = swatlib.Recipe("reused", weight_grad_gradient=selector, first_layer_dense=False)
    layer = nn.Linear(3, 2, bias=False, dtype=torch.float64)
    swatlib.sparsify_(layer, rule)
    x = torch.randn(5, 3, dtype=torch.float64)
    dropped = torch.zeros(5, 2, dtype=torch.float64)
    for _ in range(3):
        g = torch.randn(5, 2, dtype=torch.float64)
        layer.zero_grad()
        layer(x).backward(g)
        kept = torch.where(g.abs() >= TopK(0.5).choose(g), g, 0)
        torch.testing.assert_close(layer.weight.grad, (kept + dropped).T @ x)
        dropped = g - kept
    state = swatlib.sparsity_state(layer)
    other = swatlib.sparsify_(nn.Linear(3, 2, bias=False, dtype=torch.float64), rule)
    other.load_state_dict(layer.state_dict())
    swatlib.load_sparsity_state_(other, state)
    torch.testing.assert_close(other.states["weight_grad_gradient"].values, dropped)


def test_names_of_selectors_that_have_changed_say_so() -> None:
    with pytest.raises(TypeError, match=r"Old\.criterion is now called choose"):

        class Old(Selector):
            def criterion(self, x: Tensor) -> Tensor:
                return x


@given(st.integers(0, 10**7), st.integers(0, 99))
def test_kept_count_is_exact_for_whole_percentages(n: int, percent: int) -> None:
    assert kept_count(n, percent / 100) == -(-n * (100 - percent) // 100)


@given(st.integers(1, 10**6), st.floats(0, 1, exclude_max=True))
def test_kept_count_rounds_up_and_leaves_something(n: int, sparsity: float) -> None:
    k = kept_count(n, sparsity)
    assert 1 <= k <= n or (1 - sparsity) * n < 1e-9
    assert abs(k - ceil((1 - sparsity) * n)) <= 1


def test_kept_count_examples() -> None:
    assert kept_count(1000, 0.9) == 100
    assert kept_count(1001, 0.9) == 101
    assert kept_count(3, 0.99) == 1
    assert kept_count(0, 0.5) == 0
