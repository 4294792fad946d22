"""What a network's layers look like for one input: shapes only, nothing computed.

The network runs once on meta tensors, forward and backward, which have a shape and no storage, so
ResNet-50 at 224 pixels takes a fraction of a second and no memory, and the user's model is left as
it was. Only a model that asks for values, as of a mask, runs with them, as a copy.
"""

import warnings
from collections.abc import Iterable

import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from swatlib.accounting.layer import Layer, Network
from swatlib.accounting.record import BACKWARD, COUNTED, Record, watch
from swatlib.checked import checked
from swatlib.core.sparse_layer import SparseLayer
from swatlib.surgery.multiplying import FROZEN, multiplying
from swatlib.surgery.twin import (
    Call,
    Example,
    call_of,
    copied,
    densified,
    onto_meta,
    tensors_in,
    without_weights,
)


@checked(example=None)
def trace(model: nn.Module, example: Example) -> Network:
    """Run a model once on meta tensors, forward and backward, and note the shapes of its layers.

    Sparse layers are traced as the dense ones they came from; any other layer runs the forward pass
    it has. The gradient starts from the sum of the outputs.

    Parameters
    ----------
    model : nn.Module
        On any device, "meta" included. It is copied without its weights and not changed. The copy
        runs in the mode the model is in, except that its batch norms are in evaluation mode.
    example : tensor, shape, tuple or mapping
        An input, or its shape with the batch first, such as (1, 3, 224, 224); a tuple of them for
        several arguments, whose last element may be a dict of keyword arguments; or such a dict.

    Returns
    -------
    Network

    Raises
    ------
    TypeError
        If `model` is no module or `example` nothing of the kind.
    ValueError
        If the model cannot take such an input, has no convolution or linear layer, or asks for
        values where `example` or the model has none.

    Warns
    -----
    UserWarning
        Naming the modules that multiply outside convolutions and linear layers, as attention does:
        what they do is counted, as dense.
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"model must be an nn.Module, got {type(model).__name__}")
    call = call_of(example, model)
    try:
        layers = _layers(model, without_weights(model), onto_meta(call))
    except Exception as error:  # whatever a stranger's forward pass raises
        if any(t.is_meta for t in [*tensors_in(call), *model.parameters()]):
            raise _misfit(call, error) from error
        try:  # some ask for values, as of a mask
            with torch.random.fork_rng(devices=[]):
                layers = _layers(model, densified(copied(model)), call)
        except Exception as second:
            raise _misfit(call, second) from second
    if not any(layer.weight for layer in layers):
        raise ValueError(
            f"model must use an nn.Conv2d or nn.Linear, {type(model).__name__} has none"
        )
    warn_of_others(model, layers)
    return Network(layers)


def _layers(model: nn.Module, twin: nn.Module, call: Call) -> tuple[Layer, ...]:
    args, kwargs = call
    with (
        sdpa_kernel(SDPBackend.MATH),  # torch has formulas for its products on any device
        watch(twin, passed_over(model), weight_ids(model)) as record,
    ):
        output = twin(*args, **kwargs)
        record.over = True
        return record.finish(_backward(record, output))


def _misfit(call: Call, error: Exception) -> ValueError:
    shapes = ", ".join(str(tuple(t.shape)) for t in tensors_in(call))
    reason = str(error).partition("\n")[0] or type(error).__name__
    return ValueError(f"example of shape {shapes} does not fit: {reason}")


def warn_of_others(model: nn.Module, layers: Iterable[Layer]) -> None:
    """Warn, naming the modules that multiply outside convolutions and linear layers, if any do."""
    modules = dict(model.named_modules())
    if others := [_described(layer.name, modules) for layer in layers if layer.kind == "other"]:
        warnings.warn(
            "multiplied outside nn.Conv2d and nn.Linear, and so dense in every method: "
            + ", ".join(others),
            stacklevel=4,
        )


def _described(name: str, modules: dict[str, nn.Module]) -> str:
    if name == BACKWARD:
        return "the backward pass, once more what is forward"
    name = name.removesuffix("(other)").strip()
    return f"{name or '(the model)'} ({type(modules[name]).__name__})"


@checked
def passed_over(model: nn.Module) -> dict[str, str]:
    """Return, by name, why :func:`swatlib.sparsify_` leaves convolution and linear layers dense."""
    return {
        found.name: FROZEN if found.obstacle == FROZEN else type(found.layer).__name__
        for found in multiplying(model)
        if found.obstacle
        and isinstance(found.layer, COUNTED)
        and not isinstance(found.layer, SparseLayer)
    }


@checked
def weight_ids(model: nn.Module) -> dict[str, int]:
    """Return, by layer name, a number that only layers with the same weight share."""
    return {
        # A computed weight, as of weight norm, is a new tensor at every access, so its id does not
        # identify it. The module's id stands in: such a weight is taken to be shared with none.
        name: id(module._parameters.get("weight", module))
        for name, module in model.named_modules()
        if isinstance(module, COUNTED)
    }


def _backward(record: Record, output: object) -> int | None:
    """Run the backward pass from the sum of the outputs; None if it cannot be followed."""
    starts = [t for t in tensors_in(output) if t.requires_grad]
    before = record.products.macs
    try:
        if starts:
            torch.autograd.backward(starts, [torch.empty_like(t) for t in starts])
    except RuntimeError as error:
        reason = str(error).partition("\n")[0]
        warnings.warn(
            f"the backward pass cannot be followed, so every gradient is counted that could be "
            f"needed: {reason}",
            stacklevel=4,
        )
        return None
    return record.products.macs - before
