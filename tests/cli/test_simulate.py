"""``swatlib simulate``: its JSON, and its one-line errors."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from swatlib.cli import main
from swatlib.models import build_network
from swatlib.simulator import generate, layers_of, save_masks

SMALL = ["simulate", "small_resnet", "--image", "8", "--channels", "1"]


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as left:
        main([*SMALL, *arguments])
    captured = capsys.readouterr()
    return int(left.value.code or 0), captured.out, captured.err


@pytest.mark.parametrize("pe", ["tcl", "scnn"])
def test_json(capsys: pytest.CaptureFixture[str], pe: str) -> None:
    code, out, _ = run(capsys, "--sparsity", "0.9", "--pe", pe, "--batch", "2", "--json")
    assert code == 0
    result = json.loads(out)
    fields = {"dense_cycles", "cycles", "ideal_cycles", "speedup", "speedup_vs_self", "energy_pj"}
    fields |= {
        "dram_read_bits",
        "dram_written_bits",
        "sram_read_bits",
        "sram_written_bits",
        "sram_pj",
        "dram_pj",
    }
    for product in ("forward", "input_grad", "weight_grad", "total"):
        assert fields <= set(result[product])
        assert 0 < result[product]["ideal_cycles"] <= result[product]["cycles"]
        ratio = result[product]["dense_cycles"] / result[product]["cycles"]
        assert result[product]["speedup"] == pytest.approx(ratio)
    layers = result["forward"]["layers"]
    assert sum(layer["cycles"] for layer in layers) == result["forward"]["cycles"]
    assert len(result["input_grad"]["layers"]) == len(layers) - 1


def test_text_names_the_products(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "--sparsity", "0.5", "--window", "T2,5", "--bandwidth", "25.6")
    assert code == 0
    assert all(word in out for word in ("forward", "input_grad", "weight_grad", "memory", "T2,5"))
    assert all(
        word in out for word in ("DRAM read", "written", "SRAM read", "arithmetic", "16-bit")
    )


def test_masks_of_a_user(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with torch.device("meta"):
        layers = layers_of(build_network("small_resnet", image=8, channels=1), (1, 1, 8, 8))
    path = tmp_path / "mine.npz"
    save_masks(path, layers, generate(layers, 0.9))
    _, mine, _ = run(capsys, "--masks", str(path), "--json")
    _, generated, _ = run(capsys, "--sparsity", "0.9", "--json")
    for product in ("forward", "input_grad", "weight_grad"):
        assert json.loads(mine)[product] == json.loads(generated)[product]

    np.savez(path, **{layer.name: np.ones(3) for layer in layers})
    code, out, err = run(capsys, "--masks", str(path))
    assert (code, out) == (2, "")
    assert f"layer '{layers[0].name}': the weight mask must have shape" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "either --sparsity or --masks"),
        (["--sparsity", "1.5"], "sparsity must be in [0, 1), got 1.5"),
        (["--sparsity", "0.9", "--window", "Q3"], "window must look like"),
        (["--sparsity", "0.9", "--pe", "tpu"], "pe must be tcl or scnn, got 'tpu'"),
        (["--sparsity", "0.9", "--pe", "scnn", "--tiles", "2"], "--tiles is for --pe tcl"),
        (["--sparsity", "0.9", "--batch", "0"], "batch must be at least 1"),
        (["--sparsity", "0.9", "--bandwidth", "0"], "bandwidth must be positive"),
        (["--masks", "none.npz"], "'none.npz' is not a readable .npz file"),
    ],
)
def test_bad_input_is_one_line_and_code_2(
    capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    code, out, err = run(capsys, *arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1
