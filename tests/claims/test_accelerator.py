"""Claims about the accelerator: printed cells, baselines, identities and energies by hand."""

import pytest
import torch
from torch.nn import functional

from swatlib.accounting import Layer
from swatlib.claims import accelerator
from swatlib.claims.accelerator import (
    CLAIMS,
    cycles,
    effectual_ratio,
    energy_bill,
    harmonic_mean,
    printed_speedup,
    rotated_input_gradient,
    rotation_error,
    rotation_share,
    speedup,
    waiting,
)
from swatlib.claims.claim import OPEN, REPRODUCED, SAME_DIRECTION
from swatlib.claims.judge import judge

BY_NAME = {claim.id: claim for claim in CLAIMS}


def test_table_6_and_its_mean() -> None:
    # SWAT, NeurIPS 2020, Table 6.
    cells = [printed_speedup(p, s) for s in (0.8, 0.9) for p in ("forward", "backward")]
    assert cells == [3.3, 3.4, 5.6, 6.3]
    assert harmonic_mean(0.9) == pytest.approx(5.93, abs=0.005)
    assert harmonic_mean(0.8) == pytest.approx(3.35, abs=0.005)


@pytest.mark.parametrize(
    ("machine", "sparsity", "product", "expected"),
    [
        # A prototype that shares no code with the simulator.
        ("T2,5", 0.8, "forward", 2.27),
        ("T2,5", 0.9, "input_grad", 2.79),
        ("X9", 0.8, "forward", 3.51),
        ("X9", 0.8, "input_grad", 3.77),
        ("X9", 0.9, "forward", 5.45),
        ("X9", 0.9, "input_grad", 6.21),
        ("inf", 0.9, "forward", 5.93),
    ],
)
def test_recorded_speedups(machine: str, sparsity: float, product: str, expected: float) -> None:
    assert speedup(machine, sparsity, (product,)) == pytest.approx(expected, rel=0.01)


def test_a_common_dense_machine_takes_half_of_scnns_gain() -> None:
    found = cycles()
    dense = {m: found.loc[(m, 0.9)]["dense_cycles"].drop("total").sum() for m in ("X9", "scnn")}
    assert dense["scnn"] == pytest.approx(22.9e6, rel=0.01)
    assert dense["X9"] == pytest.approx(12.3e6, rel=0.01)
    three = ("forward", "input_grad", "weight_grad")
    assert speedup("scnn", 0.9, three) == pytest.approx(5.2, abs=0.05)
    assert speedup("scnn", 0.9, three, "common") == pytest.approx(2.8, abs=0.05)
    assert judge(BY_NAME["n-t6-common-dense"]).verdict == SAME_DIRECTION


def test_table_6_verdicts_follow_from_the_margin(monkeypatch: pytest.MonkeyPatch) -> None:
    assert judge(BY_NAME["n-t6-forward"]).verdict == REPRODUCED
    backward = judge(BY_NAME["n-t6-backward"])
    assert backward.verdict == SAME_DIRECTION
    off = [q.name for q in backward.quantities if not q.holds]
    assert all("X9, 80%" in name for name in off)
    # The published window, with its ceiling of 3, in place of the others.
    monkeypatch.setattr(accelerator, "MACHINES", ("T2,5",))
    assert not any(q.holds for q in judge(BY_NAME["n-t6-forward"]).quantities)


def test_a_machine_without_records_leaves_the_claim_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accelerator, "MACHINES", ("X7",))
    found = judge(BY_NAME["n-t6-forward"])
    assert found.verdict == OPEN
    assert "X7" in found.missing[0]


@pytest.mark.parametrize(("kernel", "stride", "size"), [(1, 1, 5), (3, 1, 6), (3, 2, 7), (7, 2, 8)])
def test_rotation_gives_autograds_gradient(kernel: int, stride: int, size: int) -> None:
    padding = kernel // 2
    torch.manual_seed(0)
    x = torch.randn(2, 3, size, size, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(4, 3, kernel, kernel, dtype=torch.float64)
    y = functional.conv2d(x, weight, stride=stride, padding=padding)
    gradient = torch.randn_like(y)
    y.backward(gradient)
    ours = rotated_input_gradient(weight, gradient, stride, padding, (size, size))
    torch.testing.assert_close(ours, x.grad)
    if kernel > 1:
        turned = rotated_input_gradient(weight.flip(2), gradient, stride, padding, (size, size))
        assert not torch.allclose(turned, x.grad)


def test_rotation_error_covers_both_strides() -> None:
    layers = (
        Layer("a", "conv", (4, 3, 3, 3), (1, 3, 6, 6), (1, 4, 6, 6)),
        Layer("b", "conv", (4, 3, 3, 3), (1, 3, 6, 6), (1, 4, 3, 3)),
        Layer("c", "linear", (4, 3), (1, 3), (1, 4)),
    )
    assert rotation_error(layers) == {"stride 1": 0.0, "stride 2": 0.0}


def test_rotation_by_hand() -> None:
    # 25.5 million weights of 16 bits, read and written, over 25.6 bytes a cycle.
    moving = 2 * 25.5e6 * 2 / 25.6
    backward = cycles().loc[("X9", 0.9)].loc[["input_grad", "weight_grad"], "cycles"].sum()
    assert rotation_share(0.9, False, batch=1) == pytest.approx(moving / backward, rel=0.01)
    assert rotation_share(0.9, True) < rotation_share(0.9, False) < 0.05


def test_effectual_ratio_is_utilisation_of_a_dense_machine_kept_full() -> None:
    found = cycles().loc[("X9", 0.9, "forward")]
    literal = found["dense_cycles"] / found["ideal_cycles"]
    assert effectual_ratio("X9", 0.9, ("forward",)) == pytest.approx(
        speedup("X9", 0.9, ("forward",)) / literal, rel=0.03
    )


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
