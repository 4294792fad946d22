"""A maker is a node that says how to make its output again, and whose output is unchanged."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from swatlib.core.maker import maker, remake


class Double(Function):
    """Twice the input, which can be made again."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        y = 2 * x
        ctx.save_for_backward(x)
        ctx.remake, ctx.version, ctx.length = lambda node: 2 * node.saved_tensors[0], y._version, 0
        return y

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        return 2 * grad


def test_an_output_is_made_again() -> None:
    x = torch.randn(3, requires_grad=True)
    y = Double.apply(x)
    assert torch.equal(remake(maker(y)), y)


def test_others_have_no_maker() -> None:
    x = torch.randn(3, requires_grad=True)
    y = Double.apply(x)
    assert maker(x) is maker(2 * x) is maker(y[1:]) is maker(y.detach()) is None
    with torch.no_grad():
        y += 1
    assert maker(y) is None
