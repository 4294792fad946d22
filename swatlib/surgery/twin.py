"""A copy of a model to inspect in the model's place, and the arguments to call it with.

On the meta device the copy has shapes and no values: a large model is copied and run in a fraction
of a second and in no memory.
"""

import copy
import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.utils import _pytree as pytree

from swatlib.core.sparse_layer import SparseLayer

Example = Tensor | Sequence[Any] | Mapping[str, Any]
"""What a model is called with: an input or its shape; a tuple of them for positional arguments,
whose last element may be a dict of keyword arguments; or such a dict alone."""

Call = tuple[tuple[Any, ...], dict[str, Any]]
"""Positional and keyword arguments."""


def copied(model: nn.Module, convert: Callable[[Tensor], Tensor] = Tensor.clone) -> nn.Module:
    """Copy a model with every tensor in it converted, and without the user's own hooks.

    Parameters
    ----------
    model : nn.Module
    convert : callable
        From a detached tensor of the model to the copy's.

    Returns
    -------
    nn.Module
        In the mode of ``model``. torch's own hooks, which compute weights, are kept. The user's are
        not, because they may write to objects outside the copy.
    """
    memo: dict[int, Any] = {}
    with torch.inference_mode(False):
        for tensor in _tensors(model):
            if is_lazy(tensor):
                continue
            new = convert(tensor.detach())
            if isinstance(tensor, nn.Parameter):
                new = nn.Parameter(new, tensor.requires_grad)
            memo[id(tensor)] = new
        twin = copy.deepcopy(model, memo)
    for module in twin.modules():
        for hooks in (module._forward_pre_hooks, module._forward_hooks, module._backward_hooks):
            for key, hook in list(hooks.items()):
                if not str(getattr(hook, "__module__", "")).startswith("torch."):
                    del hooks[key]
        module._backward_pre_hooks.clear()
    return twin


def without_weights(model: nn.Module) -> nn.Module:
    """Copy a model onto the meta device, its sparse layers dense.

    Selectors need values, which the meta device does not have. The dense layer gives outputs of the
    same shape.
    """
    return densified(copied(model, _shape_of))


def densified(twin: nn.Module) -> nn.Module:
    """Make a copy's sparse layers dense, in place, to infer shapes; return the copy."""
    for module in list(twin.modules()):
        if isinstance(module, SparseLayer):
            module.to_dense()
        # In training, batch norm refuses one value per channel. Evaluation gives the same shapes.
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.eval()
    return twin


def call_of(example: Example, model: nn.Module) -> Call:
    """Return the positional and keyword arguments that an example stands for.

    Parameters
    ----------
    example : tensor, shape, tuple or mapping
        As :data:`Example` says. A shape, such as (1, 3, 224, 224), has the batch first and stands
        for a floating tensor of the model's precision on the meta device.
    model : nn.Module
        What will be called.

    Raises
    ------
    TypeError
        If `example` is nothing of the kind.
    ValueError
        For a shape without a batch and a further size, or with a size below 1.
    """
    if isinstance(example, Mapping):
        return (), {str(name): _value(value, model) for name, value in example.items()}
    if isinstance(example, Tensor) or _is_shape(example):
        return (_value(example, model),), {}
    if not isinstance(example, tuple | list) or not example:
        raise TypeError(
            "example must be a tensor, a shape such as (1, 3, 224, 224), a tuple of them or a "
            f"mapping from names to them, got {example!r}"
        )
    *positional, last = example
    keywords: dict[str, Any] = {}
    if isinstance(last, Mapping):
        _, keywords = call_of(last, model)
    else:
        positional.append(last)
    return tuple(_value(value, model) for value in positional), keywords


def onto_meta(call: Call) -> Call:
    """Return a call with its tensors on the meta device, which have a shape and no values."""
    with torch.inference_mode(False):
        shapes: Call = pytree.tree_map_only(Tensor, _shape_of, call)
        return shapes


def _shape_of(tensor: Tensor) -> Tensor:
    return torch.empty_like(tensor, device="meta", requires_grad=False)


def tensors_in(value: Any) -> list[Tensor]:
    """Return the tensors in what a model returned: in sequences, mappings and data classes."""
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, Mapping):
        return [t for v in value.values() for t in tensors_in(v)]
    if isinstance(value, list | tuple):
        return [t for v in value for t in tensors_in(v)]
    if hasattr(value, "__dataclass_fields__"):
        return [t for name in value.__dataclass_fields__ for t in tensors_in(getattr(value, name))]
    return []


def _tensors(model: nn.Module) -> Iterator[Tensor]:
    """Yield parameters, buffers, and tensors kept as plain attributes, as computed weights are."""
    yield from model.parameters()
    yield from model.buffers()
    for module in model.modules():
        for value in vars(module).values():
            yield from (t for t in tensors_in(value) if not isinstance(t, nn.Parameter))


def _is_shape(example: Any) -> bool:
    if isinstance(example, torch.Size):
        return True
    if not isinstance(example, tuple | list) or not example:
        return False
    return all(hasattr(n, "__index__") and not isinstance(n, bool | Tensor) for n in example)


def _value(value: Any, model: nn.Module) -> Any:
    if not _is_shape(value):
        return value
    shape = tuple(operator.index(n) for n in value)
    if len(shape) < 2 or min(shape) < 1:
        raise ValueError(f"example must have a batch and at least one more size, got {shape}")
    floating = (p.dtype for p in model.parameters() if p.is_floating_point())
    return torch.empty(shape, device="meta", dtype=next(floating, torch.get_default_dtype()))
