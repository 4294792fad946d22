"""The command gpu: its rehearsal here, and what it says without a GPU or data."""

from pathlib import Path

import pytest
import torch
from command_line import call, errs

from swatlib.experiments import gpu
from swatlib.records import iterate_records

without = pytest.mark.skipif(torch.cuda.is_available(), reason="about a machine without a GPU")


@pytest.fixture(autouse=True)
def _really_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The toy experiments of the other commands are none of this one's."""
    from swatlib.records import sweep

    monkeypatch.setattr(sweep, "own_train", lambda: sweep._own)


@without
def test_without_a_gpu_it_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    code, line = errs(capsys, "gpu")
    assert code == 2
    assert line == (
        "error: gpu needs a CUDA device and finds none; without one: swatlib gpu --rehearse"
    )


def test_a_rehearsal_goes_on_where_it_stopped(tmp_path: Path) -> None:
    more = ("two-to-four", "training", "--rehearse", "--records", str(tmp_path / "apart"))
    code, output = call("gpu", *more, "--minutes", "0.0001")
    assert code == 0
    assert output.splitlines()[-1].endswith("left: call it again")
    code, output = call("gpu", *more)
    assert code == 0
    assert "0 left, 0 failed" in output.splitlines()[0]
    assert "again" not in output
    for name in ("two-to-four", "training"):
        folder = tmp_path / "apart" / f"gpu-{name}"
        assert len(list(iterate_records(folder))) == len(gpu.piece(name, "cpu", rehearse=True))
    _, output = call("gpu", *more)
    assert output.count("0 computed") == 2


@pytest.mark.slow
def test_the_whole_rehearsal() -> None:
    code, output = call("gpu", "--rehearse")
    assert code == 0
    lines = output.splitlines()
    assert [line.partition(":")[0] for line in lines] == list(gpu.PIECES)
    assert all("0 left, 0 failed" in line and "rehearsal" in line for line in lines)


def test_its_records_are_never_among_the_books(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("swatlib.cli.gpu.records_root", lambda: tmp_path)
    for folder in (tmp_path, tmp_path / "gpu-steps"):
        code, line = errs(capsys, "gpu", "--rehearse", "--records", str(folder))
        assert code == 2
        assert "records must not be among the book's in a rehearsal" in line


def test_a_gpu_without_photographs_is_told_before_anything_is_computed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "a GPU")
    monkeypatch.setattr("swatlib.cli.gpu.records_root", lambda: tmp_path)
    code, line = errs(capsys, "gpu")
    assert code == 2
    assert line == (
        "error: training must have cifar10-jpeg75 or cifar10 in SWATLIB_DATA, which is not set"
    )
    assert not list(tmp_path.iterdir())


def test_what_is_no_piece_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    code, line = errs(capsys, "gpu", "everything", "--rehearse")
    assert code == 2
    assert "piece must be one of two-to-four, fst, steps, memory, training" in line
