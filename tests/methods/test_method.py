"""A method is a value: a toy method takes one function and one row, and every tool knows it."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from typer.testing import CliRunner

import swatlib
from swatlib.accounting import count, method_densities, trace
from swatlib.core.selector_state import SelectorState
from swatlib.data import load
from swatlib.methods import ALIASES, METHODS, Between, Method, Progress, method, recipe
from swatlib.selectors import Selector, TopK
from swatlib.simulator import Tactical, masks_of, simulate
from swatlib.testing import check_recipe
from swatlib.training import Run, build, train_run

QUICK = Run(width=8, epochs=1, images=200, batch_size=50)


@dataclass(frozen=True)
class Halve(Between):
    """Halve the weights after so many steps."""

    at: int

    def after_step(
        self, model: nn.Module, optimizer: torch.optim.Optimizer, progress: Progress
    ) -> None:
        """Halve."""
        if progress.step == self.at:
            with torch.no_grad():
                for weight in model.parameters():
                    weight.mul_(0.5)


def toy(sparsity: float, at: int = 2) -> Method:
    """Return a toy: Top-K weights in the forward pass, halved once.

    Parameters
    ----------
    sparsity : float
    at : int
        Steps before all weights are halved.
    """
    return Method(swatlib.Recipe("Toy", forward_weight=TopK(sparsity)), between=(Halve(at),))


@pytest.fixture
def row(monkeypatch: pytest.MonkeyPatch) -> str:
    """The one row; everything below finds the method by it."""
    monkeypatch.setitem(METHODS, "toy", toy)
    return "toy"


def test_it_trains_and_its_hooks_are_called(row: str) -> None:
    run = replace(QUICK, method=row, sparsity=0.5)
    early, late = (train_run(replace(run, options={"at": at}), "cpu") for at in (0, 99))
    assert early["epochs"] != late["epochs"]


def test_it_resumes(row: str) -> None:
    run = replace(QUICK, method=row, sparsity=0.5)
    model, again = (build(run, load("digits", images=200)) for _ in range(2))
    again.load_state_dict(model.state_dict())
    swatlib.load_sparsity_state_(again, swatlib.sparsity_state(model))


def test_it_is_counted_and_simulated(row: str) -> None:
    model = build(replace(QUICK, method=row, sparsity=0.5), load("digits", images=200))
    shapes = trace(model, (1, 1, 8, 8))
    totals = count(shapes, method_densities("saw", shapes, 0.0)).totals()
    sparse = count(shapes, swatlib.accounting.densities(shapes, method(row, 0.5).recipe)).totals()
    assert sparse["forward"] < totals["forward"]
    layers, masks = masks_of(model, torch.randn(2, 1, 8, 8), torch.tensor([0, 1]))
    assert simulate(layers, masks, Tactical()).speedup() > 1


def test_it_is_on_the_command_line(row: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from swatlib.cli import train as command

    command.method_options.cache_clear()
    assert command.method_options()["at"] == (
        int,
        "Steps before all weights are halved. (toy)",
    )
    command.method_options.cache_clear()


def test_it_keeps_the_contract(row: str) -> None:
    check_recipe(
        method(row, 0.5),
        only=["zero_sparsity_is_dense", "evaluation_changes_nothing", "a_copy_trains_alike"],
    )


def test_the_loop_knows_no_method_by_name() -> None:
    source = (Path(swatlib.__file__).parent / "training" / "loop.py").read_text(encoding="utf-8")
    code = "".join(line for line in source.split("\n") if not line.lstrip().startswith("#"))
    for name in (*METHODS, *ALIASES, "freeze", "mask_gradients", "redistribute", "decay_pruned"):
        if name not in ("dense",):  # pretraining is dense training
            assert f'"{name}"' not in code
            assert f"{name}_(" not in code
    assert "if run.method" not in code


def test_names_options_and_what_is_more_than_a_recipe() -> None:
    assert method("swat-erk", 0.9) == method("swat", 0.9, allocation="erk")
    assert recipe("swat", 0.9) == swatlib.swat(0.9)
    with pytest.raises(ValueError, match="is more than a recipe"):
        recipe("swat-erk", 0.9)
    with pytest.raises(ValueError, match="method must be one of dense, swat"):
        method("swap", 0.5)
    with pytest.raises(ValueError, match="masked_gradients needs a method with sparse forward"):
        method("saw", 0.5, masked_gradients=True)


def test_anybodys_loop_calls_the_same_two_hooks() -> None:
    chosen = method("swat", 0.8, allocation="momentum", masked_gradients=True)
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))
    swatlib.sparsify_(model, chosen)
    optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
    before = [layer.recipe for _, layer in swatlib.sparse_layers(model)]
    for step in range(3):
        optimizer.zero_grad()
        model(torch.randn(4, 8)).square().sum().backward()
        chosen.after_backward(model, optimizer, Progress(step, 3, 3))
        optimizer.step()
        chosen.after_step(model, optimizer, Progress(step, 3, 3))
    assert before != [layer.recipe for _, layer in swatlib.sparse_layers(model)]


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


def test_help_names_the_options_of_the_methods() -> None:
    from swatlib.cli import app

    text = CliRunner().invoke(app, ["train", "--help"], env={"COLUMNS": "200"}).output
    for option in ("--structured", "--freeze-epoch", "--over", "--decay", "--allocation"):
        assert option in text
