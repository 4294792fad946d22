"""Memory, energy and sparse products in time."""

import pytest

from swatlib.experiments import measure_accelerator
from swatlib.experiments.measure_accelerator import LEVELS, csr_against_dense, slowdown


def test_a_layer_takes_the_longer_of_computing_and_moving() -> None:
    moved = [(10, 100.0), (10, 400.0)]
    assert slowdown(moved, 40) == 1
    assert slowdown(moved, 20) == (10 + 20) / 20
    with pytest.raises(ValueError, match="bandwidth"):
        slowdown(moved, 0)


def test_products_are_timed_against_dense(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure_accelerator, "RESNET18", ((8, 72, 16),))
    found = csr_against_dense(turns=2)["speedup"]
    assert list(found) == ["8 x 72 x 16"]
    assert list(found["8 x 72 x 16"]) == [f"{level:g}" for level in LEVELS]
    assert all(ratio > 0 for ratio in found["8 x 72 x 16"].values())


def test_a_small_network_waits_and_pays(monkeypatch: pytest.MonkeyPatch) -> None:
    from swatlib.simulator import Layer

    layer = Layer("3x3", 16, 16, (3, 3), padding=(1, 1), image=(8, 8))
    monkeypatch.setattr(measure_accelerator, "resnet50", lambda: [layer])
    found = measure_accelerator.memory_and_energy()
    times = found["slowdown"]["X9"]["0.8"]["two products, batch 1"]
    assert times["1 channels"] >= times["4 channels"] >= times["16 channels"] >= 1
    half, single = (found["energy"][p]["X9"]["0"] for p in ("16 bit", "32 bit"))
    assert single["DRAM"] == 2 * half["DRAM"]
    assert single["arithmetic"] == pytest.approx(half["arithmetic"] * 4.6 / 2.0)
    assert found["largest"]["weights"] == 2 * 16 * 16 * 9
