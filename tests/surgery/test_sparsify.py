"""A model made sparse is the same model: the same objects, keys and hooks, and it goes back."""

import copy
import io
import pickle
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import swatlib
from swatlib import Recipe, dense, densify_, meprop, report, saw, sparsify_, swat
from swatlib.core.layers import SparseConv2d, SparseLinear
from swatlib.surgery.sparsify import sparsifiable


def net() -> Any:
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Conv2d(8, 8, 3, stride=2),
        nn.Flatten(),
        nn.Linear(8 * 9, 10),
    )


def batch() -> Tensor:
    return torch.randn(4, 3, 8, 8)


def kinds(model: nn.Module) -> list[str]:
    return [type(layer).__name__ for _, layer in sparsifiable(model)]


def step(model: nn.Module, optimizer: torch.optim.Optimizer, x: Tensor) -> float:
    optimizer.zero_grad()
    loss = model(x).square().mean()
    loss.backward()
    optimizer.step()
    return loss.item()


def test_three_lines_make_a_model_sparse() -> None:
    model: nn.Module = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    model = swatlib.sparsify_(model, swatlib.swat(0.9))
    assert kinds(model) == ["Linear", "SparseLinear"]


def test_the_model_stays_the_same_object() -> None:
    model = net()
    layers, parameters = list(model.modules()), dict(model.named_parameters())
    state = copy.deepcopy(model.state_dict())
    assert sparsify_(model, swat(0.9, period=2)) is model
    assert kinds(model) == ["Conv2d", "SparseConv2d", "SparseLinear"]
    assert all(a is b for a, b in zip(layers, model.modules(), strict=True))
    assert all(parameters[name] is p for name, p in model.named_parameters())
    assert list(model.state_dict()) == list(state)
    assert all(torch.equal(a, state[key]) for key, a in model.state_dict().items())
    assert densify_(model) is model
    assert kinds(model) == ["Conv2d", "Conv2d", "Linear"]
    assert all(a is b for a, b in zip(layers, model.modules(), strict=True))


def test_densify_undoes_sparsify() -> None:
    model, x = net(), batch()
    expected = model(x)
    assert not torch.equal(sparsify_(model, swat(0.9))(x), expected)
    assert torch.equal(densify_(model)(x), expected)
    assert torch.equal(densify_(model)(x), expected)


def test_an_optimizer_made_before_works() -> None:
    x, losses = batch(), []
    for before in (True, False):
        torch.manual_seed(1)
        model = net()
        if not before:
            sparsify_(model, swat(0.5))
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        sparsify_(model, swat(0.5))
        losses.append([step(model, optimizer, x) for _ in range(4)])
    assert losses[0] == losses[1]
    assert losses[0][3] < losses[0][0]


def test_a_checkpoint_goes_between_dense_and_sparse() -> None:
    model, x = sparsify_(net(), swat(0.5, period=2)), batch()
    step(model, torch.optim.SGD(model.parameters(), lr=0.1), x)
    stream = io.BytesIO()
    torch.save(model.state_dict(), stream)
    stream.seek(0)
    state = torch.load(stream, weights_only=True)
    plain = net()
    plain.load_state_dict(state)
    again = sparsify_(net(), swat(0.5))
    again.load_state_dict(state)
    assert torch.equal(plain.eval()(x), densify_(model).eval()(x))
    assert torch.equal(sparsify_(plain, swat(0.5)).eval()(x), again.eval()(x))


@pytest.mark.parametrize("how", ["deepcopy", "pickle"])
def test_copies_train_alike_and_apart(how: str) -> None:
    model, x = sparsify_(net(), swat(0.5, period=2)), batch()
    step(model, torch.optim.SGD(model.parameters(), lr=0.1), x)
    twin = copy.deepcopy(model) if how == "deepcopy" else pickle.loads(pickle.dumps(model))
    assert kinds(twin) == kinds(model)
    losses = [
        [step(m, torch.optim.SGD(m.parameters(), lr=0.1), x) for _ in range(3)]
        for m in (model, twin)
    ]
    assert losses[0] == losses[1]
    assert all(a is not b for a, b in zip(model.parameters(), twin.parameters(), strict=True))


def test_again_changes_the_recipe() -> None:
    model = sparsify_(net(), swat(0.5, first_layer_dense=False))
    assert kinds(model) == ["SparseConv2d", "SparseConv2d", "SparseLinear"]
    sparsify_(model, saw(0.9))
    # The first layer, sparse before, is one that the new recipe leaves dense.
    assert kinds(model) == ["Conv2d", "SparseConv2d", "SparseLinear"]
    assert report(model)["recipe"].tolist() == ["dense", "SAW", "SAW"]
    sparsify_(model, swat(0.5), lambda name, layer: isinstance(layer, nn.Linear))
    assert kinds(model) == ["Conv2d", "Conv2d", "SparseLinear"]


def test_filter_chooses_among_the_others() -> None:
    seen = []

    def convolutions(name: str, layer: nn.Module) -> bool:
        seen.append(name)
        return isinstance(layer, nn.Conv2d)

    model = sparsify_(net(), swat(0.9), convolutions)
    assert seen == ["3", "5"]
    assert kinds(model) == ["Conv2d", "SparseConv2d", "Linear"]


def test_a_shared_layer_is_one_layer() -> None:
    shared = nn.Linear(6, 6)
    model = sparsify_(
        nn.Sequential(nn.Linear(6, 6), shared, nn.ReLU(), shared), swat(0.9, period=9)
    )
    assert model[1] is model[3] is shared  # type: ignore[index]
    assert isinstance(shared, SparseLinear)
    assert len(report(model)) == 2
    model(torch.randn(2, 6)).sum().backward()
    assert shared.states["forward_weight"].steps == 1, "two uses, one optimizer step"
    assert shared.weight.grad is not None
    densify_(model)
    assert type(shared) is nn.Linear


def test_a_model_can_be_a_single_layer() -> None:
    layer = nn.Linear(4, 4)
    assert sparsify_(layer, swat(0.5, first_layer_dense=False)) is layer
    assert type(layer) is SparseLinear
    assert report(layer)["layer"].tolist() == [""]
    assert type(densify_(layer)) is nn.Linear


def test_hooks_are_kept() -> None:
    model, calls = net(), []
    model[3].register_forward_hook(lambda *_: calls.append("forward"))
    model[3].register_full_backward_hook(lambda *_: calls.append("backward"))
    model[3].weight.register_hook(lambda _: calls.append("weight"))
    for change in (lambda: sparsify_(model, swat(0.9)), lambda: densify_(model)):
        change()
        calls.clear()
        model(batch()).sum().backward()
        assert sorted(calls) == ["backward", "forward", "weight"]


def test_subclasses_of_others_are_passed_over() -> None:
    class Own(nn.Linear):
        pass

    model = nn.Sequential(Own(4, 4), nn.Linear(4, 4), nn.Linear(4, 4))
    assert [name for name, _ in sparsifiable(model)] == ["1", "2"]
    sparsify_(model, swat(0.5))
    assert [type(layer) for layer in model] == [Own, nn.Linear, SparseLinear]


def test_report_says_what_is_sparse() -> None:
    model = sparsify_(net(), swat(0.9, 0.8))
    frame = report(model)
    assert frame["layer"].tolist() == ["0", "3", "5"]
    assert frame["kind"].tolist() == ["conv", "conv", "linear"]
    assert frame["shape"].tolist() == [(8, 3, 3, 3), (8, 8, 3, 3), (10, 72)]
    assert frame["weights"].tolist() == [216, 576, 720]
    assert frame["recipe"].tolist() == ["dense", "SWAT", "SWAT"]
    # K = ceil(0.1 n): 57.6 and 72.
    assert frame["active"].tolist() == [216, 58, 72]
    assert frame["sparsity"].tolist() == [0, 1 - 58 / 576, 1 - 72 / 720]
    assert frame["weight_grad_activation"].tolist() == ["dense", "TopK 0.8", "TopK 0.8"]
    assert frame["input_grad_gradient"].tolist() == ["dense"] * 3


def test_report_changes_nothing() -> None:
    model = sparsify_(net(), swat(0.9, period=3))
    step(model, torch.optim.SGD(model.parameters(), lr=0.1), batch())
    layer, state = model[3], torch.get_rng_state()  # type: ignore[index]
    assert isinstance(layer, SparseConv2d)
    memory = layer.states["forward_weight"]
    before = (memory.threshold.item(), memory.steps.item(), layer.training)
    used = (layer.weight.abs() >= memory.threshold).sum().item()
    # Between two fresh choices it is the kept threshold that counts.
    assert report(model)["active"].tolist()[1] == used
    assert (memory.threshold.item(), memory.steps.item(), layer.training) == before
    assert torch.equal(torch.get_rng_state(), state)


def test_report_of_recipes_that_are_dense_forward() -> None:
    for recipe in (dense(), saw(0.9), meprop(0.9)):
        frame = report(sparsify_(net(), recipe))
        assert (frame["active"] == frame["weights"]).all()


def test_one_recipe_for_each_layer() -> None:
    model = sparsify_(net(), {"0": swat(0.5), "5": saw(0.9)})
    assert kinds(model) == ["SparseConv2d", "Conv2d", "SparseLinear"]
    assert [model[i].recipe.name for i in (0, 5)] == ["SWAT", "SAW"]
    # Naming other layers makes the ones left out dense again.
    assert kinds(sparsify_(model, {"3": swat(0.5)})) == ["Conv2d", "SparseConv2d", "Linear"]


# Bad input


def test_recipes_for_layers_that_are_not_there() -> None:
    with pytest.raises(ValueError, match="recipe names '7'; the model's layers are 0, 3, 5"):
        sparsify_(net(), {"7": swat(0.5)})
    with pytest.raises(TypeError, match=r"recipe\['0'\] must be a Recipe, got 0.5"):
        sparsify_(net(), {"0": 0.5})  # type: ignore[dict-item]
    with pytest.raises(ValueError, match="filter_fn and the recipes leave no layer"):
        sparsify_(net(), {})


def test_arguments_of_the_wrong_kind() -> None:
    with pytest.raises(TypeError, match=r"model must be an nn\.Module, got"):
        sparsify_([nn.Linear(2, 2)], swat(0.5))  # type: ignore[arg-type]
    with pytest.raises(
        TypeError, match=r"recipe must be a Recipe or a Plan or a mapping, got 0\.9"
    ):
        sparsify_(net(), 0.9)  # type: ignore[arg-type]


def test_a_model_without_layers() -> None:
    with pytest.raises(ValueError, match=r"model has no nn\.Conv2d or nn\.Linear layer: ReLU"):
        sparsify_(nn.ReLU(), swat(0.5))


@pytest.mark.parametrize("recipe", [swat(0.5), swat(0.5, first_layer_dense=False)])
def test_a_filter_that_matches_nothing(recipe: Recipe) -> None:
    message = (
        rf"first_layer_dense={recipe.first_layer_dense} leave no layer; the model has: 0, 3, 5"
    )
    with pytest.raises(ValueError, match=message):
        sparsify_(net(), recipe, lambda name, layer: "attention" in name)


def test_a_single_layer_that_is_the_first() -> None:
    with pytest.raises(ValueError, match=r"leave no layer; the model has: \(the model itself\)"):
        sparsify_(nn.Linear(2, 2), swat(0.5))


@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
def test_weights_that_are_not_finite(value: float) -> None:
    model = sparsify_(net(), saw(0.9))
    with torch.no_grad():
        model[5].weight[0, 0] = value  # type: ignore[index]
    with pytest.raises(ValueError, match="weights of layer '5' must be finite"):
        sparsify_(model, swat(0.5))
    # Refused before anything was changed.
    assert report(model)["recipe"].tolist() == ["dense", "SAW", "SAW"]
