"""What an epoch replaces in the active set, counted by layer."""

from dataclasses import replace

import torch
from torch import nn

from swatlib import sparsify_, swat
from swatlib.experiments.grid import DIGITS
from swatlib.experiments.measure_topology import EpochMasks, topology_moves


def test_replaced_weights_are_counted() -> None:
    layer = nn.Linear(4, 1)
    model = sparsify_(layer, swat(0.5, first_layer_dense=False))
    watch = EpochMasks(steps=2)
    weights = (
        [4.0, 3.0, 2.0, 1.0],
        [4.0, 3.0, 2.0, 1.0],
        [4.0, 0.0, 2.0, 1.0],
        [0.0, 0.0, 2.0, 1.0],
    )
    for step, values in zip((1, 2, 3, 4), weights, strict=True):
        with torch.no_grad():
            layer.weight.copy_(torch.tensor([values]))
        watch(step, model)
    # After step 1 and 2: weights 0 and 1. After step 4: 2 and 3; the third step is not looked at.
    assert watch.replaced == {"": [0.0, 1.0]}


def test_every_layer_has_an_entry_an_epoch() -> None:
    run = replace(DIGITS, method="swat", sparsity=0.9, epochs=2)
    found = topology_moves({"toy": run})["toy"]
    assert found["layers"]
    assert all(len(shares) == 2 for shares in found["layers"].values())
    assert all(0 <= share <= 1 for shares in found["layers"].values() for share in shares)
    assert found["test_accuracy"] > 20
