"""DSR: one threshold for all layers, adapted; the total stays, layers change."""

import itertools

import pytest
import torch
from rewiring import counts, example, masks, places, trained
from torch import nn

import swatlib
from swatlib.methods.dsr import FartherApart, proportional, reallocate_
from swatlib.methods.held_weight import held
from swatlib.training import Run, train_run


def test_the_example() -> None:
    layer, optimizer, one = example()
    reallocate_(layer, optimizer, 4, first=0.15)
    assert places(layer.weight != 0) == {(0, 0), (1, 1), (1, 2)}  # only -0.1 goes
    assert (0, 1) not in places(one.mask)  # and it is not grown again at once
    assert one.active == 4
    assert float(one.states[0].threshold) == pytest.approx(0.3)
    for wanted, threshold in ((1, 0.15), (1, 0.15)):
        # At 0.3 two weights go, which are too many, and then one, which is right.
        with torch.no_grad():
            layer.weight.copy_(torch.tensor([[0.5, 0.1, 0.2, 0.4], [0.6, 0.7, 0.8, 0.9]]))
            layer.weight.mul_(one.mask)
            layer.weight[one.mask] = torch.tensor([0.5, 0.2, 0.1, 0.4])
        reallocate_(layer, optimizer, wanted)
        assert float(one.states[0].threshold) == pytest.approx(threshold)
        threshold = 0.15


def test_one_weight_stays_in_each_layer() -> None:
    layer, optimizer, one = example()
    reallocate_(layer, optimizer, 4, first=100.0)
    assert places(layer.weight != 0) == {(0, 0)}
    assert one.active == 4


@pytest.mark.parametrize("seed", range(8))
def test_parts_are_proportional_and_exact(seed: int) -> None:
    rng = torch.Generator().manual_seed(seed)
    weights = torch.randint(0, 50, (6,), generator=rng).tolist()
    room = torch.randint(0, 60, (6,), generator=rng).tolist()
    total = int(torch.randint(0, 300, (1,), generator=rng))
    found = proportional(total, weights, room)
    assert sum(found) == min(total, sum(room))
    assert all(0 <= n <= most for n, most in zip(found, room, strict=True))
    free = proportional(total, weights, [10**6] * 6)
    assert all(abs(n - total * w / sum(weights)) < 1 for n, w in zip(free, weights, strict=True))


def test_in_training_the_total_is_exact_and_what_has_grown_was_inactive() -> None:
    """Invariants B and C, and a threshold that only doubles and halves."""
    seen: list[list[torch.Tensor]] = []
    thresholds: list[float] = []

    def look(step: int, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        for one, before in zip(held(model), seen[-1] if seen else masks(model), strict=True):
            grown = one.mask & ~before
            assert not one.weight[grown].any()
            assert not optimizer.state[one.weight]["momentum_buffer"][~one.mask].any()
            assert one.active >= 1
        seen.append(masks(model))
        thresholds.append(float(held(model)[0].states[0].threshold))

    model = trained(swatlib.method("dsr", 0.7, every=1), 16, look)
    assert len({sum(int(mask.sum()) for mask in now) for now in seen}) == 1
    assert counts(model) != [int(mask.sum()) for mask in seen[0]]
    for a, b in itertools.pairwise(thresholds):
        assert b / a in (0.5, 1.0, 2.0)


def test_where_not_all_can_move_the_rest_stays() -> None:
    layer, optimizer, one = example(torch.full((2, 4), 0.1) * torch.arange(1, 9).reshape(2, 4))
    one.become(~(torch.arange(8).reshape(2, 4) == 5))
    reallocate_(layer, optimizer, 4, first=0.45)
    assert one.active == 7
    assert places(~one.mask) == {(0, 0)}


def test_rewirings_come_farther_and_farther_apart() -> None:
    when = FartherApart(every=10, until=0.95)
    found = [s + 1 for s in range(1000) if when.due(swatlib.Progress(s, 1000, 50))]
    gaps = [b - a for a, b in itertools.pairwise(found)]
    assert gaps == sorted(gaps)
    assert set(gaps) >= {10, 20, 40}
    assert max(found) <= 950


def test_digits_are_learnt() -> None:
    options = {"every": 2}
    run = Run(
        width=8, epochs=2, images=600, batch_size=64, method="dsr", sparsity=0.5, options=options
    )
    assert train_run(run, "cpu")["test_accuracy"] > 30
