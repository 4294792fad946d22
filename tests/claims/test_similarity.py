"""Counts and identities of spatial similarity, and that a wrong one would be refuted."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from swatlib.claims import similarity as topic
from swatlib.claims.claim import NOT_REPRODUCED, OPEN, REPRODUCED, SAME_DIRECTION
from swatlib.claims.inventory import claim
from swatlib.claims.judge import judge
from swatlib.experiments import trained_network
from swatlib.kernels.convolution import Geometry

LAYERS = ("a", "b", "c")


def network(monkeypatch: pytest.MonkeyPatch, **columns: Any) -> None:
    """Let the recorded network have three layers with these columns, by kind of input."""
    rows = [
        {"weights": weights, "pixels": 224, "input": kind, "layer": layer}
        | {name: values[kind][i] if isinstance(values, dict) else values[i]}
        for weights in ("imagenet", "fresh")
        for kind in (topic.PHOTOGRAPHS, topic.GAUSSIAN, topic.UNIFORM)
        for i, layer in enumerate(LAYERS)
        for name, values in columns.items()
    ]
    keys = ["weights", "pixels", "input", "layer"]
    frame = pd.DataFrame(rows).groupby(keys, sort=False).first().reset_index()
    monkeypatch.setattr(trained_network, "measured", lambda part="rows": frame)


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
    (found,) = topic.neighbours_close()
    assert found.ours == min(correlation)


def test_similarity_is_taken_less_its_bias_and_as_a_share(monkeypatch):
    network(monkeypatch, found=(2.0, 1.0, 0.9), shuffled=(0.5, 0.4, 0.8), entropy=(5.0, 5.0, 5.0))
    (found,) = topic.similarity_in_all_layers()
    assert found.ours == pytest.approx(2)  # 0.1 of 5 bits
    assert verdict("f-similarity-all-layers") == SAME_DIRECTION


@pytest.mark.parametrize(
    ("noise", "expected"),
    [((0.1, 0.1, 0.1), REPRODUCED), ((0.1, 0.1, 2.0), SAME_DIRECTION), ((1, 1, 1), NOT_REPRODUCED)],
)
def test_noise_is_compared_layer_by_layer(monkeypatch, noise, expected):
    found = {topic.PHOTOGRAPHS: (1.0, 1.0, 1.0), topic.GAUSSIAN: noise, topic.UNIFORM: (0, 0, 0)}
    network(monkeypatch, found=found, shuffled=(0.0, 0.0, 0.0))
    assert verdict("f-noise-small-decline") == expected
    assert topic.noise_declines_little()[0].ours == pytest.approx(max(noise))


def test_differences_hold_on_either_range(monkeypatch):
    network(monkeypatch, **{"near": (0.9, 0.8, 0.7), "near, own range": (0.8, 0.6, 0.4)})
    image, channel = topic.differences_near_zero()
    assert (image.ours, image.holds) == (pytest.approx(70), True)
    assert (channel.ours, channel.holds, channel.direction) == (pytest.approx(40), False, True)


def test_filled_columns_on_either_side(monkeypatch):
    network(monkeypatch, **{"filled left": (0.1, 0.2, 0.6), "filled right": (0.1, 0.2, 0.3)})
    assert [one.holds for one in topic.reconstruction_close()] == [False, True]
    assert verdict("f-reconstruction-close") == SAME_DIRECTION


@pytest.mark.parametrize(
    ("restored", "expected"),
    [
        ((0.8, 0.7, 0.53), REPRODUCED),
        ((0.8, 0.7, 0.51), SAME_DIRECTION),
        ((0.8, 0.5, 0.4), NOT_REPRODUCED),
    ],
)
def test_restoration_must_help_in_most_layers(monkeypatch, restored, expected):
    columns = {"restored (Eq. 10): cosine": restored, "fixed columns: cosine": (0.5, 0.5, 0.5)}
    network(monkeypatch, **columns)
    assert verdict("f-restoration-reduces-error") == expected


def test_convolution_is_judged_by_images_and_by_noise(monkeypatch):
    correlation = {topic.PHOTOGRAPHS: (0.9, 0.8, 0.7), topic.GAUSSIAN: (0, 0.4, 0.5)}
    network(monkeypatch, correlation=correlation | {topic.UNIFORM: (0, 0, 0)})
    rows = [
        {"input": "white noise", "kernel": kernel, "stride": 1, "depth": 4, "correlation": value}
        for kernel, value in ((1, 0.0), (3, 0.35), (3, 0.45))
    ]
    monkeypatch.setattr(topic, "windows", lambda: pd.DataFrame(rows))
    assert verdict("f-conv-preserves-similarity") == REPRODUCED
    assert [one.ours for one in topic.convolution_keeps_similarity()] == pytest.approx(
        [0.8, 0.8, 0.45, 0.4, 0.0]
    )
    rows[2]["correlation"] = 0.05
    assert verdict("f-conv-preserves-similarity") == SAME_DIRECTION


def test_without_records_it_is_open(monkeypatch, tmp_path):
    real = trained_network.measured
    monkeypatch.setattr(trained_network, "measured", lambda part="rows": real(part, tmp_path))
    found = judge(claim("f-neighbours-close"))
    assert found.verdict == OPEN
    assert "swatlib sweep trained-network" in found.missing[0]


def test_independent_bytes():
    """The closed form at a million pairs: 255^2 / (2e6 ln 2) = 0.0469 bits."""
    found = topic.noise_estimates().set_index("pairs")
    assert found.loc[1_000_000, "formula"] == pytest.approx(0.0469, abs=5e-5)
    assert found.loc[1_000_000, "plug-in"] == pytest.approx(0.047, abs=0.002)
    assert found.loc[1_000, "plug-in"] > 5
    assert verdict("f-white-noise-image") == REPRODUCED


def test_resnet_18_has_the_layers_it_has():
    """Its distinct convolutions at 224: 7x7 on 224, and down to 3x3 on 7; and a column less."""
    layers = topic.resnet_layers()
    stem = Geometry((2, 2), (3, 3))
    assert (7, stem, 224, 224) in layers
    assert (7, stem, 224, 223) in layers
    assert (3, Geometry((1, 1), (1, 1)), 7, 7) in layers
    assert (1, Geometry((2, 2)), 14, 14) in layers


def test_masks_by_hand():
    sizes = topic.mask_sizes().set_index(["height", "width"])
    assert (sizes["Eq. 7"] == 1).all()
    assert sizes.loc[(56, 56)].tolist() == [1, 1, 0]
    # 7x7: twelve groups of four. Of 24 pairs of the flattened map, columns 7 and 8, 21 and 22, 35
    # and 36 straddle rows.
    assert sizes.loc[(7, 7), "within rows"] == 9 / 12
    assert sizes.loc[(7, 7), "pairs across rows"] == 3 / 24
    assert verdict("f-fixed-mask-is-24") == REPRODUCED


def test_another_mask_would_be_refuted(monkeypatch):
    monkeypatch.setattr(topic, "mask_sizes", lambda: pd.DataFrame({"Eq. 7": [1.0, 0.75]}))
    assert verdict("f-fixed-mask-is-24") == SAME_DIRECTION


def test_steps_of_figure_3():
    """A 2x2 kernel on 5x5 pixels: columns (1, 2, 6, 7) and (2, 3, 7, 8); the row ends after 4."""
    steps = topic.column_steps(2, 1, 5, 5)
    assert np.array_equal(steps, [1, 1, 1, np.nan] * 3 + [1, 1, 1], equal_nan=True)
    assert topic.column_steps(3, 2, 9, 3).tolist() == [2, 2, 2]
    assert verdict("f-im2col-neighbours") == REPRODUCED


def test_both_sides_of_equation_10_differ_by_rounding_and_no_more(monkeypatch):
    assert 0 < topic.identity_error(3, Geometry((2, 2), (1, 1)), 9, 7) < 1e-5
    assert verdict("f-shift-identity") == REPRODUCED
    topic.shift_identity.cache_clear()
    monkeypatch.setattr(topic, "kept_pixels", lambda h, w: topic.torch.ones(h * w).bool())
    assert verdict("f-shift-identity") == NOT_REPRODUCED
    topic.shift_identity.cache_clear()
