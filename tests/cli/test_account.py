"""``swatlib account``: figures, JSON keys, one-line errors with exit code 2."""

import json
from collections.abc import Callable

import pytest

from swatlib.cli import main

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as stop:
            main(["account", *arguments])
        return (stop.value.code, *capsys.readouterr())

    return call


def test_json(run: Run) -> None:
    code, out, err = run(
        "resnet50", "--image", "224", "--classes", "1000", "--sparsity", "0.8", "--json"
    )
    assert (code, err) == (0, "")
    report = json.loads(out)
    # SWAT (NeurIPS 2020), Table 3, ResNet-50, SWAT-U at 80 %.
    assert report["train_flops_reduction"] == pytest.approx(76.1, abs=0.1)
    assert report["inference_flops_reduction"] == pytest.approx(77.7, abs=0.1)
    assert report["activation_reduction"] == pytest.approx(39.2, abs=0.1)
    assert report["model_compression"] == pytest.approx(5.0, abs=0.05)
    assert report["weight_sparsity"] == pytest.approx(80, abs=0.1)
    assert report["activation_sparsity"] == pytest.approx(80, abs=0.1)
    first = report["layers"][0]
    assert first["layer"] == "conv1"
    assert first["weight_shape"] == [64, 3, 7, 7]
    assert first["forward_dense"] == 64 * 3 * 49 * 112 * 112


def test_table(run: Run) -> None:
    code, out, _ = run("small_vgg", "--image", "8", "--method", "saw", "--sparsity", "0.5")
    assert code == 0
    assert "training FLOPs saved" in out
    assert "stage3.4" in out


def test_structured_says_how_many_channels_each_filter_keeps(run: Run) -> None:
    _, out, _ = run("resnet18", "--sparsity", "0.6", "--structured", "--json")
    layers = {row["layer"]: row for row in json.loads(out)["layers"]}
    assert (layers["conv1"]["channels"], layers["conv1"]["kept_channels"]) == (3, 3)
    assert layers["layer1.0.conv1"]["kept_channels"] == 26  # ceil(0.4 * 64)


def test_batch_scales_work_but_not_reductions(run: Run) -> None:
    one, four = (
        json.loads(run("small_vgg", "--sparsity", "0.5", "--batch", b, "--json")[1])
        for b in ("1", "4")
    )
    assert four["train_flops_reduction"] == one["train_flops_reduction"]
    assert four["layers"][0]["forward"] == 4 * one["layers"][0]["forward"]


def test_activations_may_differ(run: Run) -> None:
    options = ("resnet50", "--image", "224", "--classes", "1000", "--method", "swat-erk")
    report = json.loads(run(*options, "--sparsity", "0.8", "--natural-zeros", "0.5", "--json")[1])
    assert report["activation_sparsity"] > 50
    report = json.loads(run("small_vgg", "--sparsity", "0.8", "--act-sparsity", "0.5", "--json")[1])
    assert report["activation_sparsity"] == pytest.approx(50)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["resnet19", "--sparsity", "0.5"], "name must be one of"),
        (["resnet18"], "sparsity is needed for method swat-u"),
        (["resnet18", "--sparsity", "1"], "sparsity must be in [0, 1), got 1.0"),
        (["resnet18", "--sparsity", "nan"], "sparsity must be in [0, 1), got nan"),
        (["resnet18", "--sparsity", "0.5", "--act-sparsity", "2"], "act-sparsity must be in"),
        (["resnet18", "--sparsity", "0.5", "--method", "x"], "method must be one of dense"),
        (["resnet18", "--sparsity", "0.5", "--method", "dst"], "known only after training"),
        (["resnet18", "--sparsity", "0.5", "--convention", "x"], "convention must be one of"),
        (["resnet18", "--sparsity", "0.5", "--batch", "0"], "batch must be at least 1"),
        (["resnet18", "--sparsity", "0.5", "--natural-zeros", "1"], "natural-zeros must be in"),
        (["vgg16", "--sparsity", "0.5", "--image", "16"], "image must be at least 32 for vgg16"),
        (
            ["resnet18", "--sparsity", "0.5", "--method", "rigl", "--act-sparsity", "0.5"],
            "act-sparsity does not apply",
        ),
        (
            ["resnet18", "--sparsity", "0.5", "--method", "saw", "--structured"],
            "structured needs method swat-u or swat-erk",
        ),
    ],
)
def test_bad_input_is_one_line_and_code_2(run: Run, arguments: list[str], message: str) -> None:
    code, out, err = run(*arguments)
    assert code == 2
    assert out == ""
    assert err.startswith("error: ")
    assert message in err
    assert err.count("\n") == 1
