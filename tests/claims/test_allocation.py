"""What the claims about allocation and structure compute, against numbers known otherwise."""

import pandas as pd
import pytest

from swatlib.claims import allocation
from swatlib.claims.claim import NOT_REPRODUCED, OPEN, REPRODUCED, SAME_DIRECTION, Trained
from swatlib.claims.inventory import claim
from swatlib.claims.judge import judge
from swatlib.claims.quantity import MissingRecords
from swatlib.experiments import EXPERIMENTS

VERDICTS = {
    "n-erk-more-to-large-layers": NOT_REPRODUCED,
    "n-erk-expensive-layers-sparser": NOT_REPRODUCED,
    "n-erk-initial-layer-dense": SAME_DIRECTION,
    "n-erk-competitive-cifar": NOT_REPRODUCED,
    "n-erk-competitive-as-printed": REPRODUCED,
    "n-uniform-cheaper-at-high-resolution": SAME_DIRECTION,
    "n-t2-act-sparsity-differs": REPRODUCED,
    "n-t3-act-sparsity": REPRODUCED,
    "n-t4-compression": REPRODUCED,
    "n-t5-flops-319": SAME_DIRECTION,
    "n-t5-larger-drops": REPRODUCED,
    "n-offline-pruning-costs-more": REPRODUCED,
}


@pytest.mark.parametrize("name", VERDICTS)
def test_what_is_computed_is_judged(name: str) -> None:
    found = judge(claim(name))
    assert (found.verdict, found.grade) == (VERDICTS[name], "exact")


def ours(found: tuple[allocation.Quantity, ...]) -> dict[str, float]:
    return {quantity.name: quantity.ours for quantity in found}


def test_ranks_of_four_networks() -> None:
    # SciPy's ranks of the densities eps * (Cout + Cin + kh + kw) / size, by a separate script.
    rho = list(ours(allocation.larger_layers_sparser()).values())
    assert rho == pytest.approx([0.904, 0.978, -0.057, 0.834], abs=0.002)
    rho = list(ours(allocation.expensive_layers_sparser()).values())
    assert rho == pytest.approx([0.212, 0.769, -0.201], abs=0.002)


def test_erk_saves_less_at_equal_sparsity() -> None:
    # From the golden values of Table 2's rows and of the same counts at the other sparsity.
    found = ours(allocation.competitive_at_32())
    assert found["VGG-16, 90 %"] == pytest.approx(-10.15, abs=0.05)
    assert found["WRN-16-8, 95 %"] == pytest.approx(-3.69, abs=0.05)
    printed = list(ours(allocation.competitive_as_printed()).values())
    # 89.55 - 89.52, 91.38 - 89.98, 89.64 - 89.82.
    assert printed == pytest.approx([0.03, 1.40, -0.18], abs=0.1)


def test_resolution_does_not_decide() -> None:
    training, inference, grows = allocation.uniform_cheaper()
    assert (training.ours, inference.ours, grows.ours) == (8, 9, 0)
    assert not grows.holds


def test_training_work_of_resnet_50() -> None:
    counted, printed = allocation.structured_training_work()
    assert counted.ours == pytest.approx(1 / (1 - 0.666), abs=0.005)
    assert printed.ours == pytest.approx(2.994, abs=0.001)
    assert not counted.holds


def test_offline_pruning_by_hand() -> None:
    found = ours(allocation.offline_pruning_work())
    assert found["DCP, of a dense run"] == pytest.approx(1 + 60 / 90 * 0.45)
    assert found["CCP, of a dense run"] == pytest.approx(1 + 100 / 90 * 0.512)
    assert found["SWAT at 70 %"] == pytest.approx(0.334, abs=0.002)


def test_three_of_four_pruners_lose_less() -> None:
    (less,) = allocation.larger_drops()
    assert less.ours == 3


def choices(**small: float) -> dict[str, list[dict[str, object]]]:
    rows = [
        {
            "seed": 0,
            "sparsity": 0.9,
            "variant": variant,
            "operand": "W",
            "layer": layer,
            "small": small[variant],
            "dropped": small[variant],
            "choice": layer == "conv" or variant != "HW",
        }
        for variant in ("NCHW", "CHW", "HW")
        for layer in ("conv", "fc")
    ]
    return {"layers": rows}


def test_a_mechanism_of_the_wrong_order_is_refuted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allocation, "measured", lambda _: choices(NCHW=0, CHW=0.1, HW=0.2))
    assert all(quantity.holds for quantity in allocation.constraint_mechanism())
    assert [quantity.ours for quantity in allocation.constraint_mechanism()] == [2, 2, 2, 1]
    monkeypatch.setattr(allocation, "measured", lambda _: choices(NCHW=0, CHW=0.2, HW=0.1))
    assert not allocation.constraint_mechanism()[0].holds


def test_a_wrong_count_is_refuted(monkeypatch: pytest.MonkeyPatch) -> None:
    found = claim("n-t4-compression")
    count = allocation.row_count
    monkeypatch.setattr(
        allocation,
        "row_count",
        lambda table, network, method, _: count(table, network, method, "80"),
    )
    assert judge(found).verdict == SAME_DIRECTION
    monkeypatch.setattr(allocation, "_pruners", lambda: pd.DataFrame({"accuracy_change": [-2.0]}))
    assert judge(claim("n-t5-larger-drops")).verdict == NOT_REPRODUCED


def test_a_measurement_that_is_missing_leaves_open(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_: str) -> None:
        raise MissingRecords("the measurement")

    monkeypatch.setattr(allocation, "measured", missing)
    assert judge(claim("i-constraint-mechanism")).verdict == OPEN


def test_every_scale_reads_experiments_that_exist() -> None:
    for one in allocation.CLAIMS:
        if isinstance(one.decision, Trained):
            for scale in one.decision.scales:
                if len(scale.experiments) == 1:
                    assert scale.experiments[0] in EXPERIMENTS
            assert all(effect.margin <= 1.5 for effect in one.decision.effects)


def test_the_gain_of_structure_is_below_a_point() -> None:
    decision = claim("n-t4-structured-improves").decision
    assert isinstance(decision, Trained)
    # (0.14 + 0.09 + 0.06 + 0.53 + 0.31 + 0.30) / 6
    assert {effect.margin for effect in decision.effects} == {0.24}
