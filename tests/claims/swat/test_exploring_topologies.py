"""Masks of epochs, and what their movement says."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from swatlib.claims.claim import NOT_REPRODUCED, REPRODUCED, SAME_DIRECTION
from swatlib.claims.effect import DENSELY, way
from swatlib.claims.quantity import Quantity
from swatlib.claims.swat import exploring_topologies
from swatlib.experiments import EXPERIMENTS
from swatlib.experiments.measure_topology import EpochMasks, topology_moves
from swatlib.training import Run


def word(quantity: Quantity) -> str:
    if quantity.holds:
        return REPRODUCED
    return SAME_DIRECTION if quantity.direction else NOT_REPRODUCED


def test_topologies_move_before_the_last_third(monkeypatch: pytest.MonkeyPatch) -> None:
    def of(*shares: float) -> Callable[[str], Any]:
        still = {"layers": {"a": [0.3, 0.2, 0.0], "b": [*shares, 0.0]}}
        return lambda name: {"digits, 90 %": still}

    for shares, verdict in (
        ((0.2, 0.1), REPRODUCED),
        ((0.2, 0.0005), SAME_DIRECTION),
        ((0.2, 0.0), NOT_REPRODUCED),
    ):
        monkeypatch.setattr(exploring_topologies, "measured", of(*shares))
        (quantity,) = exploring_topologies.topologies_move()
        assert (quantity.ours, word(quantity)) == (pytest.approx(100 * shares[1]), verdict)


def test_masks_are_compared_between_epochs() -> None:
    run = Run(
        network="small_resnet", width=8, method="swat", sparsity=0.9, epochs=2, batch_size=720
    )
    found = topology_moves({"toy": run})["toy"]
    assert all(len(shares) == 2 for shares in found["layers"].values())
    assert all(0 <= share <= 1 for shares in found["layers"].values() for share in shares)
    assert json.dumps(found)
    assert "stem.weight" not in found["layers"]  # the first layer is dense
    watched = EpochMasks(3)
    assert watched.replaced == {}


def test_frozen_runs_are_written_as_the_records_have_them() -> None:
    scale = exploring_topologies.TOPOLOGY_DIGITS
    ((_, run),) = scale.runs((way("swat", 0.9, freeze_epoch=2),), 0)
    assert (run.options, run.observe) == ({"freeze_epoch": 1}, "topology")
    ((_, dense),) = scale.runs((DENSELY,), 0)
    assert dense.observe is None
    declared = EXPERIMENTS["topology-digits"]()
    assert run in declared
    assert dense in [one for name in scale.experiments for one in EXPERIMENTS.get(name, list)()]
