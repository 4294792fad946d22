"""Counts and identities of restoration, and that a wrong one would be refuted."""

import numpy as np
import pandas as pd
import pytest
import torch
from claims_toys import network

from swatlib.claims.claim import NOT_REPRODUCED, REPRODUCED, SAME_DIRECTION
from swatlib.claims.fully_sparse_training import information_restoration
from swatlib.claims.inventory import claim
from swatlib.claims.judge import judge
from swatlib.kernels.convolution import Geometry


def verdict(name: str) -> str:
    return judge(claim(name)).verdict


def test_filled_columns_on_either_side(monkeypatch):
    network(monkeypatch, **{"filled left": (0.1, 0.2, 0.6), "filled right": (0.1, 0.2, 0.3)})
    assert [one.holds for one in information_restoration.reconstruction_close()] == [False, True]
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


def test_resnet_18_has_the_layers_it_has():
    """Its distinct convolutions at 224: 7x7 on 224, and down to 3x3 on 7; and a column less."""
    layers = information_restoration.resnet_layers()
    stem = Geometry((2, 2), (3, 3))
    assert (7, stem, 224, 224) in layers
    assert (7, stem, 224, 223) in layers
    assert (3, Geometry((1, 1), (1, 1)), 7, 7) in layers
    assert (1, Geometry((2, 2)), 14, 14) in layers


def test_masks_by_hand():
    sizes = information_restoration.mask_sizes().set_index(["height", "width"])
    assert (sizes["Eq. 7"] == 1).all()
    assert sizes.loc[(56, 56)].tolist() == [1, 1, 0]
    # 7x7: twelve groups of four. Of 24 pairs of the flattened map, columns 7 and 8, 21 and 22, 35
    # and 36 straddle rows.
    assert sizes.loc[(7, 7), "within rows"] == 9 / 12
    assert sizes.loc[(7, 7), "pairs across rows"] == 3 / 24
    assert verdict("f-fixed-mask-is-24") == REPRODUCED


def test_another_mask_would_be_refuted(monkeypatch):
    monkeypatch.setattr(
        information_restoration, "mask_sizes", lambda: pd.DataFrame({"Eq. 7": [1.0, 0.75]})
    )
    assert verdict("f-fixed-mask-is-24") == SAME_DIRECTION


def test_steps_of_figure_3():
    """A 2x2 kernel on 5x5 pixels: columns (1, 2, 6, 7) and (2, 3, 7, 8); the row ends after 4."""
    steps = information_restoration.column_steps(2, 1, 5, 5)
    assert np.array_equal(steps, [1, 1, 1, np.nan] * 3 + [1, 1, 1], equal_nan=True)
    assert information_restoration.column_steps(3, 2, 9, 3).tolist() == [2, 2, 2]
    assert verdict("f-im2col-neighbours") == REPRODUCED


def test_both_sides_of_equation_10_differ_by_rounding_and_no_more(monkeypatch):
    assert 0 < information_restoration.identity_error(3, Geometry((2, 2), (1, 1)), 9, 7) < 1e-5
    assert verdict("f-shift-identity") == REPRODUCED
    information_restoration.shift_identity.cache_clear()
    monkeypatch.setattr(
        information_restoration,
        "kept_pixels",
        lambda h, w: torch.ones(h * w).bool(),
    )
    assert verdict("f-shift-identity") == NOT_REPRODUCED
    information_restoration.shift_identity.cache_clear()
