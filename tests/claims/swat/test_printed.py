"""Rows and sentences as the papers print them."""

import pytest

from swatlib.claims.swat.printed import printed_change, printed_changes, printed_row, stated


def test_a_row_and_its_change() -> None:
    # SWAT, NeurIPS 2020, Table 3: SWAT-U at 80 % on ResNet-50.
    assert printed_row("swat-table-3", "ResNet-50", "SWAT-U", "80")["accuracy"] == 75.2
    assert printed_change("swat-table-3", "ResNet-50", "SWAT-U", "80") == pytest.approx(-1.6)
    assert "ResNet-50 -1.60 (80 %)" in printed_changes("swat-table-3", "SWAT-U")


def test_numbers_of_the_submission_are_found_by_network_and_method() -> None:
    # Section 3.2 on Figure 5: what SWAT at 70 % loses on ImageNet.
    found = stated("Figure 5", "accuracy_loss_imagenet", "70")
    assert found["ResNet-18", "SWAT"] == 1.52
