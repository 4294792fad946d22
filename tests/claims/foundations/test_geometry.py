"""Angles against numbers known from elsewhere."""

import math
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from swatlib.claims.claim import NOT_REPRODUCED, REPRODUCED, SAME_DIRECTION
from swatlib.claims.foundations import drawn_vectors, geometry
from swatlib.claims.foundations.geometry import CLAIMS
from swatlib.claims.judge import judge
from swatlib.claims.measured import measured
from swatlib.claims.quantity import Quantity
from swatlib.experiments.measure_angles import FOLLOWED

BY_NAME = {one.id: one for one in CLAIMS}


def ours(*found: Quantity) -> list[float]:
    return [one.ours for one in found]


def test_half_of_the_claims_have_numbers_that_textbooks_give() -> None:
    # arccos of the root of 1 - 0.7^3: a uniform vector without its smallest 70 %.
    uniform = math.degrees(math.acos(math.sqrt(1 - 0.7**3)))
    # arccos of the root of 2 / pi (Anderson and Berg 2017).
    signs = math.degrees(math.acos(math.sqrt(2 / math.pi)))
    assert {q.name: q.ours for q in geometry.direction_preserved()}["uniform"] == pytest.approx(
        uniform, abs=1e-6
    )
    assert ours(*geometry.binarised()) == pytest.approx([signs, signs], abs=0.05)
    # Independent directions in n dimensions scatter by 1 / sqrt(n) radians about a right angle.
    mean, spread = ours(*geometry.random_vectors())
    assert mean == pytest.approx(90, abs=0.05)
    assert spread == pytest.approx(math.degrees(1 / math.sqrt(1_000)), abs=0.05)


@pytest.mark.parametrize(
    ("claim", "golden"),
    [
        # 2 (t phi(t) + Q(t)) with t from a table of the normal distribution.
        ("i-angle-90-48", 48.49),
        ("i-angle-80-36", 36.28),
        ("i-70-within-30", 27.74),
    ],
)
def test_gaussian_angles(claim: str, golden: float) -> None:
    found = judge(BY_NAME[claim]).quantities
    assert ours(*found) == pytest.approx([golden, golden], abs=0.06)


def test_components_needed_are_the_inverse_of_the_angle() -> None:
    for one in geometry.components_needed():
        angle = drawn_vectors.gaussian_angle(1 - one.ours / 100)
        assert angle == pytest.approx(float(one.name.split()[0]), abs=1e-4)


def test_no_mask_beats_topk_and_a_worse_choice_would_be_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert judge(BY_NAME["i-lemma-topk-minimises"]).verdict == REPRODUCED

    def first_k(x: object, sparsity: float, dim: int) -> np.ndarray:
        values = np.asarray(x)
        kept = round((1 - sparsity) * values.shape[1])
        energy = (values[:, :kept] ** 2).sum(1) / (values**2).sum(1)
        return np.degrees(np.arccos(np.sqrt(energy)))

    monkeypatch.setattr(geometry, "topk_angle", first_k)
    assert judge(BY_NAME["i-lemma-topk-minimises"]).verdict == NOT_REPRODUCED


def test_one_fact_has_one_verdict() -> None:
    """29 % of the entries for 30 degrees, and 30 degrees at 70 %, are one curve read twice."""
    both = [judge(BY_NAME[name]).verdict for name in ("i-components-43-29-18", "i-70-within-30")]
    assert both == [SAME_DIRECTION, SAME_DIRECTION]


@pytest.mark.parametrize(
    ("function", "wrong"),
    [
        (geometry.angle_at_90, {"Figure 9a": 60.0}),
        (geometry.angle_at_80, {"Figure 9a": 38.0}),
        (geometry.binarised, {"section 4.1": 45.0}),
        (geometry.random_vectors, {"Figure 9a": 60.0}),
    ],
)
def test_a_wrong_number_of_the_paper_would_not_hold(
    function: Callable[[], tuple[Quantity, ...]],
    wrong: dict[str, float],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert all(one.holds for one in function())
    monkeypatch.setattr(geometry, "paper_number", lambda *_, item, level: wrong[item])
    assert not all(one.holds for one in function())


def test_the_angle_narrows_with_the_root_of_the_dimension() -> None:
    assert ours(*geometry.angle_concentrates()) == pytest.approx([-0.5] * 3, abs=0.05)


def test_layers_are_judged_by_the_largest_angle(monkeypatch: pytest.MonkeyPatch) -> None:
    def recorded(**changed: float) -> dict[str, object]:
        low = {
            f"{where}_{operand}": 20.0
            for where in ("first", "inner")
            for operand in ("weight", "activation")
        }
        runs = [{"start": start, "largest": dict(low)} for start in ("Gaussian", "uniform")]
        runs[-1]["largest"] = low | changed
        return {"runs": runs}

    monkeypatch.setattr(geometry, "measured", lambda name: recorded())
    assert all(one.holds for one in geometry.layers_below_bound())
    monkeypatch.setattr(geometry, "measured", lambda name: recorded(inner_weight=36.4))
    by_name = {one.name: one for one in geometry.layers_below_bound()}
    assert not by_name["weights, uniform start"].holds
    assert by_name["weights, uniform start"].direction
    assert by_name["weights, Gaussian start"].holds


def test_the_spread_of_components_is_judged_from_a_hundred_entries_on() -> None:
    found = geometry.components_spread()
    assert [one.holds for one in found] == [False, True, True, True, True]
    narrow = drawn_vectors.components_by_dimension()
    assert isinstance(narrow, pd.DataFrame)
    assert narrow[narrow["dimension"] <= 30]["std"].min() > 3


def test_what_a_measurement_stands_on_is_what_its_record_says() -> None:
    runs = pd.DataFrame(measured("angles")["runs"])
    dense = runs[runs["method"] == "dense"]["test_accuracy"].mean()
    said = BY_NAME["i-layers-below-36"].trained
    assert f"dense {dense:.0f} %" in said
    assert f"{runs['seed'].nunique()} seeds" in said
    assert f"{FOLLOWED.epochs} epochs" in said
