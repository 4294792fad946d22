"""What is kept: the first ones on ties, exact numbers, the example by hand."""

import torch
from rewiring import W, places

from swatlib.methods.keep import (
    best,
    kept_above,
    kept_by_magnitude,
    kept_by_sign,
    kept_together,
    part,
)


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


def test_weights_compete_over_several_layers() -> None:
    others = [torch.tensor([3.0, 0.1]), torch.tensor([[-2.0, 9.0]])]
    among = [torch.tensor([True, True]), torch.tensor([[True, False]])]
    found = kept_together(others, among, 2)
    assert [mask.tolist() for mask in found] == [[True, False], [[True, False]]]
