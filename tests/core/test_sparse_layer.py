"""What a sparse layer keeps: over steps and copies, on other devices, and with its weight."""

import copy
import io
import pickle
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

from swatlib.core.layers import SparseLinear
from swatlib.kernels.keep import keep
from swatlib.methods import recipe, saw, swat
from swatlib.methods.topology import freeze_
from swatlib.storage.pruned import prune_
from swatlib.surgery.sparsify import sparsify_


def test_evaluation_without_gradients_chooses_for_the_forward_pass_only() -> None:
    layer = SparseLinear.from_dense(nn.Linear(10, 10), saw(0.9, period=2)).eval()
    with torch.no_grad():
        layer(torch.randn(3, 10))
    assert all(memory.steps == 0 for memory in layer.states.values())


def thresholds(layer: SparseLinear) -> dict[str, float]:
    used = ("forward_weight", "weight_grad_activation")
    return {slot: layer.states[slot].threshold.item() for slot in used}


def step(layer: nn.Module, scale: float = 1.0) -> Tensor:
    """Take one training step on random data and return the output of the layer before it."""
    y: Tensor = layer(torch.randn(8, 10).to(next(layer.parameters()).dtype) * scale)
    layer.zero_grad()
    y.sum().backward()
    with torch.no_grad():
        for p in layer.parameters():
            assert p.grad is not None
            p.sub_(0.1 * p.grad)
    return y


def test_a_period_lasts_over_epochs_and_evaluation() -> None:
    layer = SparseLinear.from_dense(nn.Linear(10, 10), swat(0.5, period=5))
    seen = []
    for _ in range(4):
        layer.train()
        # Three steps an epoch: a period that began anew with every epoch would never be reached.
        for _ in range(3):
            step(layer)
            seen.append(thresholds(layer))
        layer.eval()
        for mode in (torch.no_grad(), torch.enable_grad()):
            with mode:
                layer(torch.randn(50, 10) * 100)
        assert thresholds(layer) == seen[-1]
    changes = [i for i in range(1, 12) if seen[i] != seen[i - 1]]
    assert changes == [5, 10]
    for slot in seen[0]:
        assert len({s[slot] for s in seen}) == 3


def test_evaluation_uses_the_kept_threshold() -> None:
    layer = SparseLinear.from_dense(nn.Linear(10, 10, bias=False), swat(0.5, period=100))
    step(layer)
    layer.eval()
    with torch.no_grad():
        layer.weight.mul_(1e-3)
        assert layer(torch.randn(4, 10)).count_nonzero() == 0


COPIES: list[Callable[[nn.Module], nn.Module]] = [
    copy.deepcopy,
    lambda m: pickle.loads(pickle.dumps(m)),
    lambda m: torch.load(saved(m), weights_only=False),
]


def saved(thing: object) -> io.BytesIO:
    stream = io.BytesIO()
    torch.save(thing, stream)
    stream.seek(0)
    return stream


@pytest.mark.parametrize("copied", COPIES, ids=["deepcopy", "pickle", "torch.save"])
def test_a_copy_goes_on_where_the_original_was(copied: Callable) -> None:
    layer = SparseLinear.from_dense(nn.Linear(10, 10), swat(0.5, period=3))
    step(layer)
    twin = copied(layer)
    assert (type(twin), twin.recipe) == (SparseLinear, layer.recipe)
    assert thresholds(twin)["forward_weight"] == thresholds(layer)["forward_weight"]
    for _ in range(4):
        state = torch.get_rng_state()
        first = step(layer)
        torch.set_rng_state(state)
        assert torch.equal(step(twin), first)
    # Apart, not one: a step of the copy does not count for the original.
    step(twin)
    assert [m.states["forward_weight"].steps.item() for m in (layer, twin)] == [5, 6]


def test_moving_a_layer_keeps_its_period() -> None:
    layer = SparseLinear.from_dense(nn.Linear(10, 10), swat(0.5, period=3))
    step(layer)
    kept = thresholds(layer)["forward_weight"]
    for move in (nn.Module.half, nn.Module.bfloat16, nn.Module.float, nn.Module.double):
        move(layer)
        memory = layer.states["forward_weight"]
        assert (memory.threshold.item(), memory.steps.item()) == (kept, 1)
    for _ in range(3):
        step(layer)
    # After the move the threshold is as exact as the weight: the K-th entry itself survives.
    weight = layer.weight.detach().clone()
    layer.states["forward_weight"].steps.zero_()
    layer(torch.randn(2, 10, dtype=torch.float64))
    used = keep(weight, layer.states["forward_weight"].threshold)
    assert used.count_nonzero() == 50


def test_a_layer_made_without_memory_gets_it_when_it_gets_its_weights() -> None:
    with torch.device("meta"):
        layer = SparseLinear.from_dense(nn.Linear(10, 10), swat(0.5, period=2))
    layer.to_empty(device="cpu")
    layer.load_state_dict(nn.Linear(10, 10).state_dict())
    step(layer)
    assert layer.states["forward_weight"].threshold > 0


@pytest.mark.parametrize("made", ["convolution", "linear"])
def test_batch_norm_is_folded_into_pruned_weights_only(made: str) -> None:
    convolution = made == "convolution"
    plain = nn.Conv2d(4, 8, 3) if convolution else nn.Linear(4, 8)
    norm = nn.BatchNorm2d(8) if convolution else nn.BatchNorm1d(8)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    nn.init.uniform_(norm.weight, -3, 3)
    norm.running_mean.uniform_(-1, 1)
    norm.running_var.uniform_(0.1, 9)
    fuse = fuse_conv_bn_eval if convolution else fuse_linear_bn_eval
    model = sparsify_(nn.Sequential(plain, norm), swat(0.7, first_layer_dense=False)).eval()
    x = torch.randn(5, 4, 6, 6) if convolution else torch.randn(5, 4)
    wanted = model(x)
    with torch.no_grad():
        plain.weight[0] = 0  # a filter without a scale hides no other
    wanted = model(x)
    with pytest.raises(ValueError, match=r"folding batch norm into it.*prune_\(model\) first"):
        fuse(*model)  # type: ignore[arg-type]
    assert torch.equal(model(x), wanted)
    prune_(model)
    torch.testing.assert_close(fuse(*model)(x), wanted)  # type: ignore[arg-type]


def test_other_weights_may_be_given_to_a_layer_in_evaluation() -> None:
    layer = SparseLinear.from_dense(nn.Linear(10, 10), swat(0.5)).eval()
    new = torch.randn(10, 10)
    layer.weight = nn.Parameter(new)
    assert torch.equal(layer.weight, new)
    layer.weight = nn.Parameter(3 * new)  # the same choice
    layer.load_state_dict(nn.Linear(10, 10).state_dict(), assign=True)


def test_equal_selectors_of_one_tensor_share_what_is_kept() -> None:
    # The choice of forward_weight is the one that input_grad_weight uses, also for who looks later.
    layer = SparseLinear.from_dense(nn.Linear(8, 8), recipe("tsm", 0.5))
    layer(torch.randn(2, 8)).sum().backward()
    assert layer.states["forward_weight"] is layer.states["input_grad_weight"]
    with torch.no_grad():
        layer.weight.copy_(torch.randn(8, 8))
    w = layer.weight.detach()
    assert torch.equal(layer.operand("forward_weight", w), layer.operand("input_grad_weight", w))
    twin = copy.deepcopy(layer)
    assert twin.states["forward_weight"] is twin.states["input_grad_weight"]


def test_batch_norm_is_not_folded_into_a_frozen_topology() -> None:
    model = sparsify_(
        nn.Sequential(nn.Conv2d(4, 8, 3), nn.BatchNorm2d(8)), swat(0.7, first_layer_dense=False)
    )
    nn.init.uniform_(model[1].weight, -3, 3)  # type: ignore[index, arg-type]
    freeze_(model).eval()
    with pytest.raises(ValueError, match=r"folding batch norm into it"):
        fuse_conv_bn_eval(*model)  # type: ignore[arg-type]
