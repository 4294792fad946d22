"""A method is a value: a toy method takes one function and one row, and every tool knows it."""

from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
from torch import nn
from typer.testing import CliRunner

import swatlib
from swatlib.accounting import count, method_densities, trace
from swatlib.data import load
from swatlib.methods import ALIASES, METHODS, Between, Method, Progress, method, recipe
from swatlib.selectors import TopK
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


def test_it_is_on_the_command_line(row: str) -> None:
    from swatlib.cli import app
    from swatlib.cli import train as command

    command.method_options.cache_clear()
    assert command.method_options()["at"] == (
        int,
        "Steps before all weights are halved. (toy)",
    )
    runner = CliRunner()
    options = ["--method", row, "--sparsity", "0.5"]
    small = ["--epochs", "1", "--images", "100", "--width", "4", "--option", "at=0"]
    trained = runner.invoke(app, ["train", *options, *small])
    assert trained.exit_code == 0, trained.output
    counted = runner.invoke(app, ["account", "small_resnet", "--image", "8", *options])
    assert counted.exit_code == 0, counted.output
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


def test_help_names_the_options_of_the_methods() -> None:
    from swatlib.cli import app

    text = CliRunner().invoke(app, ["train", "--help"], env={"COLUMNS": "200"}).output
    for option in ("--structured", "--freeze-epoch", "--over", "--decay", "--allocation"):
        assert option in text


def test_an_allocation_does_not_drop_a_second_sparsity() -> None:
    with pytest.raises(ValueError, match=r"allocation needs one sparsity .* got 0\.5 and 0\.9"):
        method("swat", 0.9, activation_sparsity=0.5, allocation="erk")
    dense_x = method("swat", 0.9, activation_sparsity=0.0, allocation="erk")
    assert dense_x.recipe.weight_grad_activation is None


def test_random_selection_has_no_options_of_topk() -> None:
    with pytest.raises(TypeError, match="exact is an option of Top-K: random must be False"):
        method("saw", 0.9, random=True, exact=True)
