"""Dropping and growing: the example by hand, exact counts, and what moves."""

import copy
import itertools
from typing import Any

import pytest
import torch
from rewiring import MOMENTUM, G, W, example, masks, places, trained
from torch import Tensor, nn

import swatlib
from swatlib.methods.held_weight import Hold, held
from swatlib.methods.method import Method
from swatlib.methods.ramp import Updates
from swatlib.methods.rewire import Rewire, at_random, by_gradient, rewire_
from swatlib.methods.static import static
from swatlib.testing.network import network
from swatlib.training.loop import leaving_no_trace


def test_the_example_regrows_what_it_dropped() -> None:
    layer, optimizer, one = example()
    rewire_(layer, optimizer, 0.5)
    assert places(one.mask) == {(0, 0), (1, 2), (0, 1), (1, 3)}
    # Dropped and grown at once: value and momentum stay. Newly grown: both are zero.
    momentum = optimizer.state[layer.weight]["momentum_buffer"]
    wanted = torch.tensor([[0.5, -0.1, 0, 0], [0, 0, -0.4, 0]])
    assert torch.equal(layer.weight, wanted)
    assert torch.equal(momentum, torch.where(wanted != 0, MOMENTUM, 0))


def test_the_example_without_regrowing() -> None:
    layer, optimizer, one = example()
    rewire_(layer, optimizer, 0.5, regrow=False)
    assert places(one.mask) == {(0, 0), (1, 2), (1, 3), (1, 0)}
    assert places(layer.weight != 0) == {(0, 0), (1, 2)}
    assert not optimizer.state[layer.weight]["momentum_buffer"][~(layer.weight != 0)].any()


def test_without_regrowing_no_more_is_dropped_than_can_grow() -> None:
    w = torch.tensor([[0.5, -0.1, 0.3, 0.2], [0.0, 0.2, -0.4, 0.6]])
    layer, optimizer, one = example(w)
    rewire_(layer, optimizer, 0.9, regrow=False)
    assert places(~one.mask) == {(0, 1)}  # the smallest has changed places with the only free one


def test_a_share_of_zero_changes_nothing() -> None:
    layer, optimizer, _ = example()
    before = copy.deepcopy([layer.weight, optimizer.state])
    rewire_(layer, optimizer, 0.0)
    assert torch.equal(layer.weight, before[0])
    assert places(swatlib.active_mask(layer)) == places(W != 0)


def by_sorting(w: Tensor, m: Tensor, g: Tensor, share: float, regrow: bool) -> set[int]:
    """Return the new mask's places, the slow and obvious way."""
    flat_w, flat_m, flat_g = w.flatten().tolist(), m.flatten().tolist(), g.flatten().tolist()
    active = [i for i, on in enumerate(flat_m) if on]
    n = int(share * len(active) + 1e-9)
    if not regrow:
        n = min(n, len(flat_m) - len(active))
    ordered = sorted(active, key=lambda i: (-abs(flat_w[i]), i))
    kept = set(ordered[: len(active) - n])
    free = [i for i in range(len(flat_m)) if i not in (kept if regrow else set(active))]
    return kept | set(sorted(free, key=lambda i: (-abs(flat_g[i]), i))[:n])


@pytest.mark.parametrize("seed", range(12))
def test_updates_are_those_of_plain_sorting(seed: int) -> None:
    torch.manual_seed(seed)
    w, g = torch.randn(6, 7).round(decimals=1), torch.randn(6, 7).round(decimals=1)  # with ties
    layer: Any = nn.Linear(7, 6, bias=False)
    with torch.no_grad():
        layer.weight.copy_(w)
    sparsity, share, regrow = (0.3, 0.8)[seed % 2], (0.1, 0.5, 1.0)[seed % 3], seed < 6
    swatlib.sparsify_(layer, static(sparsity, first_layer_dense=False))
    (one,) = held(layer)
    layer.weight.grad = g
    old = one.mask.clone()
    rewire_(layer, torch.optim.SGD(layer.parameters(), 0.1), share, regrow=regrow)
    assert set(one.mask.flatten().nonzero()[:, 0].tolist()) == by_sorting(w, old, g, share, regrow)
    assert int(one.mask.sum()) == int(old.sum())
    stayed = old & one.mask
    assert torch.equal(layer.weight, torch.where(stayed, w, 0))


@pytest.mark.parametrize("grow", ["gradient", "random"])
@pytest.mark.parametrize("signed", [False, True])
def test_counts_stay_and_masks_move_until_the_end(grow: str, signed: bool) -> None:
    """Invariants A, B and G."""
    seen: list[list[Tensor]] = []
    method = Method(
        static(0.7).recipe,
        between=(Hold(), Rewire(Updates(every=2, until=0.7), 0.4, 0.2, grow=grow, signed=signed)),
    )

    def look(step: int, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        if seen:
            for before, one in zip(seen[-1], held(model), strict=True):
                new = one.mask & ~before
                assert not one.weight[new].any()
                assert not optimizer.state[one.weight]["momentum_buffer"][new].any()
        seen.append(masks(model))

    trained(method, 12, look)
    assert all([int(m.sum()) for m in now] == [int(m.sum()) for m in seen[0]] for now in seen)
    moved = [
        any(not torch.equal(a, b) for a, b in zip(*pair, strict=True))
        for pair in itertools.pairwise(seen)
    ]
    assert [i + 2 for i, one in enumerate(moved) if one] == [2, 4, 6, 8]


def test_random_growth_ignores_gradients_and_torchs_random_state() -> None:
    found = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        layer, optimizer, one = example(g=G * (1 if seed else -5))
        state = torch.get_rng_state()
        rewire_(layer, optimizer, 0.5, at_random)
        assert torch.equal(torch.get_rng_state(), state)
        found.append(one.mask.clone())
    assert torch.equal(*found)
    assert {(0, 0), (1, 2)} <= places(found[0])


def test_a_layer_without_gradient_waits() -> None:
    layer, optimizer, one = example()
    layer.weight.grad = None
    assert by_gradient(one) is None
    rewire_(layer, optimizer, 0.5)
    assert places(one.mask) == places(W != 0)


def test_the_loss_of_the_first_batch_leaves_no_trace() -> None:
    model = swatlib.sparsify_(network(), static(0.5))
    twin = copy.deepcopy(model)
    generator = torch.Generator().manual_seed(3)
    state, own = torch.get_rng_state(), generator.get_state()
    with leaving_no_trace(model, (generator,)):
        model(torch.randn(4, 3, 8, 8))
        torch.rand(3, generator=generator)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(generator.get_state(), own)
    for a, b in zip(model.buffers(), twin.buffers(), strict=True):
        assert torch.equal(a, b)


def test_bad_values() -> None:
    with pytest.raises(ValueError, match="grow must be one of gradient, random; got 'magic'"):
        Rewire(Updates(), grow="magic")
    with pytest.raises(ValueError, match=r"first must be in \[0, 1\], got 2"):
        Rewire(Updates(), first=2)
