"""Counts of Tables 2 and 3, against numbers that are known apart from the library."""

import pytest

from swatlib.claims.claim import SAME_DIRECTION
from swatlib.claims.counting_and_hardware.tables_2_and_3 import (
    CLAIMS,
    compression,
    harmonic_ratio,
    with_relu_zeros,
)
from swatlib.claims.judge import judge

BY_NAME = {claim.id: claim for claim in CLAIMS}


def test_arithmetic_on_table_2() -> None:
    # (43.0 / 10.3, 18.2 / 10.0) and (24.3 / 10.3, 16.7 / 10.0), harmonic means.
    assert harmonic_ratio("SNFS") == pytest.approx(2 / (10.3 / 43.0 + 10.0 / 18.2))
    assert harmonic_ratio("DST") == pytest.approx(1.956, abs=5e-4)
    less = judge(BY_NAME["n-t2-m-flops-33-22"])
    assert [q.ours for q in less.quantities] == pytest.approx([24.7, 18.0], abs=0.05)
    assert less.verdict == SAME_DIRECTION
    assert judge(BY_NAME["n-t2-m-more-than-dst-vgg"]).quantities[0].ours == pytest.approx(36 / 24.3)


def test_compression_with_and_without_batch_norm() -> None:
    found = compression("swat-table-2", "DenseNet-121", "SWAT-U", "90")
    assert found["weights"] == pytest.approx(10, rel=0.01)
    # 6,872,256 weights of which 2,916 in the first layer; 84,202 of batch norm and bias.
    assert found["all parameters"] == pytest.approx(9.0, abs=0.1)
    set_ = judge(BY_NAME["n-t3-compression"])
    assert set_.quantities[0].ours == pytest.approx(3.49, abs=0.005)
    assert set_.verdict == SAME_DIRECTION


def test_relu_zeros_bring_rigl_near_and_set_too_high() -> None:
    # Dense weight gradients: 54.3 and 48.6 %; the paper: 67.2 and 58.1 %.
    assert 54.3 + 10 < with_relu_zeros("rigl", "80") < 67.2
    assert with_relu_zeros("set", "80") > 58.1 + 1
