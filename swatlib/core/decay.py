"""SR-STE's decay of the weights that the forward product does not use."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from swatlib.core.products import differentiable_once
from swatlib.kernels.keep import keep
from swatlib.kernels.packing import pack_choice, unpack_choice


class DecayInGradient(Function):
    """The identity, whose gradient gains decay * (1 - M) * W: SR-STE, as its code has it."""

    @staticmethod
    def forward(
        ctx: Any, weight: Tensor, choice: Tensor, decay: float, bits: bool = False
    ) -> Tensor:
        ctx.save_for_backward(weight, pack_choice(choice, weight) if bits else choice)
        ctx.decay = decay
        return weight.view_as(weight)

    @staticmethod
    @differentiable_once
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None, None]:
        weight, choice = ctx.saved_tensors
        # In one new tensor: these weights are large, and fresh memory costs more than arithmetic.
        kept = keep(weight, unpack_choice(choice, weight))
        decayed = torch.sub(weight, kept, out=kept).mul_(ctx.decay).add_(grad)
        return decayed, None, None, None
