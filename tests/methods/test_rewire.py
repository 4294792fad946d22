"""Dropping and growing: the example by hand, exact counts, and what is at zero."""

import copy
import itertools
from typing import Any

import pytest
import torch
from rewiring import MOMENTUM, G, W, counts, example, go_on, masks, places, trained
from torch import Tensor, nn

import swatlib
from swatlib.methods.method import Between, Method
from swatlib.methods.ramp import Updates
from swatlib.methods.rewire import (
    Hold,
    Rewire,
    at_random,
    best,
    by_gradient,
    held,
    hold_,
    kept_above,
    kept_by_magnitude,
    kept_by_sign,
    kept_together,
    part,
    rewire_,
)
from swatlib.methods.static import static
from swatlib.testing.network import network, optimizer_of
from swatlib.training.loop import leaving_no_trace


def test_best_takes_the_first_on_ties() -> None:
    scores = torch.tensor([[1.0, 2.0, 2.0], [2.0, 0.0, 5.0]])
    among = torch.tensor([[True, True, True], [True, True, False]])
    assert places(best(scores, among, 2)) == {(0, 1), (0, 2)}
    assert places(best(scores, among, 9)) == places(among)
    assert not best(scores, among, 0).any()
    laid_out = torch.rand(4, 5, 3, 3)
    there = torch.rand(4, 5, 3, 3) < 0.5
    a = best(laid_out, there, 20)
    b = best(laid_out.to(memory_format=torch.channels_last), there, 20)
    assert torch.equal(a, b)
    assert int(a.sum()) == 20
    chosen, others = laid_out[a], laid_out[there & ~a]
    assert chosen.min() >= others.max()


def test_a_share_is_rounded_down_but_not_by_float_errors() -> None:
    assert part(0.29, 100) == 29
    assert part(0.5, 5) == 2
    assert part(0.3, 10) == 3


def test_the_example_drops_the_two_smallest() -> None:
    mask = W != 0
    kept = {(0, 0), (1, 2)}
    assert places(kept_by_magnitude(W, mask, 2)) == kept
    assert places(kept_by_sign(W, mask, 0.5)) == kept  # of either sign one, each nearest to zero
    assert places(kept_above(W, mask, 0.15)) == {(0, 0), (1, 1), (1, 2)}
    assert places(kept_above(W, mask, 9.0)) == {(0, 0)}  # one stays


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


def test_weights_compete_over_several_layers() -> None:
    others = [torch.tensor([3.0, 0.1]), torch.tensor([[-2.0, 9.0]])]
    among = [torch.tensor([True, True]), torch.tensor([[True, False]])]
    found = kept_together(others, among, 2)
    assert [mask.tolist() for mask in found] == [[True, False], [[True, False]]]


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


class MaskedGradients(Between):
    """The other way to hold: mask the gradients, and begin with zeros."""

    def after_backward(self, model: Any, optimizer: Any, progress: Any) -> None:
        """Mask."""
        for one in held(model):
            with torch.no_grad():
                one.weight.mul_(one.mask)
            assert one.weight.grad is not None
            one.weight.grad.mul_(one.mask)


@pytest.mark.parametrize("kind", ["sgd", "adam", "adamw"])
def test_holding_is_masking_gradients_to_the_bit(kind: str) -> None:
    def optimizer(model: nn.Module) -> torch.optim.Optimizer:
        if kind == "sgd":
            return torch.optim.SGD(model.parameters(), 0.05, momentum=0.9, weight_decay=1e-3)
        chosen = torch.optim.Adam if kind == "adam" else torch.optim.AdamW
        return chosen(model.parameters(), 1e-3, weight_decay=1e-3)

    recipe = static(0.7).recipe
    ends = [
        trained(Method(recipe, between=(one,)), 8, optimizer=optimizer)
        for one in (Hold(), MaskedGradients())
    ]
    for a, b in zip(ends[0].parameters(), ends[1].parameters(), strict=True):
        assert torch.equal(a, b)


def test_what_is_inactive_is_zero_after_every_step() -> None:
    def look(step: int, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        for one in held(model):
            state = optimizer.state[one.weight]["momentum_buffer"]
            assert not one.weight[~one.mask].any()
            assert not state[~one.mask].any()
            assert one.weight.grad is not None
            assert one.weight.grad[~one.mask].any()

    trained(static(0.7), 4, look)
    kept = trained(Method(static(0.7).recipe, between=(Hold(momentum=False),)), 2)
    assert len(counts(kept)) == 4


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


def tied() -> tuple[nn.Sequential, Any, Any]:
    torch.manual_seed(0)
    model = nn.Sequential(*(nn.Linear(6, 6, bias=False) for _ in range(3)))
    model[2].weight = model[1].weight
    return model, model[1], model[2]


def test_layers_that_share_a_weight_share_the_mask() -> None:
    model, one, two = tied()
    swatlib.sparsify_(model, static(0.5))
    optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
    for _ in range(3):
        model(torch.randn(4, 6)).square().sum().backward()
        optimizer.step()
        hold_(model, optimizer)
        rewire_(model, optimizer, 0.5)
        (weight,) = held(model)
        assert len(weight.states) == 2
        assert torch.equal(swatlib.active_mask(one), swatlib.active_mask(two))
    assert int(swatlib.active_mask(one).sum()) == 18


def test_what_a_dense_module_shares_keeps_its_value() -> None:
    model, one, two = tied()
    swatlib.sparsify_(model, static(0.5), filter_fn=lambda name, _: name == "1")
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    hold_(model, optimizer)
    assert one.weight.all()
    model(torch.randn(4, 6)).square().sum().backward()
    rewire_(model, optimizer, 0.5)
    assert two.weight.all()
    assert int(swatlib.active_mask(one).sum()) == 18


def test_a_layer_without_gradient_waits() -> None:
    layer, optimizer, one = example()
    layer.weight.grad = None
    assert by_gradient(one) is None
    rewire_(layer, optimizer, 0.5)
    assert places(one.mask) == places(W != 0)


def test_frozen_masks_are_held_and_not_moved() -> None:
    method = Method(static(0.7).recipe, between=(Hold(), Rewire(Updates(every=1), 0.5)))
    model = trained(method, 3, total=60)
    before = masks(model)
    swatlib.freeze_(model)
    assert held(model) == []
    go_on(model, method, optimizer_of(model), range(3, 6))
    for a, one in zip(before, held(model, frozen=True), strict=True):
        assert torch.equal(a, one.mask)
        assert not one.weight[~one.mask].any()


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
