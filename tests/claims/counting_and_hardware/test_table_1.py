"""Table 1 from the methods themselves."""

from collections.abc import Callable

import pytest

from swatlib.claims.claim import NOT_REPRODUCED, OPEN, REPRODUCED, SAME_DIRECTION
from swatlib.claims.counting_and_hardware import table_1 as claims
from swatlib.claims.counting_and_hardware.table_1 import (
    CLAIMS,
    implemented,
    selection_work,
    sparse_products,
    structured_products,
    table_1,
)
from swatlib.claims.judge import judge
from swatlib.methods import Method, dense, meprop, saw, swat
from swatlib.methods import recipe as recipe_of
from swatlib.selectors.projected import projected_length

BY_NAME = {claim.id: claim for claim in CLAIMS}


@pytest.mark.parametrize(
    ("recipe", "expected"),
    [
        (dense, (False, False, False)),
        (lambda: saw(0.8), (False, True, True)),
        (lambda: meprop(0.8), (False, True, True)),
        (lambda: swat(0.8), (True, True, True)),
    ],
)
def test_a_product_is_sparse_if_an_operand_is(recipe: Callable, expected: tuple) -> None:
    assert tuple(sparse_products(recipe()).values()) == expected


def test_table_1_is_derived_for_what_the_library_has() -> None:
    have, lacking = implemented()
    assert {"meProp", "DSG", "SWAT"} <= set(have)
    assert len(have) + len(lacking) == 8
    found = table_1(("meProp", "SWAT", "DSG"))
    assert list(found["ours"]) == [False, *[True] * 8]
    assert judge(BY_NAME["n-t1-products"]).verdict == REPRODUCED
    others = judge(BY_NAME["n-t1-products-others"])
    if lacking:
        assert others.verdict == OPEN
        assert lacking[0] in others.missing[0]


def test_a_wrong_row_of_table_1_is_refuted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "method", lambda name, sparsity: Method(dense()))
    found = judge(BY_NAME["n-t1-products"])
    # The forward product of meProp, and the weight gradients of SET, DSR, SNFS and RigL.
    assert found.quantities[0].ours == 5
    assert found.verdict == NOT_REPRODUCED


def test_selection_against_projection() -> None:
    # Liu et al. 2019, Table 1: 128 filters of length 1152 are projected to 232 at 0.5.
    assert projected_length((128, 128, 3, 3)) == 232
    work = selection_work("resnet18")
    # 11.7 million weights and 2.5 million inputs, 6.43 operations each, over 1.81 billion.
    assert work["SWAT"] == pytest.approx(6.43 * 14.0e6 / 1.81e9, rel=0.05)
    assert work["SWAT"] < work["products"] < 0.3
    # Beside the products, a third of k additions for each entry that a filter reads.
    assert work["products"] < work["DSG"] < 1
    assert selection_work("resnet18", batch=32)["SWAT"] < work["SWAT"]


def test_patterns_of_fst_and_of_structured_swat() -> None:
    assert structured_products(recipe_of("fst", 0.5)) == 3
    assert structured_products(swat(0.5, structured="filter")) == 2
    assert structured_products(swat(0.5)) == 0
    assert judge(BY_NAME["f-first-fully-sparse"]).verdict == SAME_DIRECTION
