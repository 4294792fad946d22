"""The measurement behind FST Figure 4, on a few small photographs."""

import numpy as np
import pytest
import torch
from PIL import Image

from swatlib.experiments import similarity as experiment
from swatlib.experiments.similarity import SimilarityRun, layer_inputs, look, measure, measured
from swatlib.models import build_network
from swatlib.records.sweep import sweep


@pytest.fixture
def photographs(tmp_path, monkeypatch) -> SimilarityRun:
    """Twenty smooth photographs of 16x16 pixels, in SWATLIB_DATA."""
    random = np.random.default_rng(0)
    (tmp_path / "few").mkdir()
    for i in range(20):
        ramp = np.add.outer(np.arange(16), np.arange(16))[..., None] * random.uniform(2, 8, 3)
        Image.fromarray(ramp.astype(np.uint8)).save(tmp_path / "few" / f"{i}.png")
    monkeypatch.setenv("SWATLIB_DATA", str(tmp_path))
    experiment._photographs.cache_clear()
    return SimilarityRun("few", pixels=16, images=20, controls=20)


@pytest.mark.parametrize(
    ("name", "layers"),
    [
        ("small_resnet", ["conv1", "layer1.0.conv1", "layer2.0.conv1", "layer3.0.conv1"]),
        ("small_vgg", ["conv1", "stage1.0", "stage2.1", "stage3.1"]),
    ],
)
def test_layer_inputs_are_those_of_the_stages(name, layers):
    model = build_network(name, image=16).eval()
    x = torch.randn(2, 3, 16, 16)
    with layer_inputs(model) as found:
        model(x)
    assert list(found) == layers
    assert torch.equal(found["conv1"], x)
    assert not any(module._forward_pre_hooks for module in model.modules())


def test_estimates_of_the_image_itself():
    """The first layer's input is the image, so its rows are what the functions say of it."""
    x = torch.rand(40, 3, 16, 16)
    rows = measure(build_network("small_resnet", image=16).eval(), x, controls=20, seed=0)
    first = {row["estimate"]: row for row in rows if row["layer"] == "conv1"}
    assert set(first) == {"plug-in", "plug-in, controls", "miller-madow", "scattered", "shuffled"}
    assert first["plug-in"]["images"] == 40
    assert first["shuffled"]["images"] == 20
    assert first["plug-in"]["pairs"] == 3 * 16 * 15
    whole = experiment.column_similarity(x)
    assert first["plug-in"]["similarity"] == pytest.approx(whole.similarity, abs=1e-5)
    part = experiment.column_similarity(x[:20])
    assert first["plug-in, controls"]["entropy"] == pytest.approx(part.entropy, abs=1e-5)
    assert first["plug-in"]["zeros"] == 0
    assert abs(first["plug-in"]["correlation"]) < 0.1
    # Noise: nothing but bias, in all of them.
    for name in ("scattered", "shuffled"):
        got, plain = first[name]["similarity"], first["plug-in, controls"]["similarity"]
        assert got == pytest.approx(plain, rel=0.05)


def test_a_look_is_repeatable_and_knows_smooth_from_noise(photographs):
    first, second = look(photographs), look(photographs)
    assert first == second
    rows = {(r["input"], r["layer"], r["estimate"]): r for r in first["rows"]}
    correlation = [
        rows[name, "conv1", "plug-in"]["correlation"]
        for name in ("photographs", "scattered photographs", "white noise")
    ]
    assert correlation[0] > 0.8
    assert abs(correlation[2]) < 0.1


@pytest.mark.parametrize(("images", "controls"), [(500, 30), (500, 10), (500, 0), (20, 40)])
def test_controls_are_whole_batches_of_the_images(images, controls):
    """Estimates with and without a control must average over the same images."""
    with pytest.raises(ValueError, match=f"controls must be .*got {controls}"):
        SimilarityRun(images=images, controls=controls)


def test_photographs_that_are_not_there(photographs):
    with pytest.raises(FileNotFoundError, match="photographs 'none' are not in SWATLIB_DATA"):
        look(SimilarityRun("none"))


def test_records_are_read_row_by_row(photographs, tmp_path):
    """One row per layer, input and estimate, with what the run was."""
    sweep([photographs], tmp_path / "records", progress=False)
    frame = measured(tmp_path / "records")
    assert set(frame["estimate"]) >= {"plug-in", "miller-madow", "scattered", "shuffled"}
    assert len(frame) == 3 * 4 * 5  # inputs, layers, estimates
    assert set(frame["network"]) == {"small_resnet"}
