"""Batch norms that keep less than their input between forward and backward.

- kept: the input Z;
- recomputed: nothing where Z is the product of a layer whose own input can be made again; the
  forward product is then computed once more in the backward pass;
- a sparsity: the normalised Z, with zeros for the smallest (Back Razor, Jiang et al. 2022).

The first two give the same gradients, to the bit. Rounded values and zeros change the gradient, and
nothing else: the forward pass always uses the whole Z.

Recomputing goes through the usual chain, batch norm, ReLU, convolution, batch norm. The first keeps
Z. From it the ReLU's output follows, which the convolution then need not keep, and with one more
product the second Z. At a sum, as at the end of a residual block, a new chain begins.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function

from swatlib.core.maker import maker, remake
from swatlib.core.products import Saving, differentiable_once
from swatlib.kernels.keep import keep
from swatlib.kernels.packing import Compressed, compress, restore, uncompressed
from swatlib.selectors.topk import topk_threshold

LONGEST = 2
"""Products computed again in a row. What a chain makes again is in memory at once, so that without
a limit a plain network would in the backward pass hold all that it saved in the forward pass."""


class ThriftyBatchNorm2d(nn.BatchNorm2d):
    """A batch norm that keeps less for backward; made by :func:`swatlib.compress_`."""

    saving: Saving = Saving()
    """How values are stored, and whether an input that can be made again is not kept."""
    sparsity: float = 0.0
    """Share of the normalised input that is left out."""

    def forward(self, input: Tensor) -> Tensor:
        """Normalise (N, C, H, W)."""
        differentiated = torch.is_grad_enabled() and input.requires_grad
        if not (self.training and differentiated) or torch.compiler.is_compiling():
            return super().forward(input)
        self._check_input_dim(input)
        momentum = 0.0 if self.momentum is None else self.momentum
        if self.track_running_stats and self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)
            if self.momentum is None:
                momentum = 1.0 / float(self.num_batches_tracked)
        result: Tensor = Normalise.apply(
            input,
            self.weight,
            self.bias,
            self.running_mean,
            self.running_var,
            momentum,
            self.eps,
            self.saving,
            self.sparsity,
        )
        return result


class Normalise(Function):
    """Batch norm by torch's own kernels, that keeps its input, a part of it, or nothing."""

    @staticmethod
    def forward(
        ctx: Any,
        z: Tensor,
        weight: Tensor | None,
        bias: Tensor | None,
        running_mean: Tensor | None,
        running_var: Tensor | None,
        momentum: float,
        eps: float,
        saving: Saving,
        sparsity: float,
    ) -> Tensor:
        y, mean, inverse, reserve, kernel = torch.ops.aten._batch_norm_impl_index(
            z,
            weight,
            bias,
            running_mean,
            running_var,
            True,
            momentum,
            eps,
            torch.backends.cudnn.enabled,
        )
        ctx.maker = maker(z) if saving.remakes else None
        if ctx.maker is not None and ctx.maker.length > LONGEST:
            ctx.maker = None
        ctx.length = 0 if ctx.maker is None else ctx.maker.length
        ctx.exact = saving.values == "exact" and not sparsity
        if ctx.maker is not None:
            stored = uncompressed(z.new_empty(0))
        elif ctx.exact:
            stored = uncompressed(z)
        else:
            stored = _approximate(z, mean, inverse, saving.values, sparsity)
        ctx.layout, ctx.eps, ctx.kernel = stored[2:], eps, kernel
        ctx.save_for_backward(stored.values, stored.where, mean, inverse, weight, bias, reserve)
        ctx.made = None
        if saving.remakes:
            ctx.remake, ctx.version = _made_again, y._version
        return y

    @staticmethod
    @differentiable_once
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        _, _, mean, inverse, weight, _, reserve = ctx.saved_tensors
        z, ctx.made = _input(ctx), None
        needs = list(ctx.needs_input_grad[:3])
        gradients = torch.ops.aten._batch_norm_impl_index_backward(
            ctx.kernel,
            z,
            grad,
            weight,
            None,
            None,
            mean,
            inverse,
            True,
            ctx.eps,
            needs,
            reserve,
        )
        return (
            *(g if need else None for g, need in zip(gradients, needs, strict=True)),
            *(None,) * 6,
        )


def _per_channel(statistic: Tensor, z: Tensor) -> Tensor:
    return statistic.to(z.dtype).view(1, -1, *(1,) * (z.ndim - 2))


def _approximate(
    z: Tensor, mean: Tensor, inverse: Tensor, values: str, sparsity: float
) -> Compressed:
    # Normalised, channels compete on equal terms, zero is the mean, and one scale suits them all.
    normalised = (z - _per_channel(mean, z)) * _per_channel(inverse, z)
    if sparsity:
        normalised = keep(normalised, topk_threshold(normalised, sparsity))
    return compress(normalised, values)


def _input(ctx: Any) -> Tensor:
    """Return Z, exact or not."""
    values, where, mean, inverse, *_ = ctx.saved_tensors
    if ctx.maker is not None:
        if ctx.made is None:
            ctx.made = remake(ctx.maker)
        return ctx.made
    z = restore(Compressed(values, where, *ctx.layout))
    return z if ctx.exact else z / _per_channel(inverse, z) + _per_channel(mean, z)


def _made_again(ctx: Any) -> Tensor:
    """Return Y of a batch norm."""
    weight, bias = ctx.saved_tensors[4:6]
    y: Tensor = torch.batch_norm(
        _input(ctx), weight, bias, None, None, True, 0.0, ctx.eps, torch.backends.cudnn.enabled
    )
    return y
