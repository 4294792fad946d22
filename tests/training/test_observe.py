"""Observers: what changes from step to step."""

from typing import Any

import pytest
import torch
from torch import nn

from swatlib import sparsify_, swat
from swatlib.training.observe import ActiveWeights, MaskFlips, Thresholds


def net() -> Any:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1, bias=False),
        nn.ReLU(),
        nn.Conv2d(8, 8, 3, padding=1),
        nn.Flatten(),
        nn.Linear(8 * 16, 10),
    )


def test_the_topology_observer_counts_changes_and_spells() -> None:
    """One layer, four weights, masks set by hand over five steps."""
    layer = nn.Linear(4, 1, bias=False)
    sparsify_(layer, swat(0.5, first_layer_dense=False))
    big, small = 2.0, 1.0
    actives = [(0, 1), (0, 1), (0, 2), (0, 1), (0, 1)]
    observer = MaskFlips()
    for step, active in enumerate(actives, start=1):
        with torch.no_grad():
            layer.weight.fill_(small)
            layer.weight[0, list(active)] = big
        observer(step, layer)
    # Steps 3 and 4 swap one weight for another: two of four change state.
    assert observer.result() == {
        "changed": [0.0, 0.5, 0.5, 0.0],
        "active": 0.5,
        "ever_active": 0.75,
        "always_active": 0.25,
        "spells": [[1, 1], [2, 1]],
    }
    assert MaskFlips().result() == {"changed": [], "spells": []}


def test_the_threshold_observer_sees_a_stale_threshold_drift() -> None:
    torch.manual_seed(0)
    model = sparsify_(net(), swat(0.8, period=100))
    model(torch.randn(2, 3, 4, 4)).sum().backward()
    observer = Thresholds(layers=2)
    observer(1, model)
    with torch.no_grad():
        model[2].weight.mul_(0.5)
    observer(2, model)
    found = observer.result()
    assert list(found["fresh"]) == list(found["density"]) == ["2", "4"]
    assert found["density"]["2"][0] == pytest.approx(0.2, abs=0.01)
    assert found["density"]["2"][1] < 0.1
    assert found["density"]["4"][0] == found["density"]["4"][1]
    assert found["fresh"]["2"][1] == pytest.approx(0.5 * found["fresh"]["2"][0], rel=1e-4)


def masked_by_hand(actives: list[tuple[int, ...]], observer: Any) -> Any:
    layer = nn.Linear(4, 1, bias=False)
    sparsify_(layer, swat(0.5, first_layer_dense=False))
    for step, active in enumerate(actives, start=1):
        with torch.no_grad():
            layer.weight.fill_(1.0)
            layer.weight[0, list(active)] = 2.0
        observer(step, layer)
    return observer.result()


def test_active_weights_of_one_layer_by_hand() -> None:
    found = masked_by_hand([(0, 1), (0, 1), (0, 2), (0, 1), (2, 3)], ActiveWeights())
    assert found == {
        "steps": [1, 2, 3, 4, 5],
        "density": [0.5] * 5,
        "explored": [0.5, 0.5, 0.75, 0.75, 1.0],
        "layers": {"": [0.5] * 5},
        "mean": {"": 0.5},
        "last": {"": 0.5},
        "ever": {"": 1.0},
    }
    nothing = ActiveWeights().result()
    assert nothing["steps"] == nothing["explored"] == []
    assert nothing["layers"] == nothing["mean"] == {}


def test_densities_are_averages_over_the_steps() -> None:
    layer = sparsify_(nn.Linear(4, 1, bias=False), swat(0.5, first_layer_dense=False))
    observer = ActiveWeights()
    for step, sparsity in enumerate((0.5, 0.25), start=1):
        layer.recipe = layer.recipe.at_sparsity(sparsity)  # type: ignore[operator, union-attr]
        observer(step, layer)
    found = observer.result()
    assert found["density"] == found["layers"][""] == [0.5, 0.75]
    assert found["mean"] == {"": 0.625}
    assert found["last"] == {"": 0.75}


def test_a_long_run_keeps_some_steps_and_averages_all() -> None:
    observer = ActiveWeights(points=4)
    found = masked_by_hand([(0, 1)] * 8 + [(0, 2, 3)] + [(0, 1)], observer)
    assert found["steps"] == [4, 8]
    assert found["explored"] == [0.5, 0.5]
    assert found["mean"] == {"": 0.525}
    assert found["ever"] == {"": 1.0}
    with pytest.raises(ValueError, match="points must be at least 2, got 1"):
        ActiveWeights(points=1)
