"""What a model remembers is saved with it, and belongs to the weights it was made for."""

import copy
import io
import pickle
import warnings

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.optim.swa_utils import AveragedModel
from torch.utils.checkpoint import checkpoint

import swatlib
from swatlib.methods import METHODS, NO_SPARSITY
from swatlib.methods.momentum import redistribute_
from swatlib.methods.topology import freeze_
from swatlib.surgery.sparsify import active_mask, sparse_layers

X, Y = torch.randn(64, 16, generator=torch.Generator().manual_seed(1)), torch.arange(64) % 4
KEEPING = [
    swatlib.recipe("asp", 0.5),
    swatlib.recipe("tsm", 0.5, period=7),
    swatlib.swat(0.8, period=7),
    swatlib.saw(0.8, period=7),
]


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def mlp():
    layers = nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 4)
    return nn.Sequential(*layers)


def optimizer(model):
    return torch.optim.SGD(model.parameters(), 0.2, momentum=0.9)


def train(model, sgd, steps, after=lambda: None):
    model.train()
    for _ in range(steps):
        sgd.zero_grad()
        F.cross_entropy(model(X), Y).backward()
        sgd.step()
        after()


def stored(value):
    """Through a file, with nothing but tensors and plain values allowed in it."""
    file = io.BytesIO()
    torch.save(value, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


@pytest.mark.parametrize("method", METHODS)
def test_a_continued_run_is_the_uninterrupted_one(method):
    sparsity = 0.0 if method in NO_SPARSITY else 0.5
    options = {"period": 7} if method in ("swat", "saw", "tsm") else {}
    recipe = swatlib.method(method, sparsity, **options)
    whole = swatlib.sparsify_(mlp(), recipe)
    sgd = optimizer(whole)
    train(whole, sgd, 10)
    # In the middle of a step too: its choice has been made, the step has not been taken.
    whole(X)
    saved = stored(
        [whole.state_dict(), swatlib.sparsity_state(whole), sgd.state_dict(), torch.get_rng_state()]
    )
    train(whole, sgd, 10)

    again = swatlib.sparsify_(mlp(), recipe)
    again.load_state_dict(dict(saved[0]))  # a plain dict: nothing but weights
    swatlib.load_sparsity_state_(again, saved[1])
    sgd = optimizer(again)
    sgd.load_state_dict(saved[2])
    torch.set_rng_state(saved[3])
    train(again, sgd, 10)
    for a, b in zip(whole.parameters(), again.parameters(), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("what", ["frozen", "redistributed"])
def test_frozen_masks_and_shared_out_densities_are_part_of_it(what):
    def start():
        return swatlib.sparsify_(mlp(), swatlib.swat(0.8, first_layer_dense=False))

    whole = start()
    sgd = optimizer(whole)
    share = (lambda m, o: redistribute_(m, o, 0.8)) if what == "redistributed" else lambda m, o: m
    train(whole, sgd, 6, lambda: share(whole, sgd))
    if what == "frozen":
        freeze_(whole)
        train(whole, sgd, 3)
    saved = stored([whole.state_dict(), swatlib.sparsity_state(whole), sgd.state_dict()])
    active = [active_mask(layer) for _, layer in sparse_layers(whole)]

    again = start()
    again.load_state_dict(dict(saved[0]))
    swatlib.load_sparsity_state_(again, saved[1])
    for mask, (_, layer) in zip(active, sparse_layers(again), strict=True):
        assert torch.equal(active_mask(layer), mask)
    # Its note says that the new model has not been called yet.
    assert (
        swatlib.report(again)
        .drop(columns="note")
        .equals(swatlib.report(whole).drop(columns="note"))
    )
    other = optimizer(again)
    other.load_state_dict(saved[2])
    train(whole, sgd, 6, lambda: share(whole, sgd))
    train(again, other, 6, lambda: share(again, other))
    for a, b in zip(whole.parameters(), again.parameters(), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("recipe", KEEPING, ids=lambda r: r.name)
def test_keys_of_the_state_dict_stay_and_best_weights_come_back_with_their_choice(recipe):
    model = swatlib.sparsify_(mlp(), recipe)
    sgd = optimizer(model)
    train(model, sgd, 10)
    assert list(model.state_dict()) == list(mlp().state_dict())
    best, then = stored(model.state_dict()), model.eval()(X)
    train(model, sgd, 30)
    assert not torch.allclose(model.eval()(X), then)
    model.load_state_dict(best)
    assert torch.equal(model(X), then)
    fresh = swatlib.sparsify_(mlp(), recipe)
    fresh.load_state_dict(best)
    assert torch.equal(fresh.eval()(X), then)


@pytest.mark.parametrize("recipe", KEEPING[:3], ids=lambda r: r.name)
def test_weights_without_a_choice_make_it_void_and_say_so(recipe):
    model = swatlib.sparsify_(mlp(), recipe)
    train(model, optimizer(model), 3)
    dense = mlp().state_dict()
    with pytest.warns(UserWarning, match="load_sparsity_state_"):
        model.load_state_dict(dense)
    fresh = swatlib.sparsify_(mlp(), recipe)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fresh.load_state_dict(dense)  # nothing was kept: nothing to say
    assert torch.equal(model.eval()(X), fresh.eval()(X))
    train(model, optimizer(model), 2)
    train(fresh, optimizer(fresh), 2)
    assert torch.equal(model[2].weight, fresh[2].weight)


def test_a_choice_of_another_recipe_is_not_taken_over():
    saved = swatlib.sparsify_(mlp(), swatlib.swat(0.8, period=7))
    train(saved, optimizer(saved), 3)
    model = swatlib.sparsify_(mlp(), swatlib.swat(0.5, period=7))
    model.load_state_dict(saved.state_dict())
    assert active_mask(model[2]).float().mean() == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("recipe", KEEPING[:3], ids=lambda r: r.name)
@pytest.mark.parametrize("how", ["averaged", "averaged past the version counter", "replaced"])
@pytest.mark.filterwarnings("ignore:weights were replaced")
def test_a_copy_with_other_weights_chooses_anew(recipe, how):
    model = swatlib.sparsify_(mlp(), recipe)
    sgd = optimizer(model)
    train(model, sgd, 3)
    twin = copy.deepcopy(model)
    train(model, sgd, 2)
    for p, q in zip(twin.parameters(), model.parameters(), strict=True):
        if how == "averaged":
            p.detach().lerp_(q.detach(), 0.5)
        elif how == "averaged past the version counter":
            p.data.lerp_(q.data, 0.5)
    if how == "replaced":
        twin[2].weight = nn.Parameter(torch.randn(32, 32))
    fresh = swatlib.sparsify_(mlp(), recipe)
    fresh.load_state_dict(dict(twin.state_dict()))
    used = twin.eval()(X), fresh.eval()(X)
    layer = twin[2]
    assert torch.equal(active_mask(layer), active_mask(fresh[2]))
    if how != "replaced":  # its other layers keep what they had
        assert torch.equal(*used)


def test_an_averaged_model_is_no_copy_of_the_old_masks():
    model = swatlib.sparsify_(mlp(), swatlib.recipe("tsm", 0.5))
    mean = AveragedModel(model)
    sgd = optimizer(model)
    train(model, sgd, 3, lambda: mean.update_parameters(model))
    fresh = swatlib.sparsify_(mlp(), swatlib.recipe("tsm", 0.5))
    fresh.load_state_dict(dict(mean.module.state_dict()))
    assert torch.equal(mean.module.eval()(X), fresh.eval()(X))


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
@pytest.mark.parametrize("recipe", KEEPING, ids=lambda r: r.name)
def test_a_copy_is_what_it_was_copied_from(copied, recipe):
    model = swatlib.sparsify_(mlp(), recipe)
    sgd = optimizer(model)
    train(model, sgd, 10)
    twin = copied(model)  # after the step: its weights are newer than the choice
    assert torch.equal(twin.eval()(X), model.eval()(X))
    # Momentum is the optimizer's: both start without.
    train(model, optimizer(model), 10)
    train(twin, optimizer(twin), 10)
    assert torch.equal(twin[2].weight, model[2].weight)


@pytest.mark.parametrize("reentrant", [True, False])
@pytest.mark.parametrize("recipe", [*KEEPING, swatlib.saw(0.8, random=True)], ids=lambda r: r.name)
def test_a_step_is_one_choice_under_gradient_checkpointing(recipe, reentrant):
    plain = swatlib.sparsify_(mlp(), recipe)
    twin = copy.deepcopy(plain)
    for model in (plain, twin):
        torch.manual_seed(3)
        sgd = optimizer(model)
        for _ in range(9):
            sgd.zero_grad()
            x = X.clone().requires_grad_()
            y = model(x) if model is plain else checkpoint(model, x, use_reentrant=reentrant)
            F.cross_entropy(y, Y).backward()
            sgd.step()
    assert torch.equal(plain[2].weight, twin[2].weight)


@pytest.mark.parametrize("data", [False, True])
def test_an_optimizer_that_writes_past_the_version_counter_takes_steps(data):
    model = swatlib.sparsify_(mlp(), swatlib.swat(0.8, period=3))
    seen = []
    for _ in range(7):
        model(X).sum().backward()
        seen.append(model[2].states["forward_weight"].threshold.item())
        for p in model.parameters():
            (p.data if data else p.detach()).mul_(1.5)
    assert [i for i in range(1, 7) if seen[i] != seen[i - 1]] == [3, 6]


def test_a_stand_in_for_the_parameter_changes_nothing():
    model = swatlib.sparsify_(mlp(), swatlib.recipe("asp", 0.5))
    train(model, optimizer(model), 3)
    kept = model[2].states["forward_weight"].mask.clone()
    other = {name: torch.randn_like(p) for name, p in model.named_parameters()}
    torch.func.functional_call(model, other, (X,))
    same = {name: p.detach() for name, p in model.named_parameters()}
    assert torch.equal(torch.func.functional_call(model, same, (X,)), model(X))
    assert torch.equal(model[2].states["forward_weight"].mask, kept)


def test_evaluation_and_inference_mode_before_training_keep_nothing():
    with torch.inference_mode():
        model = swatlib.sparsify_(mlp(), swatlib.recipe("tsm", 0.5))
    model.eval()
    with torch.inference_mode():
        model(X)
    assert not model[2].remembers()
    model.train()
    with torch.inference_mode():
        model(X)


def test_an_equal_recipe_forgets_nothing_and_another_one_says_what():
    model = swatlib.sparsify_(mlp(), swatlib.recipe("asp", 0.5))
    train(model, optimizer(model), 5)
    kept = active_mask(model[2])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        swatlib.sparsify_(model, swatlib.recipe("asp", 0.5))
    assert torch.equal(active_mask(model[2]), kept)
    with pytest.warns(UserWarning, match="layers 0, 2, 4 are forgotten"):
        swatlib.sparsify_(model, swatlib.recipe("sr-ste", 0.5))


def test_states_that_do_not_fit_are_refused_and_change_nothing():
    model = swatlib.sparsify_(mlp(), swatlib.swat(0.8, period=3))
    train(model, optimizer(model), 2)
    state = copy.deepcopy(swatlib.sparsity_state(model))
    wrong = swatlib.sparsify_(mlp(), swatlib.saw(0.8, period=3))
    with pytest.raises(ValueError, match="must be of its recipe SAW"):
        swatlib.load_sparsity_state_(wrong, state)
    other = swatlib.sparsify_(nn.Sequential(*mlp(), nn.Linear(4, 4)), swatlib.swat(0.8, period=3))
    with pytest.raises(ValueError, match="'5' only in one"):
        swatlib.load_sparsity_state_(other, state)
    with pytest.raises(TypeError, match="state must be what sparsity_state returned"):
        swatlib.load_sparsity_state_(model, model.state_dict())
    with pytest.raises(ValueError, match="version 1, got 2"):
        swatlib.load_sparsity_state_(model, state | {"version": 2})
    broken = copy.deepcopy(state)
    broken["layers"]["4"]["kept"]["forward_weight"]["threshold"] = torch.zeros(3)
    before = model[2].states["forward_weight"]
    with pytest.raises(ValueError, match="layer '4' does not fit: threshold must have shape"):
        swatlib.load_sparsity_state_(model, broken)
    assert model[2].states["forward_weight"] is before


def test_a_model_can_be_sent_to_a_spawned_process():
    """It is pickled there by handles to its tensors, so none may end with the pickling."""
    layer = swatlib.sparsify_(nn.Linear(8, 8), swatlib.swat(0.5, period=3, first_layer_dense=False))
    layer(torch.randn(4, 8)).sum().backward()
    memory = layer.states["forward_weight"]
    own = [value for value in vars(memory).values() if isinstance(value, torch.Tensor)]
    for name, value in memory.__getstate__().items():
        assert not isinstance(value, torch.Tensor) or any(value is mine for mine in own), name
    with pytest.warns(UserWarning, match="void"):
        copy.deepcopy(memory).settle(nn.Parameter(layer.weight + 1), training=False)
    again = copy.deepcopy(memory)
    assert again.settle(nn.Parameter(layer.weight.clone()), training=False)
    assert again.steps == 1


@pytest.mark.filterwarnings("ignore:weights were loaded")
def test_a_frozen_topology_of_other_weights_is_chosen_and_frozen_anew():
    model = freeze_(swatlib.sparsify_(mlp(), swatlib.swat(0.8)))
    model.load_state_dict(mlp().state_dict())
    plain = swatlib.sparsify_(mlp(), swatlib.swat(0.8))
    plain.load_state_dict(dict(model.state_dict()))
    wanted = active_mask(plain[2])
    assert torch.equal(active_mask(model[2]), wanted)
    twin = freeze_(copy.deepcopy(model))  # by hand, or in the next step
    for one in (model, twin):
        train(one, optimizer(one), 3)
        assert torch.equal(active_mask(one[2]), wanted)
