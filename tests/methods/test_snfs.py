"""SNFS: what is dropped anywhere grows where the momentum is."""

from typing import Any

import pytest
import torch
from rewiring import G as V
from rewiring import W, counts, example, masks, places, trained
from torch import nn

import swatlib
from swatlib.methods.held_weight import held
from swatlib.methods.snfs import grown_counts, momentum_of, redistribute_by_momentum_
from swatlib.training import Run, train_run


def two_layers() -> tuple[nn.Sequential, torch.optim.SGD]:
    """Return the example's layer and one whose active weights have a mean momentum of 0.1375."""
    first, _, _ = example()
    other: Any = nn.Linear(2, 4, bias=False)
    swatlib.sparsify_(other, swatlib.method("static", 0.5, first_layer_dense=False))
    with torch.no_grad():
        other.weight.copy_(W.reshape(4, 2))
    model = nn.Sequential(first, other)
    held(model)[1].become(other.weight != 0)
    optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
    optimizer.state[first.weight]["momentum_buffer"] = V.clone()
    flat = torch.tensor([0.1375, 0.1375, 0.5, 0.4, 0.3, 0.1375, 0.1375, 0.2])
    optimizer.state[other.weight]["momentum_buffer"] = flat.reshape(4, 2)
    return model, optimizer


def test_the_example() -> None:
    model, optimizer = two_layers()
    means = [
        float(momentum_of(optimizer, one.weight).abs()[one.mask].mean()) for one in held(model)
    ]
    assert means == [pytest.approx(0.3625), pytest.approx(0.1375)]
    assert grown_counts(4, [0.725, 0.275], [6, 6]) == [3, 2]
    redistribute_by_momentum_(model, optimizer, 0.5)
    one, other = held(model)
    assert places(one.mask) == {(0, 0), (1, 2), (0, 1), (1, 3), (1, 0)}
    assert places(one.weight != 0) == {(0, 0), (1, 2)}  # also what is regrown begins at zero
    assert other.active == 4
    # The momentum stays as it is, also where weights are inactive.
    assert torch.equal(momentum_of(optimizer, one.weight), V)


def test_a_surplus_is_taken_off_by_the_next_update() -> None:
    model, optimizer = two_layers()
    totals = []
    for _ in range(6):
        redistribute_by_momentum_(model, optimizer, 0.5)
        totals.append(sum(counts(model)))
    assert all(8 <= total < 8 + 2 for total in totals)


@pytest.mark.parametrize("seed", range(6))
def test_shares_are_kept(seed: int) -> None:
    rng = torch.Generator().manual_seed(seed)
    means = torch.rand(5, generator=rng).tolist()
    shares = [mean / sum(means) for mean in means]
    free = torch.randint(20, 900, (5,), generator=rng).tolist()
    total = int(0.5 * sum(free))
    found = grown_counts(total, shares, free)
    assert total <= sum(found) <= total + 5
    assert all(n <= 0.99 * places for n, places in zip(found, free, strict=True))
    uncapped = grown_counts(total, shares, [10**6] * 5)
    ordered = sorted(zip(shares, uncapped, strict=True))
    assert [n for _, n in ordered] == sorted(uncapped)
    assert grown_counts(10**6, shares, free) == [int(0.99 * places) for places in free]
    assert grown_counts(0, shares, free) == [0] * 5


def test_momentum_stays_dense_and_the_total_within_a_percent() -> None:
    totals: list[int] = []

    def look(step: int, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        totals.append(sum(counts(model)))
        for one in held(model):
            assert not one.weight[~one.mask].any()
            assert momentum_of(optimizer, one.weight)[~one.mask].any()

    model = trained(swatlib.method("snfs", 0.7, every=1), 12, look)
    assert all(abs(total - totals[0]) <= max(4, 0.01 * totals[0]) for total in totals)
    fresh = trained(swatlib.method("snfs", 0.7), 1)
    assert counts(model) != counts(fresh)


def test_a_dense_layer_with_a_large_share_drops_no_more_than_its_sparsity() -> None:
    model, optimizer = two_layers()
    one, other = held(model)
    one.become(torch.ones(2, 4, dtype=torch.bool))
    redistribute_by_momentum_(model, optimizer, 0.5)
    # It is full, so its sparsity is 0 and nothing goes. The two that the other drops can grow only
    # there, where the numbers are rounded up.
    assert one.active == 8
    assert other.active == 5


def test_adam_has_a_momentum_and_plain_sgd_none() -> None:
    def adam(model: nn.Module) -> torch.optim.Optimizer:
        return torch.optim.Adam(model.parameters(), 1e-3)

    model = trained(swatlib.method("snfs", 0.7, every=2), 5, optimizer=adam)
    assert sum(counts(model)) > 0
    with pytest.raises(ValueError, match="optimizer holds no momentum"):
        redistribute_by_momentum_(model, torch.optim.SGD(model.parameters(), 0.1), 0.5)
    with pytest.raises(ValueError, match="momentum of SNFS must be above 0"):
        Run(method="snfs", sparsity=0.5, momentum=0.0)


@pytest.mark.parametrize("value", [0.0, torch.nan, torch.inf])
def test_useless_momenta_change_nothing(value: float) -> None:
    model, optimizer = two_layers()
    before = masks(model)
    for state in optimizer.state.values():
        state["momentum_buffer"].fill_(value)
    redistribute_by_momentum_(model, optimizer, 0.5)
    assert all(torch.equal(a, b) for a, b in zip(before, masks(model), strict=True))


def test_digits_are_learnt() -> None:
    options = {"every": 4}
    run = Run(
        width=8, epochs=2, images=600, batch_size=64, method="snfs", sparsity=0.5, options=options
    )
    assert train_run(run, "cpu")["test_accuracy"] > 30
