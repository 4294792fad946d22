"""Shapes of the layers a machine has to compute.

Only the shape matters to a count of cycles: filters, channels, kernel, stride, padding, groups,
the size of the input and the batch. A linear layer is a 1x1 convolution of a 1x1 image.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

from torch import nn

from swatlib import checks
from swatlib.accounting import Layer as Use
from swatlib.accounting import trace
from swatlib.checked import checked, checked_fields
from swatlib.core.operands import PRODUCTS
from swatlib.surgery.twin import Example


@dataclass(frozen=True)
class Layer:
    """The shape of one convolution or linear layer.

    Attributes
    ----------
    name : str
        The layer's name in its model, used in every error message.
    filters, channels : int
        Output and input channels (features for a linear layer).
    kernel, stride, padding : tuple of int
        Height and width.
    groups : int
        Channel groups; ``groups == channels`` is a depthwise convolution.
    image : tuple of int
        Height and width of the input; (1, 1) for a linear layer.
    batch : int
        Images, or rows of a linear layer's input.
    first : bool
        Nothing below it needs a gradient: it has no input-gradient product.
    frozen : bool
        Its weight needs no gradient: it has no weight-gradient product.
    """

    name: str
    filters: int
    channels: int
    kernel: tuple[int, int] = (1, 1)
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    groups: int = 1
    image: tuple[int, int] = (1, 1)
    batch: int = 1
    first: bool = False
    frozen: bool = False

    def __post_init__(self) -> None:
        checked_fields(self, name=checks.any_text, first=checks.flag, frozen=checks.flag)
        pair = partial(checks.counts, length=2)
        sizes: dict[str, Callable[[str, Any], Any]] = {
            "filters": checks.count,
            "channels": checks.count,
            "kernel": pair,
            "stride": pair,
            "padding": partial(pair, least=0),
            "groups": checks.count,
            "image": pair,
            "batch": checks.count,
        }
        for field, check in sizes.items():
            value = check(f"layer {self.name!r}: {field}", getattr(self, field))
            object.__setattr__(self, field, value)
        if self.channels % self.groups or self.filters % self.groups:
            raise ValueError(
                f"layer {self.name!r}: groups must divide channels and filters, got "
                f"{self.groups} groups of {self.channels} channels and {self.filters} filters"
            )
        if min(self.output) < 1:
            raise ValueError(
                f"layer {self.name!r}: a {self.kernel} kernel with padding {self.padding} does "
                f"not fit an input of {self.image}"
            )

    @property
    def output(self) -> tuple[int, int]:
        """Height and width of the output."""
        height, width = (
            (size + 2 * pad - k) // step + 1
            for size, pad, k, step in zip(
                self.image, self.padding, self.kernel, self.stride, strict=True
            )
        )
        return height, width

    @property
    def weight_shape(self) -> tuple[int, int, int, int]:
        """Shape of the weight, ``(filters, channels / groups, kh, kw)``."""
        return (self.filters, self.channels // self.groups, *self.kernel)

    @property
    def input_shape(self) -> tuple[int, int, int, int]:
        """Shape of the input, ``(batch, channels, height, width)``."""
        return (self.batch, self.channels, *self.image)

    @property
    def output_shape(self) -> tuple[int, int, int, int]:
        """Shape of the output, ``(batch, filters, height, width)``."""
        return (self.batch, self.filters, *self.output)

    @property
    def columns_shape(self) -> tuple[int, int, int, int]:
        """Shape of the unfolded input, ``(batch, groups, channels / groups kh kw, oh ow)``."""
        unfolded = math.prod(self.weight_shape[1:])
        return (self.batch, self.groups, unfolded, math.prod(self.output))

    @property
    def module(self) -> str:
        """Name of the module in its model; all uses of a module share it, and its weight."""
        return self.name.partition("@")[0]

    @checked(product=partial(checks.one_of, allowed=PRODUCTS))
    def computes(self, product: str) -> bool:
        """Whether a training step of this layer has the product."""
        return not {"input_grad": self.first, "weight_grad": self.frozen}.get(product, False)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of the forward product over the batch."""
        return self.batch * math.prod(self.output) * math.prod(self.weight_shape)


@checked(example=None)
def layers_of(model: nn.Module, example: Example) -> list[Layer]:
    """Shapes of the convolutions and linear layers of a model, in the order they run.

    Parameters
    ----------
    model : torch.nn.Module
        Any model, on any device; it is traced on meta tensors and not changed.
    example : tensor, shape, tuple or mapping
        As in `swatlib.accounting.trace`, such as (1, 3, 224, 224). What the model multiplies
        outside such layers, which a warning of that function names, is not simulated.

    Returns
    -------
    list of Layer
        A module that is used twice appears twice, the second time as ``name@2``.

    Raises
    ------
    ValueError
        If a layer is dilated, transposed, not two-dimensional, not padded with zeros, or changes
        its input itself, naming the layer.
    """
    check_kinds(model)
    return as_layers(model, trace(model, example).weighted)


@checked
def check_kinds(model: nn.Module) -> None:
    """Raise ValueError for a convolution that is not two-dimensional, naming it."""
    for name, module in model.named_modules():
        if isinstance(module, nn.modules.conv._ConvNd) and not isinstance(module, nn.Conv2d):
            raise ValueError(
                f"layer {name!r}: {type(module).__name__} is not supported, only Conv2d and Linear"
            )


@checked
def as_layers(model: nn.Module, uses: Iterable[Use]) -> list[Layer]:
    """Turn the uses that `swatlib.accounting` recorded of a model into the simulator's shapes."""
    modules, uses = dict(model.named_modules()), list(uses)
    for use in uses:
        if use.name.partition("@")[0] not in modules:
            raise ValueError(f"uses must be of layers of the model, got {use.name!r}")
    return [_layer(modules[use.name.partition("@")[0]], use) for use in uses]


def _layer(module: nn.Module, use: Use) -> Layer:
    first, frozen = not use.input_grad, not use.weight_grad
    if not isinstance(module, nn.Conv2d):
        features, inputs = use.weight
        rows = math.prod(use.input[:-1])
        return Layer(use.name, features, inputs, batch=rows, first=first, frozen=frozen)
    if tuple(module.dilation) != (1, 1):
        raise ValueError(f"layer {use.name!r}: dilation {module.dilation} is not supported")
    if module.padding_mode != "zeros":
        raise ValueError(f"layer {use.name!r}: {module.padding_mode} padding is not supported")
    layer = Layer(
        use.name,
        module.out_channels,
        module.in_channels,
        (use.weight[2], use.weight[3]),
        (module.stride[0], module.stride[1]),
        _padding(use.name, module),
        module.groups,
        (use.input[-2], use.input[-1]),
        use.input[0],
        first,
        frozen,
    )
    if layer.output_shape != use.output:
        raise ValueError(
            f"layer {use.name!r}: {type(module).__name__} changes its input itself: its output is "
            f"{use.output}, where its geometry gives {layer.output_shape}"
        )
    return layer


def _padding(name: str, module: nn.Conv2d) -> tuple[int, int]:
    if not isinstance(module.padding, str):
        return module.padding[0], module.padding[1]
    if module.padding == "valid":
        return 0, 0
    kh, kw = module.kernel_size
    if kh % 2 == 0 or kw % 2 == 0:
        raise ValueError(f"layer {name!r}: padding 'same' of an even kernel is not supported")
    return kh // 2, kw // 2
