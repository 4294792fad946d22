"""GraNet: prune over all layers, then exchange as RigL does."""

from dataclasses import replace

import torch
from rewiring import counts, masks, trained

import swatlib
from swatlib.methods.granet import granet
from swatlib.methods.held_weight import held
from swatlib.methods.rewire import Rewire
from swatlib.methods.rising import Rise
from swatlib.selectors import kept_count
from swatlib.testing.network import assert_same_weights
from swatlib.training import Run, train_run


def test_the_sparsity_rises_from_its_start_to_its_end() -> None:
    seen: list[list[torch.Tensor]] = []
    model = trained(granet(0.8, every=2), 16, lambda _, model, __: seen.append(masks(model)))
    totals = [sum(int(m.sum()) for m in now) for now in seen]
    sizes = [one.weight.numel() for one in held(model)]
    assert totals[0] == sum(kept_count(n, 0.5) for n in sizes)
    assert totals == sorted(totals, reverse=True)
    assert totals[7] == totals[-1] == sum(kept_count(n, 0.8) for n in sizes)
    # The exchange goes on when the pruning is over, and keeps the layers' counts.
    assert any(not torch.equal(a, b) for a, b in zip(seen[8], seen[12], strict=True))
    assert [int(m.sum()) for m in seen[8]] == counts(model)
    # What was pruned can grow again.
    assert any((b & ~a).any() for a, b in zip(seen[2], seen[-1], strict=True))


def test_without_an_exchange_it_is_gradual_pruning_over_all_layers() -> None:
    whole = granet(0.8, fraction=0.0, every=2, initial=0.0)
    bare = replace(whole, between=tuple(b for b in whole.between if not isinstance(b, Rewire)))
    gmp = swatlib.method("gmp", 0.8, every=2, begin=0.0, until=0.5, together=True)
    ends = [trained(method, 12) for method in (whole, bare, gmp)]
    for end in ends[1:]:
        assert_same_weights(ends[0], end, "without an exchange")


def test_the_ramp_knows_the_allocation() -> None:
    method = swatlib.method("granet", 0.8, allocation="erk", every=2)
    (rise,) = [one for one in method.between if isinstance(one, Rise)]
    assert rise.method.allocation is not None
    first: list[int] = []
    trained(method, 3, lambda _, model, __: first.extend(counts(model) if not first else []))
    assert len(first) == 5


def test_digits_are_learnt() -> None:
    run = Run(width=8, epochs=2, images=600, batch_size=64, method="granet", sparsity=0.7)
    assert train_run(run, "cpu")["test_accuracy"] > 30
