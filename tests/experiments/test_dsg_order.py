"""DSG in both orders: nothing but the order and the method differs."""

from collections import Counter
from dataclasses import replace

import pytest

from swatlib.experiments.dsg_order import (
    NORM_FIRST,
    RELU_FIRST,
    dsg_order_digits,
    dsg_order_patches,
)
from swatlib.training import DENSE


@pytest.mark.parametrize("declare", [dsg_order_digits, dsg_order_patches])
def test_both_orders_have_dense_runs_and_dsg(declare) -> None:  # type: ignore[no-untyped-def]
    runs = declare()
    ways = Counter((run.network, run.method, run.sparsity) for run in runs)
    assert set(ways.values()) == {5}
    assert set(ways) == {
        (network, *way)
        for network in (NORM_FIRST, RELU_FIRST)
        for way in (("dense", 0.0), ("dsg", 0.5))
    }
    assert len({str(replace(run, **DENSE, network=NORM_FIRST, seed=0)) for run in runs}) == 1
