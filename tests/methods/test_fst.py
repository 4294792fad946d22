"""The FST recipes: their rows, and one layer's gradients against matrices in float64."""

from copy import deepcopy

import pytest
import torch
from torch import nn

import swatlib
from swatlib.core.recipe import Recipe
from swatlib.kernels.convolution import Geometry
from swatlib.kernels.nm import nm_mask
from swatlib.methods import METHODS, dense, method, recipe
from swatlib.methods.fst import DecayPruned, asp, decay_pruned_, fst, gg, gx, sr_ste, tsm, wg, wx
from swatlib.selectors.information_restoration import FixedColumns, weight_gradient
from swatlib.selectors.nm import NM, UnfoldedNM
from swatlib.selectors.transposable import Transposable, transposable_mask
from swatlib.surgery.sparsify import densify_, report, sparsify_

W, WT, GC, GP, X = NM(), NM(over="N"), NM(over="C"), NM(over="HW"), UnfoldedNM()
FIX, TRANSPOSABLE = NM(period=None), Transposable()
ROWS = [
    (fst(), (W, None, WT, None, FixedColumns(), None)),
    (fst(restore=False), (W, None, WT, None, FixedColumns(False), None)),
    (fst(activations=False), (W, None, WT, None, None, None)),
    (sr_ste(), (W, None, W, None, None, None)),
    (tsm(), (TRANSPOSABLE, None, TRANSPOSABLE, None, None, None)),
    (asp(), (FIX, None, FIX, None, None, None)),
    (wg(), (W, None, WT, None, None, GP)),
    (wx(), (W, None, WT, None, X, None)),
    (gg(), (W, None, None, GC, None, GP)),
    (gg(gradient_over="HW"), (W, None, None, GP, None, GP)),
    (gx(), (W, None, None, GC, X, None)),
    (wx(sparse_forward=False), (None, None, WT, None, X, None)),
]


@pytest.mark.parametrize(("made", "row"), ROWS, ids=[made.name for made, _ in ROWS])
def test_rows_of_equation_4_and_tables_3_and_5(made, row):
    assert tuple(made.named().values()) == row
    assert not made.first_layer_dense
    decays = made.name not in ("TSM", "ASP") and made.forward_weight is not None
    assert made.decay == (2e-4 if decays else 0)


def test_print():
    text = str(fst())
    assert "FST (every layer, pruned weights decay by 0.0002)" in text
    assert "2:4 over CHW" in text
    assert "2:4 over N" in text
    assert "fixed columns, restored" in text
    assert "between steps: DecayPruned(decay=0.0002)" in str(
        method("sr-ste", 0.5, decoupled_decay=True)
    )
    assert "same mask" in str(tsm())


def step(layer: nn.Module, x: torch.Tensor, grad: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Return output, input gradient and weight gradient of a layer."""
    x = x.clone().requires_grad_()
    layer.zero_grad()
    y = layer(x)
    y.backward(grad)
    assert x.grad is not None
    return y.detach(), x.grad, layer.weight.grad


def kept(t: torch.Tensor, over: str) -> torch.Tensor:
    return t * nm_mask(t, over=over)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize(
    ("kernel", "stride", "width"), [(3, 1, 7), (1, 1, 6), (1, 2, 7), (3, 2, 8)]
)
@pytest.mark.parametrize("made", [made for made, _ in ROWS], ids=lambda r: r.name)
def test_three_products_of_a_convolution(made, kernel, stride, width, layout):
    padding = kernel // 2
    conv = nn.Conv2d(6, 8, kernel, stride, padding, bias=True).double().to(memory_format=layout)
    w = conv.weight.detach().clone()
    x = torch.randn(2, 6, 5, width, dtype=torch.float64).to(memory_format=layout)
    grad = torch.randn_like(conv(x))
    masks = {
        W: nm_mask(w),
        FIX: nm_mask(w),
        WT: nm_mask(w, over="N"),
        TRANSPOSABLE: transposable_mask(w),
        None: torch.ones_like(w),
    }
    forward_w = w * masks[made.forward_weight]
    g_input = kept(grad, made.input_grad_gradient.over) if made.input_grad_gradient else grad
    g_weight = kept(grad, "HW") if made.weight_grad_gradient else grad
    options = {"stride": stride, "padding": padding}
    y = nn.functional.conv2d(x, forward_w, conv.bias, **options).detach()
    dx = torch.nn.grad.conv2d_input(x.shape, w * masks[made.input_grad_weight], g_input, **options)
    geometry = Geometry((stride,) * 2, (padding,) * 2)
    columns = made.weight_grad_activation
    if isinstance(columns, FixedColumns):
        dw = weight_gradient(grad, x, w.shape, geometry, columns.restore)
    elif isinstance(columns, UnfoldedNM):
        dw = columns.weight_gradient(g_weight, x, w.shape, geometry)
    else:
        dw = torch.nn.grad.conv2d_weight(x, w.shape, g_weight, **options)
    dw = dw + made.decay * (w - forward_w)
    sparsify_(conv, made)
    for got, expected in zip(step(conv, x, grad), (y, dx, dw), strict=True):
        torch.testing.assert_close(got, expected)
    torch.testing.assert_close(conv.bias.grad, grad.sum((0, 2, 3)))


@pytest.mark.parametrize("made", [made for made, _ in ROWS], ids=lambda r: r.name)
def test_linear_layers_keep_the_dense_weight_gradient(made):
    layer = nn.Linear(10, 8).double()
    w = layer.weight.detach().clone()
    x, grad = torch.randn(3, 10).double(), torch.randn(3, 8).double()
    sparsify_(layer, made)
    y, dx, dw = step(layer, x, grad)
    mask = transposable_mask(w) if made.name == "TSM" else nm_mask(w)
    forward_w = w * mask if made.forward_weight else w
    torch.testing.assert_close(y, x @ forward_w.T + layer.bias.detach())
    torch.testing.assert_close(dw, grad.T @ x + made.decay * (w - forward_w))
    over = getattr(made.input_grad_gradient, "over", None)
    g = kept(grad, over) if over else grad
    back = {W: w * nm_mask(w), FIX: w * nm_mask(w), WT: kept(w, "N"), None: w}
    torch.testing.assert_close(dx, g @ back.get(made.input_grad_weight, w * mask))


def test_pointwise_layers_save_half_the_activation():
    x = torch.randn(2, 16, 8, 8)
    saved = {}
    for made in (dense(), fst()):
        conv = sparsify_(nn.Conv2d(16, 4, 1, bias=False), made.__class__(**fields_of(made)))
        kept_bytes = []
        with torch.autograd.graph.saved_tensors_hooks(
            lambda t, to=kept_bytes: to.append(t.numel()) or t, lambda t: t
        ):
            conv(x)
        saved[made.name] = x.numel() in kept_bytes, x.numel() // 2 in kept_bytes
    assert saved == {"dense": (True, False), "FST": (False, True)}


def fields_of(made: Recipe) -> dict:
    return {**made.named(), "name": made.name, "first_layer_dense": False, "decay": made.decay}


def small_model() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Conv2d(8, 8, 1, stride=2),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(8 * 4 * 4, 10),
    )


TWO_FOUR = ("fst", "fst-unrestored", "fst-weights", "sr-ste", "tsm", "asp", "wg", "wx", "gg", "gx")


@pytest.mark.parametrize("method", TWO_FOUR)
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_every_method_takes_steps_and_goes_back(method, layout):
    model = small_model().to(memory_format=layout)
    sparsify_(model, recipe(method, 0.5))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    for _ in range(3):
        x = torch.randn(4, 3, 8, 8).to(memory_format=layout)
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), torch.randint(10, (4,))).backward()
        optimizer.step()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())
    table = report(model)
    assert (
        table.sparsity - 0.5
    ).abs().max() < 0.05  # 27 entries per filter are no multiple of four
    keys = list(model.state_dict())
    assert keys == list(deepcopy(densify_(model)).state_dict())


def test_methods_by_name_are_half_sparse():
    assert set(TWO_FOUR) <= set(METHODS)
    assert recipe("fst-weights", 0.5) == fst(activations=False)
    decoupled = method("sr-ste", 0.5, decoupled_decay=True)
    assert (decoupled.recipe.decay, decoupled.between) == (0, (DecayPruned(2e-4),))
    with pytest.raises(ValueError, match="is more than a recipe"):
        recipe("sr-ste", 0.5, decoupled_decay=True)
    with pytest.raises(ValueError, match="decoupled_decay needs a method with a decay, got 'TSM'"):
        method("tsm", 0.5, decoupled_decay=True)
    with pytest.raises(ValueError, match=r"sparsity of a 2:4 method must be 0.5, got 0.9"):
        recipe("fst", 0.9)
    with pytest.raises(TypeError):
        recipe("fst", 0.5, unknown=True)


def test_decay_outside_the_learning_rate_is_equation_6():
    model = sparsify_(nn.Linear(8, 4, bias=False), sr_ste(decay=0.0))
    w = model.weight.detach().clone()
    model(torch.randn(2, 8)).sum().backward()
    inside = sparsify_(nn.Linear(8, 4, bias=False), sr_ste(decay=0.1))
    inside.load_state_dict({"weight": w})
    decay_pruned_(model, 0.1)
    pruned = w - kept(w, "CHW")
    torch.testing.assert_close(model.weight.detach(), w - 0.1 * pruned)
    dense_ = nn.Linear(8, 4)
    before = dense_.weight.detach().clone()
    assert torch.equal(decay_pruned_(dense_).weight.detach(), before)


def test_asp_keeps_the_mask_of_the_checkpoint():
    model = sparsify_(nn.Linear(8, 4), asp())
    mask = nm_mask(model.weight)
    for _ in range(3):
        model(torch.randn(2, 8)).sum().backward()
        with torch.no_grad():
            model.weight.copy_(torch.randn(4, 8))
    model.eval()
    expected = torch.eye(8) @ (model.weight * mask).T + model.bias
    torch.testing.assert_close(model(torch.eye(8)), expected)
    assert torch.equal(deepcopy(model)(torch.eye(8)), model(torch.eye(8)))


@pytest.mark.parametrize("shape", [(0, 3, 8, 8), (2, 3, 8, 1)])
def test_empty_batch_and_width_one(shape):
    for name in TWO_FOUR:
        conv = sparsify_(nn.Conv2d(3, 8, 3, padding=1), recipe(name, 0.5))
        x = torch.randn(shape, requires_grad=True)
        conv(x).sum().backward()
        assert x.grad.shape == shape
        assert conv.weight.grad.isfinite().all()


@pytest.mark.parametrize("method", ["fst", "tsm", "sr-ste"])
def test_half_precision_under_autocast(method):
    model = sparsify_(small_model(), recipe(method, 0.5))
    with torch.autocast("cpu", torch.bfloat16):
        model(torch.randn(2, 3, 8, 8)).float().sum().backward()
    assert model[0].weight.grad.dtype == torch.float32
    assert model[0].weight.grad.isfinite().all()


def test_bad_recipes():
    with pytest.raises(ValueError, match=r"decay must be in \[0, 1\), got -1"):
        sr_ste(decay=-1)
    with pytest.raises(ValueError, match="needs a forward_weight"):
        swatlib.Recipe("x", decay=0.1)
    with pytest.raises(TypeError, match="forward_activation must be a selector"):
        swatlib.Recipe("x", forward_activation=FixedColumns())
    with pytest.raises(ValueError, match="period of input_grad_gradient"):
        swatlib.Recipe("x", input_grad_gradient=NM(over="C", period=2))
