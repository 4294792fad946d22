"""Similarity layer by layer, and that a wrong one would be refuted."""

import pandas as pd
import pytest
from claims_toys import network

from swatlib.claims.claim import NOT_REPRODUCED, REPRODUCED, SAME_DIRECTION
from swatlib.claims.fully_sparse_training import features, spatial_similarity
from swatlib.claims.inventory import claim
from swatlib.claims.judge import judge


def verdict(name: str) -> str:
    return judge(claim(name)).verdict


@pytest.mark.parametrize(
    ("correlation", "expected"),
    [
        ((0.9, 0.6, 0.51), REPRODUCED),
        ((0.9, 0.6, 0.2), SAME_DIRECTION),
        ((0.9, 0.4, 0.2), NOT_REPRODUCED),
    ],
)
def test_neighbours_are_close_in_every_layer_or_in_the_median_one(
    monkeypatch, correlation, expected
):
    network(monkeypatch, correlation=correlation)
    assert verdict("f-neighbours-close") == expected
    (found,) = spatial_similarity.neighbours_close()
    assert found.ours == min(correlation)


def test_similarity_is_taken_less_its_bias_and_as_a_share(monkeypatch):
    network(monkeypatch, found=(2.0, 1.0, 0.9), shuffled=(0.5, 0.4, 0.8), entropy=(5.0, 5.0, 5.0))
    (found,) = spatial_similarity.similarity_in_all_layers()
    assert found.ours == pytest.approx(2)  # 0.1 of 5 bits
    assert verdict("f-similarity-all-layers") == SAME_DIRECTION


@pytest.mark.parametrize(
    ("noise", "expected"),
    [((0.1, 0.1, 0.1), REPRODUCED), ((0.1, 0.1, 2.0), SAME_DIRECTION), ((1, 1, 1), NOT_REPRODUCED)],
)
def test_noise_is_compared_layer_by_layer(monkeypatch, noise, expected):
    found = {
        features.PHOTOGRAPHS: (1.0, 1.0, 1.0),
        features.GAUSSIAN: noise,
        features.UNIFORM: (0, 0, 0),
    }
    network(monkeypatch, found=found, shuffled=(0.0, 0.0, 0.0))
    assert verdict("f-noise-small-decline") == expected
    assert spatial_similarity.noise_declines_little()[0].ours == pytest.approx(max(noise))


def test_differences_hold_on_either_range(monkeypatch):
    network(monkeypatch, **{"near": (0.9, 0.8, 0.7), "near, own range": (0.8, 0.6, 0.4)})
    image, channel = spatial_similarity.differences_near_zero()
    assert (image.ours, image.holds) == (pytest.approx(70), True)
    assert (channel.ours, channel.holds, channel.direction) == (pytest.approx(40), False, True)


def test_convolution_is_judged_by_images_and_by_noise(monkeypatch):
    correlation = {
        features.PHOTOGRAPHS: (0.9, 0.8, 0.7),
        features.GAUSSIAN: (0, 0.4, 0.5),
    }
    network(monkeypatch, correlation=correlation | {features.UNIFORM: (0, 0, 0)})
    rows = [
        {"input": "white noise", "kernel": kernel, "stride": 1, "depth": 4, "correlation": value}
        for kernel, value in ((1, 0.0), (3, 0.35), (3, 0.45))
    ]
    monkeypatch.setattr(spatial_similarity, "windows", lambda: pd.DataFrame(rows))
    assert verdict("f-conv-preserves-similarity") == REPRODUCED
    assert [one.ours for one in spatial_similarity.convolution_keeps_similarity()] == pytest.approx(
        [0.8, 0.8, 0.45, 0.4, 0.0]
    )
    rows[2]["correlation"] = 0.05
    assert verdict("f-conv-preserves-similarity") == SAME_DIRECTION


def test_independent_bytes():
    """The closed form at a million pairs: 255^2 / (2e6 ln 2) = 0.0469 bits."""
    found = spatial_similarity.noise_estimates().set_index("pairs")
    assert found.loc[1_000_000, "formula"] == pytest.approx(0.0469, abs=5e-5)
    assert found.loc[1_000_000, "plug-in"] == pytest.approx(0.047, abs=0.002)
    assert found.loc[1_000, "plug-in"] > 5
    assert verdict("f-white-noise-image") == REPRODUCED
