"""Claims of Part I against numbers known from elsewhere."""

import math
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from swatlib.claims import foundations
from swatlib.claims.claim import NOT_REPRODUCED, REPRODUCED, SAME_DIRECTION
from swatlib.claims.foundations import CLAIMS
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
    assert {q.name: q.ours for q in foundations.direction_preserved()}["uniform"] == pytest.approx(
        uniform, abs=1e-6
    )
    assert ours(*foundations.binarised()) == pytest.approx([signs, signs], abs=0.05)
    # Independent directions in n dimensions scatter by 1 / sqrt(n) radians about a right angle.
    mean, spread = ours(*foundations.random_vectors())
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


def test_limits_of_one_pass_alone() -> None:
    found = {one.name: one.ours for one in foundations.both_passes()}
    # A third of the work is forward but for the first layer, which has no input gradient:
    # 118,013,952 of ResNet-18's 1,814,073,344 multiply-accumulates.
    forward, first = 1_814_073_344, 118_013_952
    dense = 3 * forward - first
    assert found["limit of the forward pass alone, ResNet-18"] == pytest.approx(
        dense / (dense - forward)
    )
    assert found["limit of the backward pass alone, ResNet-18"] == pytest.approx(dense / forward)


def test_backward_share_with_a_half_forward_pass() -> None:
    largest, whole, first = ours(*foundations.srste_backward_share())
    assert largest == pytest.approx(80)  # 2 / 2.5
    forward, image = 1_814_073_344, 118_013_952
    backward = 2 * forward - image
    assert whole == pytest.approx(100 * backward / (backward + forward / 2), abs=1e-6)
    assert first == pytest.approx(100 / 1.5)


def test_quickselect_selects_and_its_looks_are_knuths() -> None:
    rng = np.random.default_rng(0)
    x = rng.integers(0, 50, 2_000).astype(float)
    for k in (1, 7, 200, 2_000):
        assert foundations.quickselect(x, k, rng)[0] == np.sort(x)[::-1][k - 1]
    counted = foundations.selection_comparisons()
    # Knuth 1972: 2.65 at a tenth, 3.39 for the median.
    assert foundations.knuth(0.1) == pytest.approx(2.65, abs=0.005)
    assert foundations.knuth(0.5) == pytest.approx(3.386, abs=0.001)
    assert counted["quickselect"].mean() == pytest.approx(foundations.knuth(0.1), abs=0.2)
    # No sort can do with fewer comparisons than log2 of n!, 1.44 below log2 n for each entry.
    assert (counted["sort"] > np.log2(counted["n"]) - 1.45).all()


def test_counted_numbers_count() -> None:
    numbers = [foundations.Counted(value) for value in (3, 1, 2)]
    assert foundations.comparisons(lambda: numbers[0] < numbers[1]) == 1
    assert foundations.comparisons(lambda: numbers[0] > numbers[1]) == 1


def test_components_needed_are_the_inverse_of_the_angle() -> None:
    for one in foundations.components_needed():
        angle = foundations.gaussian_angle(1 - one.ours / 100)
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

    monkeypatch.setattr(foundations, "topk_angle", first_k)
    assert judge(BY_NAME["i-lemma-topk-minimises"]).verdict == NOT_REPRODUCED


def test_one_fact_has_one_verdict() -> None:
    """29 % of the entries for 30 degrees, and 30 degrees at 70 %, are one curve read twice."""
    both = [judge(BY_NAME[name]).verdict for name in ("i-components-43-29-18", "i-70-within-30")]
    assert both == [SAME_DIRECTION, SAME_DIRECTION]


@pytest.mark.parametrize(
    ("function", "wrong"),
    [
        (foundations.angle_at_90, {"Figure 9a": 60.0}),
        (foundations.angle_at_80, {"Figure 9a": 38.0}),
        (foundations.binarised, {"section 4.1": 45.0}),
        (foundations.random_vectors, {"Figure 9a": 60.0}),
    ],
)
def test_a_wrong_number_of_the_paper_would_not_hold(
    function: Callable[[], tuple[Quantity, ...]],
    wrong: dict[str, float],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert all(one.holds for one in function())
    monkeypatch.setattr(foundations, "_iclr", lambda item, *_: wrong[item])
    assert not all(one.holds for one in function())


def test_the_angle_narrows_with_the_root_of_the_dimension() -> None:
    assert ours(*foundations.angle_concentrates()) == pytest.approx([-0.5] * 3, abs=0.05)


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

    monkeypatch.setattr(foundations, "measured", lambda name: recorded())
    assert all(one.holds for one in foundations.layers_below_bound())
    monkeypatch.setattr(foundations, "measured", lambda name: recorded(inner_weight=36.4))
    by_name = {one.name: one for one in foundations.layers_below_bound()}
    assert not by_name["weights, uniform start"].holds
    assert by_name["weights, uniform start"].direction
    assert by_name["weights, Gaussian start"].holds


def test_the_spread_of_components_is_judged_from_a_hundred_entries_on() -> None:
    found = foundations.components_spread()
    assert [one.holds for one in found] == [False, True, True, True, True]
    narrow = foundations.components_by_dimension()
    assert isinstance(narrow, pd.DataFrame)
    assert narrow[narrow["dimension"] <= 30]["std"].min() > 3


def test_what_a_measurement_stands_on_is_what_its_record_says() -> None:
    runs = pd.DataFrame(measured("angles")["runs"])
    dense = runs[runs["method"] == "dense"]["test_accuracy"].mean()
    said = BY_NAME["i-layers-below-36"].trained
    assert f"dense {dense:.0f} %" in said
    assert f"{runs['seed'].nunique()} seeds" in said
    assert f"{FOLLOWED.epochs} epochs" in said
