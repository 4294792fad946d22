"""Small-dense: a run builds the smaller network, all of it dense."""

import pytest

import swatlib
import swatlib.models
from swatlib.data import load
from swatlib.training import Run, build, train_run


def test_the_run_builds_it() -> None:
    run = Run(width=8, method="small-dense", sparsity=0.5)
    dataset = load("digits", images=100)
    model = build(run, dataset)
    static = build(Run(width=8, method="static", sparsity=0.5), dataset)
    zero = sum(
        int((~swatlib.active_mask(layer)).sum()) for _, layer in swatlib.sparse_layers(static)
    )
    wanted = sum(p.numel() for p in static.parameters()) - zero
    assert sum(p.numel() for p in model.parameters()) == pytest.approx(wanted, rel=0.01)
    assert all(swatlib.active_mask(layer).all() for _, layer in swatlib.sparse_layers(model))


def test_a_model_that_is_built_already_stays_as_large_and_a_warning_says_so() -> None:
    model = swatlib.models.build_network("small_vgg", image=8)
    before = sum(p.numel() for p in model.parameters())
    with pytest.warns(UserWarning, match=r"small-dense leaves the model .* smaller=0\.5\) does"):
        swatlib.sparsify_(model, swatlib.method("small-dense", 0.5))
    assert sum(p.numel() for p in model.parameters()) == before


def test_it_is_on_the_command_line() -> None:
    from typer.testing import CliRunner

    from swatlib.cli import app

    row = ["--method", "small-dense", "--sparsity", "0.5"]
    small = ["--epochs", "1", "--images", "100", "--width", "8"]
    trained = CliRunner().invoke(app, ["train", *row, *small])
    assert trained.exit_code == 0, trained.output
    counted = CliRunner().invoke(app, ["account", "small_vgg", "--image", "8", *row])
    assert counted.exit_code == 0, counted.output
    assert "training FLOPs saved               49.61 %" in counted.output


def test_bad_values() -> None:
    with pytest.raises(ValueError, match="pretrain_epochs must not be set for 'small-dense'"):
        swatlib.method("small-dense", 0.5, pretrain_epochs=1)
    with pytest.raises(ValueError, match="is more than a recipe"):
        swatlib.recipe("small-dense", 0.5)


def test_digits_are_learnt() -> None:
    run = Run(width=8, epochs=2, images=600, batch_size=64, method="small-dense", sparsity=0.5)
    found = train_run(run, "cpu")
    assert found["epochs"][-1]["train_loss"] < found["epochs"][0]["train_loss"]
    assert found["test_accuracy"] > 30
