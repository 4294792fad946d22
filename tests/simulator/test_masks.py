"""Masks: generated, from a live model, and from files a user brings."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import swatlib
from swatlib.simulator import (
    Layer,
    dense_masks,
    generate,
    layers_of,
    load_masks,
    masks_of,
    save_masks,
)

LAYERS = [
    Layer("first", 4, 3, (3, 3), padding=(1, 1), image=(8, 8), first=True),
    Layer("second", 10, 4, image=(8, 8)),
]


def test_generated_masks_keep_exactly_k() -> None:
    first, second = generate(LAYERS, 0.9, activation_sparsity=0.75)
    assert first.forward_weight.all()
    assert first.weight_grad_activation.all()
    assert second.forward_weight.sum() == 4
    assert second.weight_grad_activation.sum() == 64
    assert second.forward_activation is None


def test_relu_zeros_come_before_topk() -> None:
    _, second = generate(LAYERS, 0.25, activations="relu")
    assert second.forward_activation is not None
    assert second.forward_activation.sum() == 128
    assert (second.weight_grad_activation <= second.forward_activation).all()
    assert second.weight_grad_activation.sum() == 128  # Top-K would keep 192, only 128 are not zero


def test_seeds_repeat_and_differ() -> None:
    one, again, other = (generate(LAYERS, 0.5, seed=s)[1].forward_weight for s in (0, 0, 1))
    assert (one == again).all()
    assert (one != other).any()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"sparsity": 1.0}, r"sparsity must be in \[0, 1\), got 1.0"),
        ({"sparsity": 0.5, "activation_sparsity": -1}, "activation_sparsity must be in"),
        ({"sparsity": 0.5, "activations": "gelu"}, "one of dense, relu; got 'gelu'"),
        ({"sparsity": 0.5, "seed": -1}, "seed must be at least 0"),
    ],
)
def test_bad_arguments_are_named(arguments: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        generate(LAYERS, **arguments)


def model() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.BatchNorm2d(8),
        nn.ReLU(inplace=True),
        nn.Conv2d(8, 8, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.Flatten(),
        nn.Linear(8 * 36, 5),
    )


def test_live_masks_are_what_the_recipe_keeps() -> None:
    net = swatlib.sparsify_(model(), swatlib.swat(0.9))
    x, y = torch.randn(4, 3, 6, 6), torch.tensor([0, 1, 2, 3])
    before = {name: value.clone() for name, value in net.state_dict().items()}
    layers, masks = masks_of(net, x, y)
    assert [layer.name for layer in layers] == ["0", "3", "6"]
    assert masks[0].forward_weight.all()
    conv = net[3].weight.detach()
    kept = conv.abs() >= conv.abs().flatten().kthvalue(conv.numel() - 58 + 1).values
    np.testing.assert_array_equal(masks[1].forward_weight, kept.numpy())
    assert masks[1].weight_grad_activation.mean() == pytest.approx(0.1, abs=0.01)
    assert masks[1].forward_activation is not None
    assert 0.2 < masks[1].forward_activation.mean() < 0.8  # the zeros that ReLU left
    assert masks[2].weight_grad_activation.shape == layers[2].input_shape == (4, 288, 1, 1)
    # in-place ReLU behind the layer: its gradient is zero where ReLU's output is
    assert masks[1].input_grad_gradient is not None
    assert 0.2 < masks[1].input_grad_gradient.mean() < 0.8
    for name, value in net.state_dict().items():
        assert torch.equal(value, before[name])
    assert all(p.grad is None for p in net.parameters())


def test_live_masks_of_meprop_are_in_the_gradient() -> None:
    net = swatlib.sparsify_(model(), swatlib.meprop(0.9))
    _, masks = masks_of(net, torch.randn(4, 3, 6, 6), torch.tensor([0, 1, 2, 3]))
    assert masks[1].forward_weight.all()
    assert masks[1].input_grad_gradient is not None
    assert masks[1].input_grad_gradient.mean() <= 0.11


def test_live_masks_need_values() -> None:
    with torch.device("meta"):
        net = model()
    with pytest.raises(ValueError, match="meta"):
        masks_of(net, torch.empty(4, 3, 6, 6, device="meta"), torch.zeros(4, dtype=torch.long))


def test_files_round_trip(tmp_path: Path) -> None:
    masks = generate(LAYERS, 0.5)
    save_masks(tmp_path / "masks.npz", LAYERS, masks)
    assert [p.name for p in tmp_path.iterdir()] == ["masks.npz"]
    for made, read in zip(masks, load_masks(tmp_path / "masks.npz", LAYERS), strict=True):
        np.testing.assert_array_equal(made.forward_weight, read.forward_weight)
        np.testing.assert_array_equal(made.weight_grad_activation, read.weight_grad_activation)


def test_a_linear_layer_may_be_two_dimensional(tmp_path: Path) -> None:
    layer = Layer("fc", 3, 5, batch=2)
    np.savez(tmp_path / "m.npz", fc=np.eye(3, 5))
    read = load_masks(tmp_path / "m.npz", [layer])[0]
    assert read.forward_weight.shape == (3, 5, 1, 1)
    assert read.forward_weight.sum() == 3
    assert read.weight_grad_activation.all()


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"first": np.ones((4, 3, 3, 3))}, "layer 'second' has no array"),
        (
            {"first": np.ones((4, 3, 3, 3)), "second": np.ones((4, 10, 1, 1))},
            r"layer 'second': the weight mask must have shape \(10, 4, 1, 1\), got \(4, 10, 1, 1\)",
        ),
        ({"third": np.ones(3)}, "array 'third', which is no layer"),
        (
            {"first": np.full((4, 3, 3, 3), "x"), "second": np.ones((10, 4))},
            "layer 'first': the weight mask must be numeric",
        ),
        ({"first": np.array([None])}, "not a readable"),
    ],
)
def test_bad_files_name_the_layer(tmp_path: Path, arrays: dict, message: str) -> None:
    np.savez(tmp_path / "m.npz", **arrays)
    with pytest.raises(ValueError, match=message):
        load_masks(tmp_path / "m.npz", LAYERS)


def test_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "m.npz").write_bytes(b"PK\x03\x04 not really")
    for path in (tmp_path / "m.npz", tmp_path / "missing.npz"):
        with pytest.raises(ValueError, match="not a readable"):
            load_masks(path, LAYERS)


def test_masks_must_be_boolean() -> None:
    from swatlib.simulator import Masks

    with pytest.raises(TypeError, match="weight must be an array of booleans, got dtype float64"):
        Masks(np.ones(3), np.ones(3, bool))


def test_dense_masks_keep_all() -> None:
    assert all(
        dense_masks(x).forward_weight.all() and dense_masks(x).weight_grad_activation.all()
        for x in LAYERS
    )
    assert layers_of(nn.Conv2d(3, 4, 3, padding=1), (1, 3, 8, 8))[0].weight_shape == (4, 3, 3, 3)
