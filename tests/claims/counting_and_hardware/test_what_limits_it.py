"""Rotation, waiting and energies by hand."""

import pytest

from swatlib.claims.claim import OPEN, SAME_DIRECTION
from swatlib.claims.counting_and_hardware.simulated import cycles, printed_speedup
from swatlib.claims.counting_and_hardware.what_limits_it import (
    CLAIMS,
    energy_bill,
    harmonic_mean,
    rotation_share,
    waiting,
)
from swatlib.claims.judge import judge

BY_NAME = {claim.id: claim for claim in CLAIMS}


def test_table_6_and_its_mean() -> None:
    # SWAT, NeurIPS 2020, Table 6.
    cells = [printed_speedup(p, s) for s in (0.8, 0.9) for p in ("forward", "backward")]
    assert cells == [3.3, 3.4, 5.6, 6.3]
    assert harmonic_mean(0.9) == pytest.approx(5.93, abs=0.005)
    assert harmonic_mean(0.8) == pytest.approx(3.35, abs=0.005)


def test_rotation_by_hand() -> None:
    # 25.5 million weights of 16 bits, read and written, over 25.6 bytes a cycle.
    moving = 2 * 25.5e6 * 2 / 25.6
    backward = cycles().loc[("X9", 0.9)].loc[["input_grad", "weight_grad"], "cycles"].sum()
    assert rotation_share(0.9, False, batch=1) == pytest.approx(moving / backward, rel=0.01)
    assert rotation_share(0.9, True) < rotation_share(0.9, False) < 0.05


def test_waiting_and_energy_are_recorded() -> None:
    times = waiting("X9", 0.9, "two products, batch 1")
    assert times["1 channels"] > times["4 channels"] > times["16 channels"] >= 1
    assert times["channels needed"] > 1
    # Arithmetic alone: 3.86 billion multiply-accumulates forward less, each 1.1 + 0.9 pJ.
    bill = {s: energy_bill("X9", s, "16 bit") for s in (0.0, 0.9)}
    assert bill[0.0]["arithmetic"] / bill[0.9]["arithmetic"] == pytest.approx(8.5, abs=0.1)
    wide = energy_bill("X9", 0.0, "32 bit")
    assert wide["arithmetic"] / bill[0.0]["arithmetic"] == pytest.approx(4.6 / 2.0)
    assert wide["DRAM"] == pytest.approx(2 * bill[0.0]["DRAM"])


def test_energies_of_the_source() -> None:
    # Horowitz, ISSCC 2014: 1.3 to 2.6 nJ for 64 bits; 3.7, 0.9 and 0.1 pJ.
    found = judge(BY_NAME["i-dram-three-orders"])
    word = (1300 * 2600) ** 0.5 / 2
    assert [q.ours for q in found.quantities] == pytest.approx(
        [word / 3.7, word / 0.9, word / 4.6, word / 0.1]
    )
    assert found.verdict == SAME_DIRECTION


def test_nothing_here_decides_about_gpus() -> None:
    found = judge(BY_NAME["f-unstructured-no-gpu"])
    assert found.verdict == OPEN
