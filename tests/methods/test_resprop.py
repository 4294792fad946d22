"""ReSprop: its rows for convolutions and linear layers, its warm-up, and that it learns."""

import pytest
import torch

import swatlib
from swatlib.accounting import method_densities, trace
from swatlib.methods import Progress, method
from swatlib.methods.resprop import WarmUp, resprop, reused
from swatlib.models import build_network
from swatlib.selectors import Reuse
from swatlib.simulator import masks_of
from swatlib.testing.network import batch, made_sparse, network, optimizer_of, train
from swatlib.training import Run, train_run


def sparsities(model: torch.nn.Module) -> set[float]:
    return {
        layer.recipe.input_grad_gradient.sparsity
        for _, layer in swatlib.sparse_layers(model)
        if layer.recipe.input_grad_gradient is not None
    }


def test_the_rows() -> None:
    g = Reuse(0.9)
    made = method("resprop", 0.9)
    assert tuple(made.recipe.named().values()) == (None, None, None, g, None, g)
    assert not made.recipe.first_layer_dense
    assert made.linear is not None
    assert set(made.linear.named().values()) == {None}
    assert made.between == (WarmUp(0.9, 2),)
    assert resprop(0.9, warmup=0).between == ()
    rows = swatlib.report(swatlib.sparsify_(network(), made))
    reusing = rows["input_grad_gradient"] != "dense"
    assert rows["kind"][reusing].unique().tolist() == ["conv"]
    assert reusing.sum() == 3


def test_the_warm_up() -> None:
    assert [reused(epoch, 0.75) for epoch in range(10)] == [
        0, 0, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.75
    ]  # fmt: skip
    assert reused(0, 0.9, warmup=0) == 0.9
    made = resprop(0.45)
    model = made_sparse(made)
    made.start(model, lambda: torch.zeros(()))
    seen = []
    for step in range(12):
        seen.append(sparsities(model))
        made.after_step(model, optimizer_of(model), Progress(step, 12, 2))
    assert seen == [{s} for s in (0, 0, 0, 0, 0.2, 0.2, 0.3, 0.3, 0.4, 0.4, 0.45, 0.45)]


def test_the_first_epochs_are_dense_training() -> None:
    model, dense = made_sparse(resprop(0.9)), network()
    assert train(model, resprop(0.9), range(6)) == train(dense, swatlib.method("dense"), range(6))


def test_what_is_reused_is_left_out_of_the_count_and_of_the_simulation() -> None:
    made = resprop(0.9, warmup=0)
    shapes = trace(build_network("small_vgg", image=8), (1, 3, 8, 8))
    counted = method_densities("resprop", shapes, 0.9)
    for layer, density in zip(shapes.weighted, counted, strict=True):
        left = 1 if len(layer.weight) == 2 else pytest.approx(0.1)
        assert (density.forward, density.input_grad, density.weight_grad) == (1, left, left)
    model = made_sparse(made)
    train(model, made, range(40))
    x, y = batch(40)
    _, masks = masks_of(model, x, y)
    shares = [float(m.input_grad_gradient.mean()) for m in masks[:3]]
    assert all(0 < share < 0.6 for share in shares)


def test_what_does_not_go_together() -> None:
    with pytest.raises(ValueError, match="ramp must not be set for 'ReSprop'"):
        method("resprop", 0.5, ramp=0.5)
    with pytest.raises(ValueError, match="allocation needs a method with sparse forward weights"):
        method("resprop", 0.5, allocation="erk")
    with pytest.raises(ValueError, match=r"warmup must be .*got -1"):
        resprop(0.5, warmup=-1)


@pytest.mark.parametrize("warmup", [0, 2])
def test_digits_are_learnt(warmup: int) -> None:
    run = Run(
        width=8,
        epochs=4,
        images=600,
        batch_size=32,
        method="resprop",
        sparsity=0.5,
        options={"warmup": warmup},
    )
    found = train_run(run, "cpu")
    assert found["epochs"][-1]["train_loss"] < found["epochs"][0]["train_loss"]
    assert found["test_accuracy"] > 40
