"""What ERK makes of networks, against numbers known otherwise."""

import pytest

from swatlib.claims.claim import NOT_REPRODUCED, REPRODUCED, SAME_DIRECTION
from swatlib.claims.inventory import claim
from swatlib.claims.judge import judge
from swatlib.claims.swat import how_much_where

VERDICTS = {
    "n-erk-more-to-large-layers": NOT_REPRODUCED,
    "n-erk-expensive-layers-sparser": NOT_REPRODUCED,
    "n-erk-initial-layer-dense": SAME_DIRECTION,
    "n-erk-competitive-cifar": NOT_REPRODUCED,
    "n-erk-competitive-as-printed": REPRODUCED,
    "n-uniform-cheaper-at-high-resolution": SAME_DIRECTION,
}


@pytest.mark.parametrize("name", VERDICTS)
def test_what_is_computed_is_judged(name: str) -> None:
    found = judge(claim(name))
    assert (found.verdict, found.grade) == (VERDICTS[name], "exact")


def ours(found: tuple[how_much_where.Quantity, ...]) -> dict[str, float]:
    return {quantity.name: quantity.ours for quantity in found}


def test_ranks_of_four_networks() -> None:
    # SciPy's ranks of the densities eps * (Cout + Cin + kh + kw) / size, by a separate script.
    rho = list(ours(how_much_where.larger_layers_sparser()).values())
    assert rho == pytest.approx([0.904, 0.978, -0.057, 0.834], abs=0.002)
    rho = list(ours(how_much_where.expensive_layers_sparser()).values())
    assert rho == pytest.approx([0.212, 0.769, -0.201], abs=0.002)


def test_erk_saves_less_at_equal_sparsity() -> None:
    # From the golden values of Table 2's rows and of the same counts at the other sparsity.
    found = ours(how_much_where.competitive_at_32())
    assert found["VGG-16, 90 %"] == pytest.approx(-10.15, abs=0.05)
    assert found["WRN-16-8, 95 %"] == pytest.approx(-3.69, abs=0.05)
    printed = list(ours(how_much_where.competitive_as_printed()).values())
    # 89.55 - 89.52, 91.38 - 89.98, 89.64 - 89.82.
    assert printed == pytest.approx([0.03, 1.40, -0.18], abs=0.1)


def test_resolution_does_not_decide() -> None:
    training, inference, grows = how_much_where.uniform_cheaper()
    assert (training.ours, inference.ours, grows.ours) == (8, 9, 0)
    assert not grows.holds
