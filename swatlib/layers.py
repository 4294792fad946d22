"""Layers: the convolution and the linear layer whose products follow a recipe.

A sparse layer *is* the dense layer it came from: the same object, Parameters, hooks and state-dict
keys. Only its class and a few attributes differ, so optimizers, checkpoints and references held
elsewhere stay valid, and going back is as simple.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from swatlib.masks import keep
from swatlib.products import Convolution, Criteria, convolution, linear
from swatlib.recipes import Recipe
from swatlib.selectors import Memory


class _Sparse:
    """What both sparse layers share: a recipe and the memory of its periodic selectors."""

    recipe: Recipe
    memory: dict[str, Memory]
    compressed: bool = False
    weight: Tensor
    training: bool

    def _attach(self, recipe: Recipe) -> None:
        self.recipe = recipe
        # Created now, not in the forward pass, so that a compiled step never sees it change shape.
        self.memory = {
            slot: Memory(self.weight, mask=getattr(selector, "keeps_mask", False))
            for slot, selector in recipe.slots().items()
            if selector is not None and selector.period > 1
        }

    def _criteria(self, x: Tensor) -> Criteria:
        """Choose what survives of weights and activations, once per forward pass."""
        recipe, w = self.recipe, self.weight
        backward_follows = torch.is_grad_enabled()
        with torch.no_grad():
            forward_weight = self._choose("forward_weight", w)
            forward_activation = self._choose("forward_activation", x)
            # Equal selectors on the same operand share one mask: the backward products then reuse
            # the forward choice. Choices for a backward pass that will not come are not made.
            input_grad_weight, weight_grad_activation = forward_weight, forward_activation
            if recipe.input_grad_weight != recipe.forward_weight and backward_follows:
                input_grad_weight = self._choose("input_grad_weight", w)
            if recipe.weight_grad_activation != recipe.forward_activation and backward_follows:
                weight_grad_activation = self._choose("weight_grad_activation", x)
        return Criteria(
            forward_weight, forward_activation, input_grad_weight, weight_grad_activation
        )

    def _choose(self, slot: str, x: Tensor) -> Tensor | None:
        selector = getattr(self.recipe, slot)
        if selector is None or selector is self.recipe.columns:
            return None
        return selector.criterion(x, self.memory.get(slot), self.training)

    def _decaying(self, criteria: Criteria) -> Tensor:
        """Return the weight, its gradient decaying what the forward product does not use."""
        recipe = self.recipe
        if not recipe.decay or recipe.decay_outside or criteria.forward_weight is None:
            return self.weight
        return _Decay.apply(self.weight, criteria.forward_weight, recipe.decay)

    def _compresses(self) -> bool:
        return self.compressed and torch.is_grad_enabled()

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, recipe={self.recipe.name}"  # type: ignore[misc]

    def _apply(self, fn: Any, *args: Any, **kwargs: Any) -> Any:
        result = super()._apply(fn, *args, **kwargs)  # type: ignore[misc]
        # Kept thresholds follow the weight to its device, but never to a lower precision.
        for slot, memory in self.memory.items():
            if memory.threshold.is_meta:
                self.memory[slot] = Memory(self.weight, mask=memory.mask is not None)
            else:
                dtype = torch.promote_types(memory.threshold.dtype, self.weight.dtype)
                memory.threshold = memory.threshold.to(self.weight.device, dtype)
                if memory.mask is not None:
                    memory.mask = memory.mask.to(self.weight.device)
        return result


class SparseConv2d(_Sparse, nn.Conv2d):
    """A 2-D convolution whose three products follow a recipe.

    Made from an :class:`torch.nn.Conv2d` by :func:`swatlib.sparsify_` or :meth:`from_dense`; every
    stride, padding (also "same", reflect, replicate, circular), dilation and group count works.
    Under autocast the product runs in the autocast dtype; weights are chosen before they are cast.
    """

    @classmethod
    def from_dense(cls, conv: nn.Conv2d, recipe: Recipe) -> "SparseConv2d":
        """Turn ``conv`` itself into a sparse layer and return it.

        Raises
        ------
        TypeError
            If ``conv`` is not exactly an ``nn.Conv2d`` (or already sparse).
        """
        return _become(conv, cls, nn.Conv2d, recipe)

    def to_dense(self) -> nn.Conv2d:
        """Turn this layer itself back into an ``nn.Conv2d`` and return it."""
        return _return(self, nn.Conv2d)

    def forward(self, x: Tensor) -> Tensor:
        """Convolve (N, Cin, H, W), or (Cin, H, W) for one sample, to (N, Cout, Ho, Wo)."""
        if x.ndim == 3:
            return self.forward(x[None])[0]
        if x.ndim != 4 or x.shape[1] != self.in_channels:
            raise ValueError(
                f"input must have shape (N, {self.in_channels}, H, W), got {tuple(x.shape)}"
            )
        x, padding = _padded(self, _autocast(x))
        geometry = Convolution(self.stride, padding, self.dilation, self.groups)
        criteria = self._criteria(x)
        return convolution(
            x,
            self._decaying(criteria),
            self.bias,
            geometry,
            criteria,
            self.recipe.input_grad_gradient,
            self.recipe.weight_grad_gradient,
            self.recipe.columns,
            self._compresses(),
        )


class SparseLinear(_Sparse, nn.Linear):
    """A linear layer whose three products follow a recipe; see :class:`SparseConv2d`."""

    @classmethod
    def from_dense(cls, layer: nn.Linear, recipe: Recipe) -> "SparseLinear":
        """Turn ``layer`` itself into a sparse layer and return it; TypeError if it is no Linear."""
        return _become(layer, cls, nn.Linear, recipe)

    def to_dense(self) -> nn.Linear:
        """Turn this layer itself back into an ``nn.Linear`` and return it."""
        return _return(self, nn.Linear)

    def forward(self, x: Tensor) -> Tensor:
        """Map (..., in_features) to (..., out_features)."""
        if not x.ndim or x.shape[-1] != self.in_features:
            raise ValueError(
                f"input must have shape (..., {self.in_features}), got {tuple(x.shape)}"
            )
        if x.ndim == 1:
            return self.forward(x[None])[0]
        x = _autocast(x)
        criteria = self._criteria(x)
        return linear(
            x,
            self._decaying(criteria),
            self.bias,
            criteria,
            self.recipe.input_grad_gradient,
            self.recipe.weight_grad_gradient,
            self._compresses(),
        )


class _Decay(Function):
    """The identity, whose gradient gains decay * (1 - M) * W: SR-STE, as its code has it."""

    @staticmethod
    def forward(ctx: Any, weight: Tensor, criterion: Tensor, decay: float) -> Tensor:
        ctx.save_for_backward(weight, criterion)
        ctx.decay = decay
        return weight.view_as(weight)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        weight, criterion = ctx.saved_tensors
        return grad + ctx.decay * (weight - keep(weight, criterion)), None, None


def _become(layer: Any, sparse: type, dense: type, recipe: Recipe) -> Any:
    if type(layer) not in (dense, sparse):
        raise TypeError(f"layer must be an nn.{dense.__name__}, got {type(layer).__name__}")
    layer.__class__ = sparse
    layer._attach(recipe)
    return layer


def _return(layer: Any, dense: type) -> Any:
    del layer.recipe, layer.memory
    layer.__dict__.pop("compressed", None)
    layer.__class__ = dense
    return layer


def _autocast(x: Tensor) -> Tensor:
    # As for torch's own layers, double precision stays what it is.
    if torch.is_autocast_enabled(x.device.type) and x.dtype != torch.float64:
        return x.to(torch.get_autocast_dtype(x.device.type))
    return x


def _padded(conv: nn.Conv2d, x: Tensor) -> tuple[Tensor, tuple[int, ...]]:
    """Return the input and the zero padding left to the product.

    What the product cannot pad by itself, other modes and the uneven part of the "same" of an even
    kernel, is padded here; such padding takes part in choosing activations.
    """
    both_sides = conv._reversed_padding_repeated_twice
    if conv.padding_mode != "zeros":
        return nn.functional.pad(x, both_sides, mode=conv.padding_mode), (0, 0)
    if conv.padding == "same":
        # As torch does it, to the bit: what is uneven is padded right and below beforehand.
        left, right, top, bottom = both_sides
        if left != right or top != bottom:
            x = nn.functional.pad(x, (0, right - left, 0, bottom - top))
        return x, (top, left)
    return x, (0, 0) if isinstance(conv.padding, str) else conv.padding
