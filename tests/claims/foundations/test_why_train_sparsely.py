"""What one pass alone can save, against numbers known from elsewhere."""

import pytest

from swatlib.claims.foundations import why_train_sparsely
from swatlib.claims.quantity import Quantity


def ours(*found: Quantity) -> list[float]:
    return [one.ours for one in found]


def test_limits_of_one_pass_alone() -> None:
    found = {one.name: one.ours for one in why_train_sparsely.both_passes()}
    # A third of the work is forward but for the first layer, which has no input gradient:
    # 118,013,952 of ResNet-18's 1,814,073,344 multiply-accumulates.
    forward, first = 1_814_073_344, 118_013_952
    dense = 3 * forward - first
    assert found["limit of the forward pass alone, ResNet-18"] == pytest.approx(
        dense / (dense - forward)
    )
    assert found["limit of the backward pass alone, ResNet-18"] == pytest.approx(dense / forward)


def test_backward_share_with_a_half_forward_pass() -> None:
    largest, whole, first = ours(*why_train_sparsely.srste_backward_share())
    assert largest == pytest.approx(80)  # 2 / 2.5
    forward, image = 1_814_073_344, 118_013_952
    backward = 2 * forward - image
    assert whole == pytest.approx(100 * backward / (backward + forward / 2), abs=1e-6)
    assert first == pytest.approx(100 / 1.5)
