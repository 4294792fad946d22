"""SET: both signs lose the weakest, random ones grow at zero."""

import torch
from rewiring import MOMENTUM, W, counts, example, masks, places, trained

import swatlib
from swatlib.methods.keep import kept_by_sign
from swatlib.methods.rewire import at_random, rewire_
from swatlib.training import Run, train_run


def test_the_example_drops_the_nearest_to_zero_of_either_sign() -> None:
    layer, optimizer, one = example()
    rewire_(layer, optimizer, 0.5, at_random, signed=True, fresh=True)
    # Not -0.4 and 0.2, as SWAT words it. What is regrown is at zero as well.
    wanted = torch.where((W == 0.5) | (W == -0.4), W, 0)
    assert torch.equal(layer.weight, wanted)
    momentum = optimizer.state[layer.weight]["momentum_buffer"]
    assert torch.equal(momentum, torch.where(wanted != 0, MOMENTUM, 0))
    assert one.active == 4
    assert {(0, 0), (1, 2)} <= places(one.mask)


def test_both_signs_lose_their_share() -> None:
    torch.manual_seed(0)
    w = torch.randn(30, 30) + 0.3
    mask = torch.rand(30, 30) < 0.5
    kept = kept_by_sign(w, mask, 0.3)
    for sign in (w > 0, w < 0):
        own, left = mask & sign, kept & sign
        assert int(left.sum()) == int(own.sum()) - int(0.3 * int(own.sum()))
        assert w[own & ~left].abs().max() <= w[left].abs().min()
    assert not (kept & ~mask).any()


def test_updates_follow_epochs_and_what_has_grown_is_zero() -> None:
    seen: list[list[torch.Tensor]] = []

    def look(step: int, model: torch.nn.Module, _: object) -> None:
        seen.append(masks(model))

    method = swatlib.method("set", 0.7)
    model = trained(method, 9, look)
    moved = [
        any(not torch.equal(a, b) for a, b in zip(seen[i], seen[i + 1], strict=True))
        for i in range(8)
    ]
    assert [i + 2 for i, one in enumerate(moved) if one] == [3, 6]  # epochs of three steps
    assert counts(model) == [int(mask.sum()) for mask in seen[0]]


def test_by_magnitude_it_is_that_of_rigls_authors() -> None:
    assert not swatlib.method("set", 0.5, signed=False).between[1].signed  # type: ignore[attr-defined]


def test_digits_are_learnt() -> None:
    run = Run(width=8, epochs=2, images=600, batch_size=64, method="set", sparsity=0.5)
    assert train_run(run, "cpu")["test_accuracy"] > 30
