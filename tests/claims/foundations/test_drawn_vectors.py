"""Vectors drawn at random against closed forms of the normal distribution."""

import math

import pytest

from swatlib.claims.foundations.drawn_vectors import (
    COMPONENT_ANGLES,
    DIMENSIONS,
    SPARSITIES,
    angle_spread,
    components_by_dimension,
    gaussian_angle,
    simulated_angles,
)

# 2 (t phi(t) + Q(t)) with t from a table of the normal distribution.
GOLDEN = {0.7: 27.74, 0.8: 36.28, 0.9: 48.49}


def test_the_closed_form_and_what_is_drawn_agree() -> None:
    drawn = simulated_angles(vectors=500, entries=4_000)
    assert tuple(drawn.topk) == SPARSITIES
    for sparsity, angle in GOLDEN.items():
        assert gaussian_angle(sparsity) == pytest.approx(angle, abs=0.01)
        assert float(drawn.topk[sparsity].mean()) == pytest.approx(angle, abs=0.1)
    # Independent directions scatter by 1 / sqrt(n) radians about a right angle.
    assert float(drawn.between.std()) == pytest.approx(math.degrees(4_000**-0.5), rel=0.15)


def test_the_spread_falls_with_the_dimension() -> None:
    wide = angle_spread().pivot(index="dimension", columns="sparsity", values="std")
    assert (wide.diff().dropna() < 0).all(axis=None)


def test_components_approach_the_share_that_the_angle_needs() -> None:
    """An angle of 30 degrees keeps 3/4 of the energy, which 27.1 % of Gaussian entries hold."""
    found = components_by_dimension(vectors=50).set_index(["dimension", "angle"])
    assert len(found) == len(DIMENSIONS) * len(COMPONENT_ANGLES)
    share = found.loc[(10_000, 30), "mean"]
    assert gaussian_angle(1 - share / 100) == pytest.approx(30, abs=0.2)
