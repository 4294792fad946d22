"""The scales stand on experiments that exist, the full size first."""

import pytest

from swatlib.claims.effect import Scale
from swatlib.claims.scales import BOTH, FULL, HUNDRED, SMALL, SMALL_DIGITS, of_families
from swatlib.experiments import EXPERIMENTS
from swatlib.experiments.grid import FAMILIES


@pytest.mark.parametrize("scale", [FULL, HUNDRED, *SMALL], ids=lambda scale: scale.name)
def test_each_scale_has_experiments_with_its_dense_runs(scale: Scale) -> None:
    declared = [
        run for name in scale.experiments if name in EXPERIMENTS for run in EXPERIMENTS[name]()
    ]
    for seed in scale.seeds:
        assert all(run in declared for run in scale.dense(seed))


def test_full_size_is_full_size() -> None:
    (base,) = FULL.bases
    assert (base.images, base.pixels, base.epochs, base.batch_size) == (None, None, 16, 128)
    assert base.flips
    assert base.shifts


def test_a_hundred_classes_have_the_wider_margin() -> None:
    assert (FULL.margin, HUNDRED.margin, BOTH.margin) == (1.0, 1.5, 1.5)
    assert {scale.margin for scale in SMALL} == {1.0}


def test_families() -> None:
    assert tuple(base.network for base in of_families(SMALL_DIGITS).bases) == FAMILIES
