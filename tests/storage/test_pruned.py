"""A pruned model predicts what it did, to the bit; its file is small, and read with suspicion."""

import copy
import json
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from swatlib.methods import Recipe, asp, dense, fst, meprop, saw, sr_ste, swat, tsm
from swatlib.models import build_network
from swatlib.selectors import RandomK
from swatlib.storage.pruned import FORMAT, MANIFEST, load_pruned, prune_, save_pruned
from swatlib.surgery.sparsify import densify_, report, sparsify_


def trained(model: nn.Module, x: Tensor, steps: int = 3) -> nn.Module:
    """Train for a few steps, so that batch norms and kept thresholds have seen something."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    for _ in range(steps):
        optimizer.zero_grad()
        model(x).square().mean().backward()
        optimizer.step()
    return model.eval()


def small() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Conv2d(8, 8, 3, groups=2, stride=2),
        nn.Flatten(),
        nn.Linear(8 * 9, 5),
    )


def batch() -> Tensor:
    return torch.randn(4, 3, 8, 8)


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last], ids=str)
@pytest.mark.parametrize("sparsity", [0.5, 0.95])
@pytest.mark.parametrize("name", ["small_resnet", "small_vgg", "small_densenet"])
def test_predictions_are_identical(name: str, sparsity: float, memory_format: Any) -> None:
    x = batch().to(memory_format=memory_format)
    model = sparsify_(build_network(name, image=8), swat(sparsity)).to(memory_format=memory_format)
    expected = trained(model, x, 1)(x)
    active = report(model)["active"].tolist()
    prune_(model)
    assert torch.equal(model(x), expected)
    # And without any sparse layer: what is left is an ordinary network with zeros in it.
    densify_(model)
    assert torch.equal(model(x), expected)
    layers = report(model)["layer"]
    kept = [int(model.get_submodule(layer).weight.count_nonzero()) for layer in layers]  # type: ignore[operator, union-attr]
    assert kept == active


@pytest.mark.parametrize(
    "recipe",
    [
        swat(0.8, exact=True),
        swat(0.8, over="CHW"),
        swat(0.8, period=2),
        swat(0.8, first_layer_dense=False),
        fst(),
        sr_ste(),
        asp(),
        tsm(),
    ],
    ids=str,
)
def test_every_recipe_with_sparse_forward_weights(recipe: Recipe) -> None:
    x, model = batch(), sparsify_(small(), recipe)
    expected = trained(model, x)(x)
    bias = copy.deepcopy(model[3].bias)  # type: ignore[index]
    prune_(prune_(model))
    assert torch.equal(model(x), expected)
    assert torch.equal(densify_(model)(x), expected)
    assert torch.equal(model[3].bias, bias)  # type: ignore[index]


def test_a_shared_layer_is_pruned_once() -> None:
    shared = nn.Linear(6, 6)
    model = sparsify_(nn.Sequential(nn.Linear(6, 6), shared, nn.ReLU(), shared), swat(0.9))
    x = torch.randn(3, 6)
    expected = model(x)
    assert torch.equal(prune_(model)(x), expected)


# The file


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("pruned_before", [False, True])
def test_a_file_restores_the_predictions(
    tmp_path: Path, dtype: torch.dtype, pruned_before: bool
) -> None:
    x, model = batch().to(dtype), sparsify_(small().to(dtype), swat(0.8))
    expected = trained(model, x)(x)
    if pruned_before:
        prune_(model)
    state = copy.deepcopy(model.state_dict())
    save_pruned(tmp_path / "a", model)
    # Saving changes nothing.
    assert all(torch.equal(a, state[key]) for key, a in model.state_dict().items())
    for other in (small().to(dtype), sparsify_(small().to(dtype), swat(0.8))):
        assert load_pruned(tmp_path / "a", other) is other
        assert torch.equal(other.eval()(x), expected)
    pruned = prune_(model).state_dict()
    assert all(torch.equal(a, pruned[key]) for key, a in other.state_dict().items())
    assert list(tmp_path.iterdir()) == [tmp_path / "a"]


def test_channels_last_reads_the_same_file(tmp_path: Path) -> None:
    model = sparsify_(small(), swat(0.8)).eval()
    save_pruned(tmp_path / "a", model)
    save_pruned(tmp_path / "b", model.to(memory_format=torch.channels_last))  # type: ignore[call-overload]
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    other = small().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    assert torch.equal(load_pruned(tmp_path / "a", other)[3].weight, prune_(model)[3].weight)  # type: ignore[index]


def test_the_file_is_as_its_description_says(tmp_path: Path) -> None:
    model = sparsify_(small(), swat(0.8))
    save_pruned(tmp_path / "a", model)
    weight = prune_(model)[5].weight.detach().numpy()  # type: ignore[index]
    with ZipFile(tmp_path / "a") as archive:
        manifest = json.loads(archive.read(MANIFEST))
        mask = np.unpackbits(
            np.frombuffer(archive.read("5.weight.mask"), np.uint8), count=360, bitorder="little"
        )
        values = np.frombuffer(archive.read("5.weight"), "<f4")
        assert archive.testzip() is None
    assert manifest["format"] == FORMAT
    assert list(manifest["tensors"]) == list(model.state_dict())
    assert manifest["tensors"]["5.weight"] == {"dtype": "float32", "shape": [5, 72], "active": 72}
    assert manifest["tensors"]["0.weight"]["active"] is None
    assert np.array_equal(mask.reshape(5, 72) != 0, weight != 0)
    assert np.array_equal(values, weight[weight != 0])


def test_sparser_is_smaller(tmp_path: Path) -> None:
    sizes = []
    for sparsity in (0.5, 0.9, 0.98):
        model = sparsify_(build_network("small_resnet", image=8), swat(sparsity))
        save_pruned(tmp_path / "a", model)
        sizes.append((tmp_path / "a").stat().st_size)
    weights = 4 * sum(p.numel() for p in model.parameters())
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] < 0.6 * weights
    assert sizes[1] < 0.2 * weights
    assert sizes[2] < 0.1 * weights


def test_an_old_file_stays_if_writing_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = sparsify_(small(), swat(0.8))
    save_pruned(tmp_path / "a", model)
    before = (tmp_path / "a").read_bytes()

    def fail(*arguments: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("swatlib.storage.pruned._write", fail)
    with pytest.raises(OSError, match="disk full"):
        save_pruned(tmp_path / "a", sparsify_(small(), swat(0.5)))
    assert (tmp_path / "a").read_bytes() == before
    assert list(tmp_path.iterdir()) == [tmp_path / "a"]


# What is wrong is told


@pytest.mark.parametrize("recipe", [None, dense(), saw(0.9), meprop(0.9)], ids=str)
def test_a_model_without_sparse_forward_weights(recipe: Recipe | None, tmp_path: Path) -> None:
    model = small()
    if recipe:
        sparsify_(model, recipe)
    why = f"its recipe is {recipe.name}" if recipe else "it is dense"
    with pytest.raises(ValueError, match=f"sparse forward weights, but {why}"):
        prune_(model)
    with pytest.raises(ValueError, match="sparse forward weights"):
        save_pruned(tmp_path / "a", model)
    assert not list(tmp_path.iterdir())


def test_weights_drawn_anew_cannot_be_pruned() -> None:
    model = sparsify_(small(), Recipe("random", forward_weight=RandomK(0.5)))
    with pytest.raises(ValueError, match=r"layer '3' draws its active weights anew .*RandomK 0\.5"):
        prune_(model)


def test_no_model() -> None:
    with pytest.raises(TypeError, match=r"must be an nn\.Module, got"):
        prune_({})  # type: ignore[arg-type]


def test_another_models_file(tmp_path: Path) -> None:
    save_pruned(tmp_path / "a", sparsify_(small(), swat(0.8)))
    wider = small()
    wider[5] = nn.Linear(72, 6)  # type: ignore[index]
    cases = {
        r"5\.weight is float32 \[5, 72\] there and float32 \[6, 72\] here": wider,
        r"0\.weight is float32 .* there and float64": small().double(),
        r"5\.weight is float32 \[5, 72\] there and missing here": small()[:5],  # type: ignore[index]
        r"6\.weight is missing there": nn.Sequential(*small(), nn.Linear(5, 5)),  # type: ignore[arg-type]
    }
    for message, model in cases.items():
        before = copy.deepcopy(model.state_dict())
        with pytest.raises(ValueError, match=f"holds another model: {message}"):
            load_pruned(tmp_path / "a", model)
        assert all(torch.equal(a, before[key]) for key, a in model.state_dict().items())


def test_a_damaged_file_never_loads_by_half(tmp_path: Path) -> None:
    model = sparsify_(small(), swat(0.8))
    good = tmp_path / "good"
    save_pruned(good, model)
    content, expected = good.read_bytes(), prune_(model).state_dict()
    bad = tmp_path / "bad"
    torch.manual_seed(1)
    refused = 0
    damaged = [content[:n] for n in range(0, len(content), len(content) // 40)]
    for place in torch.randint(len(content), (150,)).tolist():
        damaged.append(content[:place] + bytes([content[place] ^ 0x55]) + content[place + 1 :])
    for wrong in damaged:
        bad.write_bytes(wrong)
        other = small()
        before = copy.deepcopy(other.state_dict())
        message = ""
        try:
            load_pruned(bad, other)
        except ValueError as error:
            message = str(error)
        refused += str(bad) in message
        # A byte that means nothing, such as a date, may differ: the checksums cover the rest.
        after = before if message else expected
        assert all(torch.equal(a, after[key]) for key, a in other.state_dict().items())
    assert refused > 150


def rewritten(source: Path, target: Path, name: str, content: bytes) -> Path:
    """Copy an archive with one member replaced."""
    with ZipFile(source) as old, ZipFile(target, "w", ZIP_DEFLATED) as new:
        for member in old.namelist():
            new.writestr(member, content if member == name else old.read(member))
    return target


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("5.weight", b"\0" * 10**6, "5.weight has 1000000 bytes, 288 expected"),
        ("5.weight.mask", b"\xff" * 45, "5.weight has 360 active entries, 72 expected"),
        ("5.weight.mask", b"", "5.weight.mask has 0 bytes, 45 expected"),
        (MANIFEST, b"[" * 10**5, "damaged"),
        (MANIFEST, b"{}", "'format'"),
        (MANIFEST, b'{"format": "mine"}', "format must be 'swatlib pruned model 1', got 'mine'"),
        (MANIFEST, json.dumps({"format": FORMAT, "tensors": 3}).encode(), "damaged"),
        (MANIFEST, b" " * (2**24 + 1), "manifest.json has 16777217 bytes"),
    ],
)
def test_files_made_up(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    save_pruned(tmp_path / "good", sparsify_(small(), swat(0.8)))
    bad = rewritten(tmp_path / "good", tmp_path / "bad", name, content)
    with pytest.raises(ValueError, match="damaged") as caught:
        load_pruned(bad, small())
    assert message in str(caught.value)


def test_other_files(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load_pruned(tmp_path / "none", small())
    torch.save(small().state_dict(), tmp_path / "torch")
    np.savez(tmp_path / "numpy.npz", a=np.ones(3))
    (tmp_path / "text").write_text("hello")
    for name in ("torch", "numpy.npz", "text"):
        with pytest.raises(ValueError, match="damaged or holds no pruned model"):
            load_pruned(tmp_path / name, small())
