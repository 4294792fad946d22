"""Recorded cycles and printed cells, by hand."""

import pytest

from swatlib.claims.counting_and_hardware.simulated import speedup


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
