"""Random windows over noise: what is known in closed form."""

import pytest
import torch

from swatlib.experiments.measure_similarity import DEPTH, SEEDS, kernel_windows, through_windows
from swatlib.experiments.measurements import MEASUREMENTS


@pytest.fixture
def noise() -> torch.Tensor:
    return torch.randn(4, 3, 24, 24, generator=torch.Generator().manual_seed(0))


def test_single_pixels_leave_noise_as_it_is(noise):
    rows = through_windows(noise, kernel=1, stride=1, seed=0)
    assert [row["depth"] for row in rows] == list(range(DEPTH + 1))
    assert all(abs(row["correlation"]) < 0.05 for row in rows)


def test_overlapping_windows_make_neighbours_alike(noise, monkeypatch):
    """With equal weights two neighbours share six of nine pixels: a correlation of 2/3."""
    real = torch.nn.Conv2d

    def equal(*args, **named):
        layer = real(*args, **named)
        torch.nn.init.ones_(layer.weight)
        return layer

    monkeypatch.setattr(torch.nn, "Conv2d", equal)
    # Shifted upwards, so that the ReLU changes nothing.
    first = through_windows(noise + 10, kernel=3, stride=1, seed=0)[1]
    assert first["size of correlation"] > 0.6
    assert first["neighbours"] > 0


def test_the_measurement_has_every_row(monkeypatch):
    monkeypatch.setattr(
        "swatlib.experiments.measure_similarity.through_windows",
        lambda x, kernel, stride, seed: [{"depth": 0, "correlation": float(len(x))}],
    )
    rows = kernel_windows()["rows"]
    assert len(rows) == 2 * 2 * 2 * SEEDS
    assert rows[0]["correlation"] == 40
    assert MEASUREMENTS["kernel-windows"] is kernel_windows
