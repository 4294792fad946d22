"""What DSG's projections cost by count."""

import pytest
import torch

from swatlib.accounting import trace
from swatlib.accounting.projection import additions, projection_share


def test_share_by_hand() -> None:
    # First and last layer are left out: 12 x 6 weights, 4 x 12 entries of R, a third of them added.
    with torch.device("meta"):
        layers = torch.nn.Linear(7, 12), torch.nn.Linear(12, 6), torch.nn.Linear(6, 5)
    traced = trace(torch.nn.Sequential(*layers), (1, 7))
    x, w = 16, 6 * 16 / 10
    assert projection_share(traced, 1, 10, 4) == pytest.approx((x + w) / (3 * 72))
    assert projection_share(traced, 8, 10, 4) == pytest.approx((8 * x + w) / (8 * 3 * 72))


def test_a_convolution_projects_every_window_of_every_group() -> None:
    traced = trace(torch.nn.Conv2d(4, 6, 3, padding=1, groups=2), (1, 4, 5, 5))
    assert additions(traced.weighted[0], refresh=1, projection=3) == 18 * (25 * 2 + 6)


def test_there_must_be_something_to_project() -> None:
    with pytest.raises(ValueError, match="between the first and the last"):
        projection_share(trace(torch.nn.Linear(3, 2), (1, 3)))
    norm = trace(
        torch.nn.Sequential(torch.nn.Conv2d(2, 2, 1), torch.nn.BatchNorm2d(2)), (1, 2, 3, 3)
    )
    with pytest.raises(ValueError, match="layer must have a weight, got '1' of kind 'norm'"):
        additions(norm.layers[1])
