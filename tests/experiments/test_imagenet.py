"""ImageNet on paper: the numbers of the data page are those of the function and its records."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from swatlib.experiments import imagenet
from swatlib.experiments.gpu import steps
from swatlib.records import Record, iterate_records, specification, write_record

ROOT = Path(__file__).parents[2]
RECORDS = ROOT / "data" / "records"
PAGE = (ROOT / "book" / "data.md").read_text(encoding="utf-8")
SECTION = PAGE.partition("## ImageNet, on paper")[2].partition("\n## ")[0]
NAMES = {"dense": "dense", "swat": "SWAT", "fst": "FST", "rigl": "RigL"}


def gpu_record(device: str, method: str, seconds: float, **changed: object) -> Record:
    """Return a record as a GPU would leave it."""
    run = next(
        run
        for run in steps(device)
        if (run.network, run.method) == ("resnet50", method) and run.precision == "bfloat16"
    )
    some = next(iterate_records(RECORDS / "imagenet-steps"))
    return replace(
        some,
        specification=specification(replace(run, **{"layout": "channels_last"} | changed)),
        metrics={"dense_seconds": seconds, "seconds": 2 * seconds, "ratio": 2.0},
        device=device,
    )


def test_hours_are_images_over_throughput() -> None:
    assert imagenet.hours(imagenet.IMAGES / 3600, epochs=5) == pytest.approx(5)
    assert imagenet.hours(100, ratio=1.5) == pytest.approx(1.5 * imagenet.hours(100))
    with pytest.raises(ValueError, match="images_per_second must be"):
        imagenet.hours(0)


def test_without_a_gpu_published_throughput_and_ratios_of_a_cpu(tmp_path: Path) -> None:
    (tmp_path / "imagenet-steps").symlink_to(RECORDS / "imagenet-steps")
    frame = imagenet.plan(tmp_path)
    assert list(frame["method"]) == list(NAMES)
    assert set(frame["device"]) == {"A100"}
    assert set(frame["ratio_from"]) == {"", "cpu"}
    assert frame["hours"][0] == imagenet.hours(2470)
    slower = imagenet.published_plan(tmp_path, "V100")["hours"] / frame["hours"]
    assert slower.to_numpy() == pytest.approx(2470 / 1200)
    with pytest.raises(ValueError, match="gpu must be one of A100, V100"):
        imagenet.published_plan(tmp_path, "abacus")
    with pytest.raises(FileNotFoundError, match="imagenet-steps"):
        imagenet.plan(tmp_path / "nowhere")


def test_with_a_gpu_its_own_steps(tmp_path: Path) -> None:
    (tmp_path / "gpu-steps").mkdir()
    for record in (
        gpu_record("H100", "swat", 0.032),
        gpu_record("H100", "swat", 9.0, precision="float32"),
        gpu_record("H200", "fst", 0.016),
    ):
        write_record(tmp_path / "gpu-steps", record)
    frame = imagenet.plan(tmp_path)
    found = frame.set_index(["device", "method"])["hours"]
    assert set(found.index) == {
        ("H100", "dense"),
        ("H100", "swat"),
        ("H200", "dense"),
        ("H200", "fst"),
    }
    assert found["H100", "dense"] == pytest.approx(imagenet.hours(64 / 0.032))
    assert found["H100", "swat"] == pytest.approx(2 * found["H100", "dense"])
    assert found["H200", "dense"] == pytest.approx(found["H100", "dense"] / 2)


def test_the_steps_were_measured_on_a_cpu() -> None:
    records = list(iterate_records(RECORDS / "imagenet-steps"))
    assert {record.device for record in records} == {"cpu"}
    assert {record.specification["device"] for record in records} == {"cpu"}


def test_the_page_has_the_hours() -> None:
    """Of the throughput published for both GPUs: no record of a GPU is needed for them."""
    rows = re.findall(r"^\* - (.+)\n((?:  - .+\n)+)", SECTION, re.MULTILINE)
    shown = {name: re.findall(r"  - (.+)", cells) for name, cells in rows}
    for name in NAMES:
        cells = shown[NAMES[name]]
        for column, gpu in enumerate(("A100", "V100"), start=1):
            frame = imagenet.published_plan(RECORDS, gpu).set_index("method").loc[name]
            assert cells[0] == f"{frame['ratio']:.2f}"
            assert cells[column] == f"{frame['hours']:.0f}"


def test_the_page_has_the_bytes() -> None:
    needed = imagenet.needed_bytes()
    for name, unit, text in (
        ("pixels", 1e9, "GB"),
        ("float32", 1e9, "GB"),
        ("weights", 1e6, "MB"),
        ("saved", 1e6, "MB"),
    ):
        assert f"{needed[name] / unit:.0f} {text}" in SECTION, name
    frame = imagenet.published_plan(RECORDS, "A100")
    assert f"{frame['runs'].sum()} records" in SECTION
    assert f"{(frame['hours'] * frame['runs']).sum():.0f} hours" in SECTION
    assert f"{imagenet.IMAGES:,}" in SECTION


def test_the_page_says_how_far_the_ratios_spread_and_how_slow_a_cpu_is() -> None:
    found = [record.metrics for record in iterate_records(RECORDS / "imagenet-steps")]
    ends = ("ratio_low", "ratio_high")
    spread = max(abs(one["ratio"] - one[end]) for one in found for end in ends)
    assert f"up to {spread:.2f} away" in SECTION
    fastest = min(one["dense_seconds"] for one in found)
    assert "more than a year" in SECTION
    assert imagenet.hours(4 / fastest) > 365 * 24
