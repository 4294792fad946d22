"""The pieces for a GPU: what they cover, and whose records are whose."""

from pathlib import Path

import pytest

from swatlib.experiments import gpu
from swatlib.experiments.measure_steps import LAYOUTS, PRECISIONS
from swatlib.methods import METHODS
from swatlib.records import iterate_records, key, specification

RECORDS = Path(__file__).parents[2] / "data" / "records"
DEVICE = "NVIDIA H100 80GB HBM3"
MEASURED = tuple(name for name in gpu.PIECES if name != "training")


def keys(name: str, device: str = DEVICE, rehearse: bool = False) -> list[str]:
    return [key(specification(run)) for run in gpu.piece(name, device, rehearse)]


def test_every_method_is_measured_in_every_setting() -> None:
    found = {
        (run.method, run.precision, run.layout)
        for run in gpu.piece("steps", DEVICE)
        if run.network == "resnet18"
    }
    assert found == {(m, p, layout) for m in METHODS for p in PRECISIONS for layout in LAYOUTS}


def test_the_shapes_are_those_of_resnet_50_and_a_transformer() -> None:
    runs = gpu.piece("two-to-four", DEVICE)
    shapes = {(run.rows, run.inner, run.outputs) for run in runs}
    assert (64 * 56 * 56, 64, 256) in shapes  # layer1's 1x1 convolution
    assert (64 * 7 * 7, 512 * 9, 512) in shapes  # layer4's 3x3 convolution
    assert (128 * 64, 768, 3 * 768) in shapes  # query, key and value
    assert len(shapes) == len(runs)


def test_seeds_as_far_as_it_goes() -> None:
    runs = gpu.training("cifar10")
    first = [(run.method, run.sparsity) for run in runs if run.seed == 0]
    assert first == [("dense", 0.0), ("swat", 0.9), ("fst", 0.5), ("rigl", 0.9)]
    assert [run.seed for run in runs] == sorted(run.seed for run in runs)
    assert {(run.network, run.images, run.pixels) for run in runs} == {("resnet18", None, None)}


def real(name: str) -> set[str]:
    """Return the names of all records that a piece can have on one device."""
    if name != "training":
        return set(keys(name))
    sets = ("cifar10", "cifar10-jpeg75")
    return {key(specification(run)) for data in sets for run in gpu.training(data)}


@pytest.mark.parametrize("name", gpu.PIECES)
def test_a_rehearsal_never_passes_for_the_real_thing(name: str) -> None:
    """Even one on the same device."""
    runs = gpu.piece(name, DEVICE, rehearse=True)
    rehearsed = {key(specification(run)) for run in runs}
    assert rehearsed
    assert not real(name) & rehearsed


@pytest.mark.parametrize("name", MEASURED)
def test_what_is_measured_on_one_device_is_not_of_another(name: str) -> None:
    assert not set(keys(name)) & set(keys(name, "cpu"))


def test_a_rehearsal_has_every_method() -> None:
    runs = gpu.piece("steps", "cpu", rehearse=True)
    assert {run.method for run in runs} == set(METHODS)
    assert {(run.precision, run.layout) for run in runs} == {
        (p, layout) for p in PRECISIONS for layout in LAYOUTS
    }


def test_the_photographs_are_those_that_are_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ValueError, match=r"training must have cifar10-jpeg75 or cifar10.*not set"):
        gpu.piece("training", DEVICE)
    monkeypatch.setenv("SWATLIB_DATA", str(tmp_path))
    with pytest.raises(ValueError, match=f"which is {tmp_path}"):
        gpu.piece("training", DEVICE)
    (tmp_path / "cifar-10-binary.tar.gz").touch()
    assert gpu.photographs_here() == "cifar10"
    (tmp_path / "cifar10-jpeg75.tar").touch()
    assert gpu.photographs_here() == "cifar10-jpeg75"


def test_there_is_no_other_piece() -> None:
    with pytest.raises(ValueError, match="piece must be one of two-to-four, fst"):
        gpu.piece("everything", DEVICE)


@pytest.mark.parametrize("name", gpu.PIECES)
def test_committed_records_are_of_a_gpu_and_of_their_piece(name: str) -> None:
    folder = RECORDS / f"gpu-{name}"
    if not folder.is_dir():
        return  # no GPU was there yet
    for record in iterate_records(folder):
        assert record.device != "cpu"
        if name != "training":
            assert record.specification["device"] == record.device
            assert record.key in keys(name, record.device)
        else:
            assert record.key in real(name)
