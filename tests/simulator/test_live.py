"""Masks of a live model against the products that its layers really compute."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from swatlib import recipe, sparsify_, swat
from swatlib.kernels.convolution import Geometry
from swatlib.methods import METHODS, NO_SPARSITY
from swatlib.methods import method as named
from swatlib.selectors.nm import unfold
from swatlib.simulator import Cartesian, Masks, Tactical, masks_of, save_masks, simulate
from swatlib.simulator.geometry import Layer
from swatlib.surgery.sparsify import active_mask

LABELS = torch.tensor([0, 1, 2, 3])
OTHER_VALUES = ("hu-2to4", "s-ste", "mvue")
"""Methods that multiply by other values than a mask leaves."""


def network() -> nn.Sequential:
    """Convolutions of every kind: plain, strided and grouped, pointwise; then a linear layer."""
    return nn.Sequential(
        nn.Conv2d(4, 8, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(8, 8, 3, stride=2, padding=1, groups=2),
        nn.ReLU(),
        nn.Conv2d(8, 8, 1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(8 * 16, 4),
    ).double()


def method(name: str) -> Any:
    fixed = name in ("fst", "fst-unrestored", "fst-weights", "sr-ste", "tsm", "asp", "wg", "wx")
    fixed |= name in (*OTHER_VALUES, "activations-2to4")
    s = 0.0 if name in NO_SPARSITY else 0.5 if fixed or name in ("gg", "gx") else 0.8
    return named(name, s)


class Seen:
    """A layer's operands and results in the real step."""

    def __init__(self, layer: Any) -> None:
        self.layer, self.weight = layer, layer.weight.detach().clone()
        layer.register_forward_hook(self.forward)

    def forward(self, layer: Any, args: Any, y: Tensor) -> None:
        self.x, self.y = args[0].detach(), y.detach()
        y.register_hook(lambda g: setattr(self, "g", g.detach()))
        if args[0].requires_grad:
            args[0].register_hook(lambda dx: setattr(self, "dx", dx.detach()))


def times(tensor: Tensor, mask: np.ndarray | None) -> Tensor:
    return tensor if mask is None else tensor * torch.from_numpy(mask).reshape(tensor.shape)


def pairs(g: Tensor) -> Tensor:
    """Every pruned pixel's gradient on its left neighbour, by a loop (FST Eq. 10)."""
    moved = torch.zeros_like(g)
    for pixel in range(g.shape[-1]):
        moved[..., pixel - pixel % 2] += g[..., pixel]
    return moved


def products(shape: Layer, seen: Seen, masks: Masks) -> tuple[Tensor, Tensor, Tensor]:
    """The three products with masked operands, by torch."""
    conv = seen.x.ndim == 4
    w, x, g = seen.weight, seen.x, seen.g
    back = masks.forward_weight if masks.input_grad_weight is None else masks.input_grad_weight
    w_y, w_dx = times(w, masks.forward_weight), times(w, back)
    g_dx = times(g, masks.input_grad_gradient)
    if not conv:
        dw = times(g, masks.weight_grad_gradient).T @ times(x, masks.weight_grad_activation)
        return times(x, masks.forward_activation) @ w_y.T, g_dx @ w_dx, dw
    how = {"stride": shape.stride, "padding": shape.padding, "groups": shape.groups}
    y = F.conv2d(times(x, masks.forward_activation), w_y, **how)
    dx = torch.nn.grad.conv2d_input(x.shape, w_dx, g_dx, **how)
    geometry = Geometry(shape.stride, shape.padding, (1, 1), shape.groups)
    columns = unfold(times(x, masks.weight_grad_activation), w.shape, geometry)
    if masks.columns is not None:
        columns = times(unfold(x, w.shape, geometry), masks.columns)
        restored = getattr(seen.layer.recipe.columns, "restore", False)
        g = pairs(g) if restored else g
    g = times(g, masks.weight_grad_gradient).reshape(len(g), shape.groups, -1, columns.shape[-1])
    return y, dx, torch.einsum("ngop,ngkp->gok", g, columns).reshape(w.shape)


def computed(seen: Seen) -> Tensor:
    """Which outputs the layer's recipe computes: masks of a simulation do not say it."""
    layer = seen.layer
    mask = layer.computed(*layer.laid_out(seen.x)) if hasattr(layer, "recipe") else None
    return torch.ones_like(seen.y) if mask is None else mask.to(seen.y)


@pytest.mark.parametrize("name", [n for n in METHODS if n not in OTHER_VALUES])
def test_masked_operands_give_the_products_of_the_step(name: str) -> None:
    torch.manual_seed(0)
    model = sparsify_(network(), method(name))
    x = torch.randn(4, 4, 8, 8, dtype=torch.float64)
    shapes, masks = masks_of(model, x, LABELS)
    seen = {n: Seen(m) for n, m in model.named_modules() if isinstance(m, nn.Conv2d | nn.Linear)}
    F.cross_entropy(model(x), LABELS).backward()
    assert [s.name for s in shapes] == list(seen)
    for shape, mask in zip(shapes, masks, strict=True):
        real = seen[shape.name]
        y, dx, dw = products(shape, real, mask)
        y = y + real.layer.bias.detach().reshape(-1, *[1] * (y.ndim - 2))
        torch.testing.assert_close(y * computed(real), real.y)
        if not shape.first:
            torch.testing.assert_close(dx, real.dx)
        own = getattr(real.layer, "recipe", None)
        if own is not None and own.decay:
            dw = dw + own.decay * (real.weight - times(real.weight, mask.forward_weight))
        torch.testing.assert_close(dw, real.layer.weight.grad)
    for machine in (Tactical(), Cartesian(2)):
        simulate(shapes, masks, machine, vs_self=False)


@pytest.mark.parametrize("name", OTHER_VALUES)
def test_of_other_values_the_zeros_are_seen(name: str) -> None:
    torch.manual_seed(0)
    made = method(name)
    model = sparsify_(network(), made)
    x = torch.randn(4, 4, 8, 8, dtype=torch.float64)
    shapes, masks = masks_of(model, x, LABELS)
    for one, mask in zip(shapes[1:], masks[1:], strict=True):
        layer = model.get_submodule(one.name)
        active = active_mask(layer).reshape(mask.forward_weight.shape)
        np.testing.assert_array_equal(mask.forward_weight, active)
        assert mask.weight_grad_gradient is not None
        groups = mask.weight_grad_gradient.swapaxes(0, 1).reshape(-1, 4)  # over samples and pixels
        assert groups.sum(1).max() <= 2
        assert mask.input_grad_gradient is None or mask.input_grad_gradient.mean() > 0.4
    simulate(shapes, masks, Tactical(), vs_self=False)


def test_fixed_columns_are_half_of_the_unfolded_input() -> None:
    model = sparsify_(network(), recipe("fst", 0.5))
    shapes, masks = masks_of(model, torch.randn(4, 4, 8, 8, dtype=torch.float64), LABELS)
    pixels = masks[0].columns
    assert pixels is not None
    assert pixels.shape == shapes[0].columns_shape == (4, 1, 36, 64)
    assert not pixels[..., 1::2].any()
    assert masks[-1].columns is None  # linear: no pixels


def test_a_random_selection_is_one_for_both_gradients() -> None:
    from swatlib.core.recipe import Recipe
    from swatlib.selectors import RandomK

    g = RandomK(0.5)
    both = Recipe("random", input_grad_gradient=g, weight_grad_gradient=g, first_layer_dense=False)
    model = sparsify_(network(), both)
    _, masks = masks_of(model, torch.randn(4, 4, 8, 8, dtype=torch.float64), LABELS)
    for mask in masks:
        np.testing.assert_array_equal(mask.input_grad_gradient, mask.weight_grad_gradient)


class Branches(nn.Module):
    """Takes a second branch in evaluation only, and returns more than logits."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.head = (
            nn.Conv2d(3, 8, 3),
            nn.Conv2d(8, 8, 3, padding=1),
            nn.Linear(8, 4),
        )
        self.spare = nn.Linear(8, 2)

    def forward(self, x: Tensor, shift: Tensor | None = None) -> dict[str, Any]:
        x = self.a(x if shift is None else x + shift)
        if not self.training:
            x = x + self.b(x)
        x = x.mean((2, 3))
        return {"logits": self.head(x), "spare": self.spare(x), "name": "branches"}


def of_logits(output: dict[str, Any], y: Tensor) -> Tensor:
    return F.cross_entropy(output["logits"], y)


def test_layers_are_those_that_the_step_uses() -> None:
    model, x = sparsify_(Branches(), swat(0.8)), torch.randn(4, 3, 8, 8)
    with pytest.warns(UserWarning, match="the loss does not reach spare"):
        shapes, masks = masks_of(model, x, LABELS, loss=of_logits)
    assert [s.name for s in shapes] == ["a", "head", "spare"]
    assert [(s.first, s.frozen) for s in shapes] == [(True, False), (False, False), (True, True)]
    assert masks[2].weight_grad_gradient is None
    result = simulate(shapes, masks, Tactical()).to_dict()
    for product, names in (("forward", 3), ("input_grad", 1), ("weight_grad", 2)):
        assert len(result[product]["layers"]) == names
    with pytest.warns(UserWarning, match="the loss does not reach spare"):
        shapes, _ = masks_of(model.eval(), x, LABELS, loss=of_logits)
    assert [s.name for s in shapes] == ["a", "b", "head", "spare"]


def test_keyword_arguments_and_a_loss_without_labels() -> None:
    x = torch.randn(4, 3, 8, 8)

    def loss(output: dict[str, Any], y: None) -> Tensor:
        return (output["logits"].sum() + output["spare"].sum()) ** 2

    shapes, _ = masks_of(Branches(), (x, {"shift": torch.ones(1)}), loss=loss)
    assert not any(s.frozen for s in shapes)


def test_what_the_loss_cannot_take_is_said() -> None:
    x = torch.randn(4, 3, 8, 8)
    with pytest.raises(ValueError, match=r"model returns dict .* give a loss"):
        masks_of(Branches(), x, LABELS)
    with pytest.raises(ValueError, match=r"loss must return a scalar tensor, got \(4, 4\)"):
        masks_of(Branches(), x, LABELS, loss=lambda output, y: output["logits"])
    with pytest.raises(ValueError, match=r"loss cannot take the model's output and y: .*logit"):
        masks_of(Branches(), x, LABELS, loss=lambda output, y: output["logit"])
    with pytest.raises(ValueError, match=r"model cannot take x: .*channels"):
        masks_of(Branches(), x[:, :2], LABELS, loss=of_logits)


def test_what_is_multiplied_outside_layers_is_named() -> None:
    layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)
    model = nn.Sequential(nn.Linear(8, 8), layer, nn.Flatten(), nn.Linear(24, 4))
    with pytest.warns(UserWarning, match=r"outside .*1\.self_attn \(MultiheadAttention\)"):
        shapes, _ = masks_of(model, torch.randn(4, 3, 8), LABELS)
    assert [s.name for s in shapes] == ["0", "1.linear1", "1.linear2", "3"]


def test_frozen_layers_have_the_products_they_need() -> None:
    model = sparsify_(network(), swat(0.8))
    model[0].requires_grad_(False)
    model[4].requires_grad_(False)
    shapes, masks = masks_of(model, torch.randn(4, 4, 8, 8, dtype=torch.float64), LABELS)
    assert [(s.first, s.frozen) for s in shapes] == [
        (True, True),
        (True, False),
        (False, True),
        (False, False),
    ]
    result = simulate(shapes, masks, Cartesian())
    assert [c.macs > 0 for c in result.counts["input_grad"]] == [False, False, True, True]
    assert [c.macs > 0 for c in result.counts["weight_grad"]] == [False, True, False, True]


def test_a_frozen_model_has_a_forward_pass() -> None:
    model = network().requires_grad_(False)
    shapes, _ = masks_of(model, torch.randn(4, 4, 8, 8, dtype=torch.float64), LABELS)
    assert all(s.first and s.frozen for s in shapes)


def test_the_model_and_the_random_state_stay_as_they_are() -> None:
    model = sparsify_(nn.Sequential(*network()[:4], nn.BatchNorm2d(8), *network()[4:]), swat(0.8))
    model.double()
    heard: list[int] = []
    model[0].register_forward_hook(lambda *_: heard.append(1))
    before = {name: t.clone() for name, t in model.state_dict().items()}
    state = torch.random.get_rng_state()
    masks_of(model, torch.randn(4, 4, 8, 8, dtype=torch.float64, generator=_seeded()), LABELS)
    assert all(torch.equal(t, before[name]) for name, t in model.state_dict().items())
    assert torch.equal(torch.random.get_rng_state(), state)
    assert not heard
    assert all(p.grad is None for p in model.parameters())


def _seeded() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_unfolded_masks_do_not_fit_a_file(tmp_path: Any) -> None:
    model = sparsify_(network(), recipe("fst", 0.5))
    shapes, masks = masks_of(model, torch.randn(4, 4, 8, 8, dtype=torch.float64), LABELS)
    with pytest.raises(ValueError, match="layer '0': a mask of unfolded columns cannot be written"):
        save_masks(tmp_path / "m.npz", shapes, masks)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kept", [recipe("asp", 0.5), recipe("tsm", 0.5), swat(0.8, period=50)])
def test_a_mask_that_is_kept_is_the_one_that_is_seen(kept: Any) -> None:
    torch.manual_seed(0)
    model = sparsify_(network(), kept)
    x = torch.randn(4, 4, 8, 8, dtype=torch.float64)
    optimizer = torch.optim.SGD(model.parameters(), 1.0)
    for _ in range(5):
        optimizer.zero_grad()
        F.cross_entropy(model(x), LABELS).backward()
        optimizer.step()
    shapes, masks = masks_of(model, x, LABELS)
    fresh = type(kept.forward_weight).choose(kept.forward_weight, model[2].weight)
    for shape, mask in zip(shapes[1:], masks[1:], strict=True):
        np.testing.assert_array_equal(
            mask.forward_weight.reshape(-1),
            active_mask(model.get_submodule(shape.name)).reshape(-1),
        )
    chosen_anew = model[2].weight.abs() >= fresh if fresh.dtype != torch.bool else fresh
    assert (torch.from_numpy(masks[1].forward_weight) != chosen_anew).any()
