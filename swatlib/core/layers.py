"""Layers: the convolution and the linear layer whose products follow a recipe.

A sparse layer *is* the dense layer it came from: the same object, Parameters, hooks and state-dict
keys. Only its class and a few attributes differ, so optimizers, checkpoints and references held
elsewhere stay valid, and going back is as simple.
"""

from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn

from swatlib.core.products import convolution, linear
from swatlib.core.recipe import Recipe
from swatlib.core.sparse_layer import SparseLayer
from swatlib.kernels.convolution import Geometry


class SparseConv2d(SparseLayer, nn.Conv2d):
    """A 2-D convolution whose three products follow a recipe.

    Made from an :class:`torch.nn.Conv2d` by :func:`swatlib.sparsify_` or :meth:`from_dense`; every
    stride, padding (also "same", reflect, replicate, circular), dilation and group count works.
    Under autocast the product runs in the autocast dtype; weights are chosen before they are cast.
    """

    dense = nn.Conv2d

    @classmethod
    def from_dense(cls, conv: nn.Conv2d, recipe: Recipe) -> "SparseConv2d":
        """Turn ``conv`` itself into a sparse layer and return it.

        Raises
        ------
        TypeError
            If ``conv`` is not exactly an ``nn.Conv2d`` (or already sparse).
        """
        sparse: SparseConv2d = _become(conv, cls, recipe)
        return sparse

    def forward(self, input: Tensor) -> Tensor:
        """Convolve (N, Cin, H, W), or (Cin, H, W) for one sample, to (N, Cout, Ho, Wo)."""
        _check_call(input)
        if input.ndim == 3:
            return self.forward(input[None])[0]
        if input.ndim != 4 or input.shape[1] != self.in_channels:
            raise ValueError(
                f"input must have shape (N, {self.in_channels}, H, W), got {tuple(input.shape)}"
            )
        weight, bias = self.weight, self.bias
        x, geometry = self.laid_out(self._entering(input, weight, bias))
        choices = self.choices(x, weight)
        y = convolution(
            x,
            self._decaying(weight, choices),
            bias,
            geometry,
            self.recipe,
            choices,
            self._saving(),
            self._remembered(),
        )
        return self._zeroed(y, x, geometry)

    def laid_out(self, x: Tensor) -> tuple[Tensor, Geometry]:
        """Return the input, padded as far as the product cannot, and the geometry."""
        x, padding = _padded(self, x)
        made = Geometry if torch.compiler.is_compiling() else _geometry
        return x, made(self.stride, padding, self.dilation, self.groups)


class SparseLinear(SparseLayer, nn.Linear):
    """A linear layer whose three products follow a recipe; see :class:`SparseConv2d`."""

    dense = nn.Linear

    @classmethod
    def from_dense(cls, layer: nn.Linear, recipe: Recipe) -> "SparseLinear":
        """Turn ``layer`` itself into a sparse layer and return it; TypeError if it is no Linear."""
        sparse: SparseLinear = _become(layer, cls, recipe)
        return sparse

    def forward(self, input: Tensor) -> Tensor:
        """Map (..., in_features) to (..., out_features)."""
        _check_call(input)
        if not input.ndim or input.shape[-1] != self.in_features:
            raise ValueError(
                f"input must have shape (..., {self.in_features}), got {tuple(input.shape)}"
            )
        if input.ndim == 1:
            return self.forward(input[None])[0]
        weight, bias = self.matrix(self.weight), self.bias
        x = self._entering(input, weight, bias)
        choices = self.choices(x, weight)
        y = linear(
            x,
            self._decaying(weight, choices),
            bias,
            self.recipe,
            choices,
            self._saving(),
            self._remembered(),
        )
        return self._zeroed(y, x)


# Checked once: a model has few geometries, and each layer asks for its own in every step.
_geometry = lru_cache(maxsize=1024)(Geometry)


def _become(layer: Any, sparse: Any, recipe: Recipe) -> Any:
    dense = sparse.dense
    if type(layer) not in (dense, sparse):
        name = f"nn.{dense.__name__}" if dense.__module__.startswith("torch") else dense.__name__
        raise TypeError(f"layer must be an {name}, got {type(layer).__name__}")
    layer.__class__ = sparse
    layer.follow(recipe)
    return layer


def _check_call(input: Tensor) -> None:
    """Raise a clear error for inputs and transforms that a sparse layer does not support."""
    if not isinstance(input, Tensor):
        raise TypeError(f"input must be a Tensor, got {type(input).__name__}")
    if input.is_nested or input.layout is not torch.strided:
        kind = "a nested one" if input.is_nested else str(input.layout)
        raise TypeError(f"input must be a dense, strided tensor, got {kind}")
    if torch.compiler.is_compiling():
        return
    if torch._C._are_functorch_transforms_active():
        raise RuntimeError(
            "sparse layers work with torch.func.functional_call, but under no transform of "
            "torch.func (vmap, grad, vjp, jvp, ...): use torch.autograd, or densify_(model)"
        )
    if torch.jit.is_tracing():
        raise RuntimeError("sparse layers cannot be traced by torch.jit: use torch.export")


def _padded(conv: nn.Conv2d, x: Tensor) -> tuple[Tensor, tuple[int, ...]]:
    """Return the input and the zero padding left to the product.

    What the product cannot pad by itself, other modes and the uneven part of the "same" of an even
    kernel, is padded here; such padding takes part in choosing activations.
    """
    both_sides = conv._reversed_padding_repeated_twice
    if conv.padding_mode != "zeros":
        return nn.functional.pad(x, both_sides, mode=conv.padding_mode), (0, 0)
    if conv.padding == "same":
        # "same" with an even kernel needs one more zero right and below, as torch has it; the
        # product pads evenly, so add it first.
        left, right, top, bottom = both_sides
        if left != right or top != bottom:
            x = nn.functional.pad(x, (0, right - left, 0, bottom - top))
        return x, (top, left)
    return x, (0, 0) if isinstance(conv.padding, str) else conv.padding
