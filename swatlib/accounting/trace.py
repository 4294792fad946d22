"""What a network's layers look like for one input: shapes only, nothing computed.

The network runs once on meta tensors, which have a shape and no storage, so ResNet-50 at 224 pixels
takes a fraction of a second and no memory, and the user's model is left as it was.
"""

import copy
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from types import MethodType
from typing import Any, cast

import torch
from torch import Tensor, nn

COUNTED = (nn.Conv2d, nn.Linear)
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)
# Layers without multiply-accumulates worth counting, by the papers' convention.
_FREE = (
    *NORMS,
    nn.Identity,
    nn.Flatten,
    nn.Unflatten,
    nn.Dropout,
    nn.Dropout2d,
    nn.GroupNorm,
    nn.LayerNorm,
    nn.InstanceNorm2d,
    nn.LocalResponseNorm,
    nn.Softmax,
    nn.LogSoftmax,
    nn.ZeroPad2d,
    nn.ReLU,
    nn.ReLU6,
    nn.LeakyReLU,
    nn.PReLU,
    nn.ELU,
    nn.GELU,
    nn.SiLU,
    nn.Sigmoid,
    nn.Tanh,
    nn.Hardswish,
    nn.Hardsigmoid,
    nn.MaxPool2d,
    nn.AvgPool2d,
    nn.AdaptiveAvgPool2d,
    nn.AdaptiveMaxPool2d,
    nn.Upsample,
    nn.PixelShuffle,
)


@dataclass(frozen=True)
class Layer:
    """One use of a convolution, linear or batch-norm layer.

    Parameters
    ----------
    name : str
        As in ``named_modules``; a second use of the same layer is called ``name@2``.
    kind : str
        ``"conv"``, ``"linear"`` or ``"norm"``.
    weight : tuple of int
        (Cout, Cin/groups, kh, kw), (out, in), or () for a norm.
    input, output : tuple of int
        Shapes with the batch first.
    shares : str
        Name of the earlier use whose weights these are, if any; they are counted there.
    """

    name: str
    kind: str
    weight: tuple[int, ...]
    input: tuple[int, ...]
    output: tuple[int, ...]
    shares: str = ""

    @property
    def weights(self) -> int:
        """Number of weights; 0 for a norm or a second use."""
        return 0 if self.shares or not self.weight else prod(self.weight)

    @property
    def inputs(self) -> int:
        """Number of input elements of the whole batch."""
        return prod(self.input)

    @property
    def forward_macs(self) -> int:
        """Multiply-accumulates of Y = W * X, padding included: each output meets each tap."""
        return prod(self.output) * prod(self.weight[1:]) if self.weight else 0

    @property
    def full_map_macs(self) -> int:
        """Multiply-accumulates of dX computed as a stride-1 convolution over the input-sized map.

        Cin Hin Win Cout kh kw / groups for each sample: the gradient, spread out with zeros to the
        size of the input, meets every tap, zeros included. It is stride^2 times the forward count.
        """
        if self.kind != "conv":
            return self.forward_macs
        return self.inputs * self.weight[0] * prod(self.weight[1:]) // self.input[1]


@dataclass(frozen=True)
class Network:
    """The layers of a network for one input, in the order of their use.

    Parameters
    ----------
    layers : tuple of Layer
        Convolutions, linear layers and batch norms.
    unknown : tuple of str
        ``name (type)`` of the layers that are counted as zero because nothing is known about them.
    """

    layers: tuple[Layer, ...]
    unknown: tuple[str, ...] = ()

    @cached_property
    def weighted(self) -> tuple[Layer, ...]:
        """The convolutions and linear layers only."""
        return tuple(layer for layer in self.layers if layer.weight)

    @property
    def batch(self) -> int:
        """Samples in the input that was traced."""
        return self.layers[0].input[0]


def trace(model: nn.Module, example: Tensor | Sequence[int]) -> Network:
    """Run a model once on meta tensors and note the shapes of its layers.

    Parameters
    ----------
    model : nn.Module
        On any device, "meta" included. It is copied without its weights and not changed.
    example : Tensor or sequence of int
        An input, or its shape with the batch first, such as (1, 3, 224, 224).

    Returns
    -------
    Network

    Raises
    ------
    TypeError
        If `model` is no module or `example` is neither a tensor nor a shape.
    ValueError
        If the model cannot take an input of that shape, or has no convolution or linear layer.

    Warns
    -----
    UserWarning
        Naming the layers whose multiply-accumulates are not known; they count as zero.
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"model must be an nn.Module, got {type(model).__name__}")
    x = _meta_input(example)
    twin = _without_weights(model)
    layers: list[Layer] = []
    uses: dict[str, int] = {}
    handles = []
    unknown = []
    seen: dict[int, str] = {}
    originals = dict(model.named_modules())
    for name, module in twin.named_modules():
        if isinstance(module, (*COUNTED, *NORMS)):
            weight_id = id(originals[name].weight)
            dense = next((kind for kind in COUNTED if isinstance(module, kind)), None)
            if dense is not None and type(module) is not dense:
                # A subclass, such as a sparse layer, may compute what meta tensors cannot; the
                # shapes are those of the dense layer.
                module.forward = MethodType(dense.forward, module)  # type: ignore[method-assign]
            handles.append(module.register_forward_hook(_note(name, weight_id, layers, uses, seen)))
        elif not isinstance(module, _FREE) and _computes(module):
            unknown.append(f"{name or '(the model)'} ({type(module).__name__})")
    try:
        with torch.no_grad():
            twin(x)
    except (RuntimeError, ValueError, IndexError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"example of shape {tuple(x.shape)} does not fit: {reason}") from error
    finally:
        for handle in handles:
            handle.remove()
    if not any(layer.weight for layer in layers):
        raise ValueError(
            f"model must use an nn.Conv2d or nn.Linear, {type(model).__name__} has none"
        )
    if unknown:
        warnings.warn(
            f"counted as zero, as nothing is known about them: {', '.join(unknown)}", stacklevel=2
        )
    return Network(tuple(layers), tuple(unknown))


def _computes(module: nn.Module) -> bool:
    """Say whether a module may compute: it has parameters of its own or no children."""
    own = any(True for _ in module.parameters(recurse=False))
    empty = isinstance(module, nn.Sequential | nn.ModuleList | nn.ModuleDict)
    return own or not (empty or any(True for _ in module.children()))


def _note(
    name: str, weight_id: int, layers: list[Layer], uses: dict[str, int], seen: dict[int, str]
) -> Callable[[nn.Module, Any, Tensor], None]:
    def hook(module: nn.Module, inputs: Any, output: Tensor) -> None:
        uses[name] = uses.get(name, 0) + 1
        label = name if uses[name] == 1 else f"{name}@{uses[name]}"
        if isinstance(module, NORMS):
            kind, weight = "norm", tuple[int, ...]()
        else:
            kind = "conv" if isinstance(module, nn.Conv2d) else "linear"
            weight = tuple(cast(Tensor, module.weight).shape)
        shares = seen.setdefault(weight_id, label) if weight else label
        layers.append(
            Layer(
                label,
                kind,
                weight,
                tuple(inputs[0].shape),
                tuple(output.shape),
                "" if shares == label else shares,
            )
        )

    return hook


def _without_weights(model: nn.Module) -> nn.Module:
    """Copy a model in evaluation mode, with meta tensors for its parameters and buffers."""
    memo: dict[int, Any] = {}
    for tensor in [*model.parameters(), *model.buffers()]:
        memo[id(tensor)] = (
            nn.Parameter(tensor.detach().to("meta"), tensor.requires_grad)
            if isinstance(tensor, nn.Parameter)
            else tensor.detach().to("meta")
        )
    return copy.deepcopy(model, memo).eval()


def _meta_input(example: Tensor | Sequence[int]) -> Tensor:
    if isinstance(example, Tensor):
        return example.detach().to("meta")
    try:
        shape = tuple(int(n) for n in example)
    except (TypeError, ValueError):
        raise TypeError(
            f"example must be a tensor or a shape such as (1, 3, 224, 224), got {example!r}"
        ) from None
    if len(shape) < 2 or min(shape) < 1:
        raise ValueError(f"example must have a batch and at least one more size, got {shape}")
    return torch.empty(shape, device="meta")
