"""DSG: its row, what its mask does to the three products, what it costs, and that it learns."""

import pytest
import torch
from torch import Tensor, nn

import swatlib
from swatlib.accounting import count, method_densities, trace, trained_densities
from swatlib.methods import Progress, method
from swatlib.methods.dsg import dsg
from swatlib.models import build_network
from swatlib.selectors import OutputSelector, Projected, TopK
from swatlib.simulator import Tactical, masks_of, simulate
from swatlib.surgery.sparsify import sparse_layers
from swatlib.testing.network import batch, made_sparse, network, optimizer_of, train
from swatlib.training import Run, train_run


def conv(selector: OutputSelector, bias: bool = True) -> nn.Module:
    torch.manual_seed(0)
    layer = nn.Conv2d(3, 8, 3, padding=1, bias=bias, dtype=torch.float64)
    return swatlib.sparsify_(layer, swatlib.Recipe("o", first_layer_dense=False, output=selector))


def test_the_row() -> None:
    made = method("dsg", 0.8, projection=7, refresh=9, shared=False)
    assert made.recipe.selectors == {"output": Projected(0.8, 7, 9, shared=False)}
    assert set(made.recipe.named().values()) == {None}
    assert (made.recipe.first_layer_dense, made.classifier_dense) == (True, True)
    assert not method("dsg", 0.8, classifier_dense=False).classifier_dense
    rows = swatlib.report(swatlib.sparsify_(network(), made))
    masked = rows["output"] != "dense"
    assert masked.tolist() == [False, *[True] * (len(rows) - 2), False]
    assert "output" not in swatlib.report(network())


def test_without_sparsity_it_is_dense_to_the_bit() -> None:
    model, plain = made_sparse(dsg(0.0)), network()
    assert train(model, dsg(0.0), range(4)) == train(plain, method("dense"), range(4))


def test_what_is_left_out_is_zero_in_y_and_in_g() -> None:
    layer = conv(Projected(0.75, shared=False))
    x = torch.randn(2, 3, 4, 5, dtype=torch.float64, requires_grad=True)
    grad = torch.randn(2, 8, 4, 5, dtype=torch.float64)
    y = layer(x)
    mask = layer.computed(*layer.laid_out(x))
    assert (mask.sum(1) == 2).all()
    y.backward(grad)
    whole = torch.conv2d(x, layer.weight, layer.bias, padding=1)
    assert torch.equal(y, torch.where(mask, whole, 0.0))
    # dX, dW and db by a loop over the entries that are computed.
    dx, dw, db = torch.zeros(2, 3, 6, 7).double(), torch.zeros(8, 3, 3, 3).double(), torch.zeros(8)
    padded = nn.functional.pad(x.detach(), (1, 1, 1, 1))
    for n, c, i, j in mask.nonzero().tolist():
        dx[n, :, i : i + 3, j : j + 3] += grad[n, c, i, j] * layer.weight[c].detach()
        dw[c] += grad[n, c, i, j] * padded[n, :, i : i + 3, j : j + 3]
        db[c] += grad[n, c, i, j]
    torch.testing.assert_close(x.grad, dx[:, :, 1:-1, 1:-1])
    torch.testing.assert_close(layer.weight.grad, dw)
    torch.testing.assert_close(layer.bias.grad, db.double())


def test_other_gradients_where_nothing_is_computed_change_nothing() -> None:
    layer = conv(Projected(0.5))
    x = torch.randn(2, 3, 4, 4, dtype=torch.float64, requires_grad=True)
    grad, found = torch.randn(2, 8, 4, 4, dtype=torch.float64), []
    mask = layer.computed(*layer.laid_out(x))
    for g in (grad, torch.where(mask, grad, 1e9)):
        layer.zero_grad()
        x.grad = None
        layer(x).backward(g)
        found.append([x.grad, *(p.grad for p in layer.parameters())])
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))


class Oracle(OutputSelector):
    """A stranger's selector of outputs: those that are largest, from the product itself."""

    sparsity = 0.5

    def choose(
        self,
        x: Tensor,
        state: object = None,
        training: bool = True,
        weight: Tensor | None = None,
        geometry: object = None,
    ) -> Tensor:
        y = torch.conv2d(x, weight, padding=1)  # type: ignore[arg-type]
        return y >= y.median(1, keepdim=True).values


def test_anybodys_selector_of_outputs_goes_through() -> None:
    layer, x = conv(Oracle(), bias=False), torch.randn(2, 3, 4, 4, dtype=torch.float64)
    long = conv(Projected(0.375, 200_000, shared=False), bias=False)
    y = layer(x)
    assert (y != 0).double().mean() == 5 / 8
    assert ((y != 0) == (long(x) != 0)).double().mean() > 0.98


def test_what_a_slot_takes() -> None:
    with pytest.raises(TypeError, match="output must be a selector of outputs or None, got TopK"):
        swatlib.Recipe("wrong", output=TopK(0.5))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="of use in output only"):
        swatlib.Recipe("wrong", forward_weight=Projected(0.5))
    recipe = dsg(0.8).recipe
    assert recipe.at_sparsity(0.5).output == Projected(0.5)
    assert recipe.without_selectors.output is None


def test_one_sample_is_a_batch_of_one() -> None:
    layer, x = conv(Projected(0.5)), torch.randn(3, 4, 4, dtype=torch.float64)
    assert torch.equal(layer(x), layer(x[None])[0])


def test_batch_norm_is_not_folded_into_filters_that_compete() -> None:
    layer = conv(Projected(0.5)).eval()
    with pytest.raises(ValueError, match="must not be scaled filter by filter"):
        layer.weight = nn.Parameter(layer.weight * torch.arange(1, 9)[:, None, None, None])
    with pytest.raises(ValueError, match="forward"):
        swatlib.prune_(layer)


@pytest.mark.parametrize(("name", "kept"), [("small_vgg", False), ("small_vgg_relu_first", True)])
def test_only_in_the_order_of_the_paper_zeros_reach_the_next_layer(name: str, kept: bool) -> None:
    torch.manual_seed(0)
    model = build_network(name, image=8, channels=1, width=8)
    model = swatlib.sparsify_(model, dsg(0.75, shared=False))
    for norm in model.modules():
        if isinstance(norm, nn.BatchNorm2d):  # the zeros of a fresh norm would end at its ReLU
            nn.init.constant_(norm.bias, 2.0)
    first, second = list(dict(sparse_layers(model)).values())[:2]
    seen: list[Tensor] = []
    first.register_forward_hook(lambda _, __, y: seen.append(y == 0))
    second.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0] == 0))
    model(torch.randn(16, 1, 8, 8))
    left_out, zero = seen
    assert left_out.double().mean() == pytest.approx(0.75, abs=0.02)
    assert bool(zero[left_out].all()) == kept


def test_what_is_counted() -> None:
    shapes = trace(build_network("vgg16", image=32), (1, 3, 32, 32))
    first, *middle, last = method_densities("dsg", shapes, 0.75)
    for density in (first, last):
        assert (density.forward, density.input_grad, density.weight_grad) == (1, 1, 1)
    for layer, density in zip(shapes.weighted[1:-1], middle, strict=True):
        filters, length = layer.weight[0], layer.weights // layer.weight[0]
        k = min(length, int(48 * torch.tensor(filters).double().log()))
        assert density.forward == pytest.approx(0.25 + k / length)
        assert (density.input_grad, density.weight_grad) == (0.25, 0.25)
    assert trained_densities(shapes, dsg(0.75), {}) == method_densities("dsg", shapes, 0.75)
    dense = count(shapes, method_densities("dsg", shapes, 0.0)).totals()
    assert dense["forward"] == dense["forward_dense"]


def test_a_machine_skips_what_is_zero_in_g() -> None:
    model = made_sparse(dsg(0.75, shared=False))
    shapes, masks = masks_of(model, *batch())
    assert masks[0].input_grad_gradient.mean() > 0.3  # the first layer is dense
    for (_, layer), mask in zip(sparse_layers(model), masks[1:], strict=False):
        kept = -(-len(layer.weight) // 4)
        counts = mask.input_grad_gradient.sum(1)
        # Where all of X is zero, all outputs rank equally.
        assert set(counts.reshape(-1).tolist()) <= {*range(kept + 1), len(layer.weight)}
        assert counts.mean() < kept + 1
    simulate(shapes, masks, Tactical(), vs_self=False)


def test_a_ramp_raises_it() -> None:
    made = method("dsg", 0.8, ramp=0.5)
    model = made_sparse(made)
    made.start(model, lambda: torch.zeros(()))
    assert {layer.recipe.output.sparsity for _, layer in sparse_layers(model)} == {0.0}
    for step in range(10):
        made.after_step(model, optimizer_of(model), Progress(step, 20, 10))
    assert {layer.recipe.output.sparsity for _, layer in sparse_layers(model)} == {0.8}


def test_what_does_not_go_together() -> None:
    with pytest.raises(ValueError, match="allocation needs a method with sparse forward weights"):
        method("dsg", 0.5, allocation="erk")
    with pytest.raises(ValueError, match=r"refresh must be .*got 0"):
        dsg(0.5, refresh=0)
    with pytest.raises(ValueError, match=r"projection must be .*got 0"):
        dsg(0.5, projection=0)


@pytest.mark.parametrize("shared", [True, False])
def test_digits_are_learnt(shared: bool) -> None:
    run = Run(
        width=8,
        epochs=2,
        images=600,
        batch_size=32,
        method="dsg",
        sparsity=0.5,
        options={"shared": shared},
    )
    found = train_run(run, "cpu")
    assert found["epochs"][-1]["train_loss"] < found["epochs"][0]["train_loss"]
    assert found["test_accuracy"] > 40


def test_evaluation_compiles_before_and_after_training() -> None:
    made = dsg(0.5)
    model, (x, _) = made_sparse(made), batch()
    torch.compiler.reset()
    compiled = torch.compile(model, backend="aot_eager", fullgraph=True)
    for _ in range(2):
        model.eval()
        torch.testing.assert_close(compiled(x), model(x))
        train(model.train(), made, range(3))
    torch.compiler.reset()
