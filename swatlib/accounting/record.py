"""Watch a forward and a backward pass: which layers are used, which products they need.

Shapes come from hooks on the layers, what is multiplied elsewhere from torch's own table of
formulas, and which backward products there are from the gradients that arrive.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from swatlib.accounting.layer import Layer
from swatlib.checked import checked
from swatlib.surgery.twin import tensors_in

COUNTED = (nn.Conv2d, nn.Linear)
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)

BACKWARD = "(backward)"
"""Name of the row for what only the backward pass multiplies, as recomputed activations."""

OnUse = Callable[[str, nn.Module, Tensor, Tensor], None]
"""Called with the label of a use, the layer, its input and its output."""


class Products(TorchDispatchMode):
    """Adds up the multiply-accumulates of every product that torch's flop counter knows."""

    def __init__(self) -> None:
        super().__init__()
        self.macs = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run an operation and count it."""
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        if (formula := flop_registry.get(func._overloadpacket)) is not None:
            flops = formula(*args, **kwargs, out_val=result)
            if func._overloadpacket is torch.ops.aten.convolution_backward:
                flops = _backward_flops(*args)
            self.macs += flops // 2
        return result


def _backward_flops(grad: Tensor, x: Tensor, weight: Tensor, *rest: Any) -> int:
    # Each gradient takes as many products as the forward pass. Torch's own formula is wrong for the
    # weight gradient of a grouped convolution: it counts it once for every group.
    *_, transposed, _, _, needed = rest
    pixels = (x if transposed else grad).shape
    each = pixels[0] * prod(pixels[2:]) * weight.numel()
    return 2 * each * (bool(needed[0]) + bool(needed[1]))


@dataclass
class _Frame:
    """A module that runs now: the count when it began, and what its children took."""

    began: int
    inside: int = 0


@dataclass
class Record:
    """What :func:`watch` fills.

    Attributes
    ----------
    layers : list of Layer
        Uses in order; complete after :meth:`finish`.
    others : dict of str to int
        Forward multiply-accumulates outside convolutions and linear layers, by module.
    reached : set of str
        Labels of the uses to whose output a gradient came back.
    """

    products: Products = field(default_factory=Products)
    layers: list[Layer] = field(default_factory=list)
    others: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    reached: set[str] = field(default_factory=set)
    over: bool = False

    @checked
    def finish(self, backward: int | None) -> tuple[Layer, ...]:
        """Return all layers, given the multiply-accumulates of the backward pass.

        Parameters
        ----------
        backward : int or None
            None if the backward pass could not be followed. Then every gradient that could be
            needed is counted.
        """
        layers = self.layers
        if backward is not None:
            layers = [
                replace(
                    layer,
                    input_grad=layer.input_grad and layer.name in self.reached,
                    weight_grad=layer.weight_grad and layer.name in self.reached,
                )
                for layer in layers
            ]
        mine = sum(x.forward_macs * (x.input_grad + x.weight_grad) for x in layers)
        forward = sum(self.others.values())
        rest = 2 * forward if backward is None else max(0, backward - mine)
        return (*layers, *_other_layers(self.others, forward, rest))


def _other_layers(others: Mapping[str, int], forward: int, backward: int) -> Iterator[Layer]:
    """Yield one row for each module; the backward count is divided as the forward counts are."""
    if not others and backward:
        # No module explains these products: activations are recomputed, as in checkpointing, or a
        # custom autograd function multiplies in its backward pass.
        yield Layer(BACKWARD, "other", (), (), (), macs=(0, 0, backward))
        return
    done = seen = 0
    for name, macs in others.items():
        seen += macs
        share = backward * seen // forward - done
        done += share
        half = share // 2
        yield Layer(f"{name} (other)".strip(), "other", (), (), (), macs=(macs, half, share - half))


@checked
@contextmanager
def watch(
    model: nn.Module,
    passed_over: Mapping[str, str],
    weight_ids: Mapping[str, int],
    on_use: OnUse | None = None,
    grad: bool = True,
) -> Iterator[Record]:
    """Watch what runs in ``model`` within the block, until ``record.over`` is set.

    Parameters
    ----------
    model : nn.Module
    passed_over : mapping
        By the names of the layers to which no recipe applies: why none does.
    weight_ids : mapping
        By layer name, a number that layers with the same weight share.
    on_use : callable, optional
        Called at every use of a convolution or linear layer.
    grad : bool
        Whether what is needed for a backward pass is kept.
    """
    record = Record()
    stack: list[_Frame] = []
    uses: dict[str, int] = {}
    seen: dict[int, str] = {}

    def enter(module: nn.Module, args: Any) -> None:
        if not record.over:
            stack.append(_Frame(record.products.macs))

    def leave(name: str) -> Callable[..., None]:
        def hook(module: nn.Module, args: Any, kwargs: Any, output: Any) -> Any:
            if record.over:
                return None
            if isinstance(output, Tensor) and isinstance(module, COUNTED) and output._is_view():
                # An in-place operation on a view, as by ReLU, drops the view's gradient hooks.
                # A copy is no view.
                output = output.clone()
            frame = stack.pop()
            inclusive = record.products.macs - frame.began
            if stack:
                stack[-1].inside += inclusive
            own = inclusive - frame.inside
            if isinstance(module, (*COUNTED, *NORMS)):
                own -= use(name, module, tensors_in([args, kwargs]), tensors_in(output), own)
            if own > 0:
                record.others[name] += own
            return output

        return hook

    def use(name: str, module: Any, x: list[Tensor], y: list[Tensor], own: int) -> int:
        if not x or not y:
            return 0
        weighted = isinstance(module, COUNTED)
        layer = _layer(name, module, x[0], y[0])
        plain = not passed_over.get(name) or type(module) in COUNTED
        if weighted and not plain and layer.forward_macs > own:
            return 0  # a subclass that computes less than its weight would take
        uses[name] = uses.get(name, 0) + 1
        label = name if uses[name] == 1 else f"{name}@{uses[name]}"
        shares = seen.setdefault(weight_ids[name], label) if weighted else label
        layer = replace(
            layer,
            name=label,
            shares="" if shares == label else shares,
            passed_over=passed_over.get(name, ""),
        )
        record.layers.append(layer)
        if weighted:
            if y[0].requires_grad:
                y[0].register_hook(lambda g: record.reached.add(label))
            if on_use is not None:
                on_use(label, module, x[0], y[0])
        return own if plain else layer.forward_macs

    handles = []
    for name, module in model.named_modules():
        handles += [
            module.register_forward_pre_hook(enter, prepend=True),
            module.register_forward_hook(leave(name), with_kwargs=True),
        ]
    try:
        with torch.inference_mode(False), torch.set_grad_enabled(grad), record.products:
            yield record
    finally:
        for handle in handles:
            handle.remove()


def _layer(name: str, module: Any, x: Tensor, y: Tensor) -> Layer:
    conv = isinstance(module, nn.Conv2d)
    # One sample without a batch is a batch of one.
    batch = (1,) if x.ndim == (3 if conv else 1) else ()
    input, output = (*batch, *x.shape), (*batch, *y.shape)
    if isinstance(module, NORMS):
        return Layer(name, "norm", (), input, output)
    return Layer(
        name,
        "conv" if conv else "linear",
        tuple(module.weight.shape),
        input,
        output,
        input_grad=x.requires_grad,
        weight_grad=module.weight.requires_grad,
    )
