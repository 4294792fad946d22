"""Row thresholds: masks by hand, and what the state keeps."""

import copy
import io

import pytest
import torch
from torch import nn

import swatlib
from swatlib.selectors import RowThreshold
from swatlib.surgery.sparsify import active_mask, sparse_layers

W = torch.tensor([[0.5, -0.1, 0.0, 0.0], [0.0, 0.2, -0.4, 0.0]])


def test_each_row_has_its_own() -> None:
    state = RowThreshold().new_state(W)
    assert torch.equal(RowThreshold().choose(W, state), W != 0)
    RowThreshold.thresholds(state).copy_(torch.tensor([0.15, 0.25]))
    assert RowThreshold().choose(W, state).tolist() == [
        [True, False, False, False],
        [False, False, True, False],
    ]
    filters = W.reshape(2, 2, 2, 1)
    assert torch.equal(
        RowThreshold().choose(filters, state), RowThreshold().choose(W, state).reshape(2, 2, 2, 1)
    )


def test_masks_shrink_as_thresholds_rise() -> None:
    weight = torch.randn(6, 5)
    state = RowThreshold().new_state(weight)
    before = RowThreshold().choose(weight, state)
    for _ in range(4):
        RowThreshold.thresholds(state).add_(torch.rand(6))
        now = RowThreshold().choose(weight, state)
        assert not (now & ~before).any()
        before = now
    assert not before.all()


@pytest.mark.parametrize("training", [True, False])
def test_a_layer_that_forgets_begins_anew(training: bool) -> None:
    layer = swatlib.sparsify_(nn.Linear(4, 2), swatlib.method("dst")).train(training)
    state = layer.states["forward_weight"]
    assert state is layer.states["input_grad_weight"]
    RowThreshold.thresholds(state).fill_(9.0)
    assert not active_mask(layer).any()
    state.forget()
    assert active_mask(layer).all()


def test_thresholds_are_saved_copied_and_moved() -> None:
    recipe = swatlib.method("dst")
    layer = swatlib.sparsify_(nn.Linear(4, 2), recipe)
    with torch.no_grad():
        layer.weight.copy_(W)
    RowThreshold.thresholds(layer.states["forward_weight"]).copy_(torch.tensor([0.15, 0.25]))
    wanted = active_mask(layer)
    file = io.BytesIO()
    torch.save([dict(layer.state_dict()), swatlib.sparsity_state(layer)], file)
    file.seek(0)
    weights, kept = torch.load(file, weights_only=True)
    again = swatlib.sparsify_(nn.Linear(4, 2), recipe)
    again.load_state_dict(weights)
    swatlib.load_sparsity_state_(again, kept)
    for one in (again, copy.deepcopy(layer), copy.deepcopy(layer).double()):
        assert torch.equal(active_mask(one), wanted)


def test_state_dict_and_parameters_are_those_of_the_dense_model() -> None:
    dense = nn.Linear(4, 2)
    keys, parameters = list(dense.state_dict()), list(dense.parameters())
    layer = swatlib.sparsify_(dense, swatlib.method("dst"))
    assert list(layer.state_dict()) == keys
    assert all(a is b for a, b in zip(layer.parameters(), parameters, strict=True))
    assert len(list(sparse_layers(layer))) == 1


def test_the_sparsity_cannot_be_set() -> None:
    with pytest.raises(ValueError, match="sparsity of above row thresholds is 0 and cannot be set"):
        RowThreshold().at_sparsity(0.5)
