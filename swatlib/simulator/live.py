"""Masks of a model: run one training step and note which entries of the operands are not zero."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from swatlib.accounting.record import watch
from swatlib.accounting.trace import passed_over, warn_of_others, weight_ids
from swatlib.checked import checked
from swatlib.core.operands import ACTIVATION, GRADIENT, WEIGHT, Operand
from swatlib.core.operands import operand as operand_named
from swatlib.core.recipe import Recipe
from swatlib.core.selector import ColumnSelector, Selector
from swatlib.core.sparse_layer import SparseLayer
from swatlib.kernels.convolution import Geometry
from swatlib.simulator.geometry import Layer, as_layers, check_kinds
from swatlib.simulator.masks import Masks
from swatlib.surgery.twin import Example, call_of, copied, tensors_in

Loss = Callable[[Any, Any], Tensor]


@checked(x=None)
def masks_of(
    model: nn.Module, x: Example, y: Any = None, loss: Loss = functional.cross_entropy
) -> tuple[list[Layer], list[Masks]]:
    """Shapes and masks of one training step of a model, sparse or dense.

    All zeros count, those of the recipe and those that ReLU leaves: a machine skips what is zero,
    whatever the reason. Outputs that a recipe does not compute are zeros of G. In the forward
    product a machine that looks at operands computes them all the same. The step is taken by a
    copy; the model is not changed.

    Parameters
    ----------
    model : torch.nn.Module
        Dense or from `swatlib.sparsify_`, in the mode it is trained in.
    x : torch.Tensor, tuple or mapping
        A batch of inputs; for several, a tuple of positional or a mapping of keyword arguments, as
        in `swatlib.accounting.trace`.
    y : object, optional
        What `loss` compares the model's output with: labels.
    loss : callable
        ``loss(output, y)`` returns the scalar whose gradients are seen; cross-entropy of logits and
        int64 labels if not given.

    Returns
    -------
    layers : list of Layer
        Shapes, with the batch of `x`, of the layers that the step uses. A frozen layer has no
        weight-gradient product. One that the loss does not reach has no backward product at all.
    masks : list of Masks
        One per layer.

    Raises
    ------
    ValueError
        If the model is on the meta device, has a layer that cannot be simulated, does not take
        `x`, or returns what `loss` does not take.

    Warns
    -----
    UserWarning
        Naming the layers that the loss does not reach, and the modules that multiply outside
        convolutions and linear layers, which are not simulated.
    """
    args, kwargs = call_of(x, model)
    if any(t.is_meta for t in [*tensors_in([args, kwargs]), *model.parameters()]):
        raise ValueError("model and x must hold values, got meta tensors")
    check_kinds(model)
    twin = copied(model)
    modules: dict[str, nn.Module] = {}
    inputs: dict[str, Tensor] = {}
    gradients: dict[str, Tensor] = {}

    def on_use(label: str, module: nn.Module, x: Tensor, output: Tensor) -> None:
        modules[label], inputs[label] = module, x.detach()
        if output.requires_grad:
            output.register_hook(lambda g: gradients.__setitem__(label, g.detach()))

    with (
        torch.random.fork_rng(devices=[]),
        watch(twin, passed_over(model), weight_ids(model), on_use) as record,
    ):
        try:
            output = twin(*args, **kwargs)
        except Exception as error:  # whatever a stranger's forward pass raises
            reason = str(error).partition("\n")[0] or type(error).__name__
            raise ValueError(f"model cannot take x: {reason}") from error
        record.over = True
        before = record.products.macs
        value = _loss(loss, output, y)
        trained = [p for p in twin.parameters() if p.requires_grad]
        if trained and value.requires_grad:
            torch.autograd.grad(value, trained, allow_unused=True)
        missed = [u.name for u in record.layers if u.weight and u.weight_grad]
        used = record.finish(record.products.macs - before)
        layers = as_layers(model, [u for u in used if u.weight])
        masks = [
            _masks(layer, modules[layer.name], inputs[layer.name], gradients.get(layer.name))
            for layer in layers
        ]
    warn_of_others(model, used)
    if missed := [name for name in missed if name not in record.reached]:
        warnings.warn(
            f"the loss does not reach {', '.join(missed)}: their masks are those of the forward "
            "product alone",
            stacklevel=2,
        )
    return layers, masks


def _loss(loss: Loss, output: Any, y: Any) -> Tensor:
    if loss is functional.cross_entropy and not (
        isinstance(output, Tensor) and isinstance(y, Tensor)
    ):
        raise ValueError(
            f"model returns {type(output).__name__} and y is {type(y).__name__}, of which there is "
            "no cross-entropy: give a loss(output, y)"
        )
    try:
        value = loss(output, y)
    except Exception as error:
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise ValueError(f"loss cannot take the model's output and y: {reason}") from error
    if not isinstance(value, Tensor) or value.numel() != 1:
        shape = tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__
        raise ValueError(f"loss must return a scalar tensor, got {shape}")
    return value.sum()


@torch.no_grad()
def _masks(layer: Layer, module: nn.Module, x: Tensor, g: Tensor | None) -> Masks:
    sparse = module if isinstance(module, SparseLayer) else None
    recipe = Recipe("dense") if sparse is None else sparse.recipe
    weight = module.weight
    assert isinstance(weight, Tensor)
    if sparse is not None and g is not None:
        batch = x[None] if x.ndim < weight.ndim else x
        computed = sparse.computed(*sparse.laid_out(batch))
        g = g if computed is None else torch.where(computed.reshape(g.shape), g, 0.0)
    tensors = {WEIGHT: weight, ACTIVATION: x, GRADIENT: g}
    shapes = {
        WEIGHT: layer.weight_shape,
        ACTIVATION: layer.input_shape,
        GRADIENT: layer.output_shape,
    }
    chosen: list[tuple[Selector | None, str, Tensor]] = []

    def used(operand: Operand, selector: Selector | None) -> Tensor | None:
        """Return the operand as its product has it; equal selectors share one choice."""
        tensor = tensors[operand.tensor]
        if tensor is None or sparse is None or selector is None or selector.own_weight_gradient:
            return tensor
        for earlier, of, result in chosen:
            if earlier == selector and of == operand.tensor:
                return result
        result = sparse.operand(operand.name, tensor)
        chosen.append((selector, operand.tensor, result))
        return result

    operands = {operand: used(operand, selector) for operand, selector in recipe.items()}
    found = {
        operand.name: None if tensor is None else _nonzero(tensor, shapes[operand.tensor])
        for operand, tensor in operands.items()
    }
    if recipe.input_grad_weight == recipe.forward_weight:
        found["input_grad_weight"] = None
    columns = None
    if g is not None and recipe.columns is not None and recipe.columns.acts_on(weight.ndim):
        gradient = operands[operand_named("weight_grad_gradient")]
        assert gradient is not None
        gradient, columns = _unfolded(layer, recipe.columns, gradient, x)
        found["weight_grad_gradient"] = _nonzero(gradient, layer.output_shape)
    return Masks(columns=columns, **found)  # type: ignore[arg-type]


def _unfolded(
    layer: Layer, selector: ColumnSelector, g: Tensor, x: Tensor
) -> tuple[Tensor, np.ndarray]:
    """Return G and the mask of the unfolded X as the weight gradient of a convolution has them."""
    geometry = Geometry(layer.stride, layer.padding, (1, 1), layer.groups)
    g, x = (t.reshape(shape) for t, shape in ((g, layer.output_shape), (x, layer.input_shape)))
    try:
        g, columns = selector.operands(g, x, torch.Size(layer.weight_shape), geometry)
    except NotImplementedError as error:
        raise ValueError(
            f"layer {layer.name!r}: {selector} has no operands(), which say what of the unfolded X "
            "it keeps"
        ) from error
    return g, _nonzero(columns, layer.columns_shape)


def _nonzero(tensor: Tensor, shape: tuple[int, ...]) -> np.ndarray:
    assert tensor.numel() == math.prod(shape)
    return (tensor != 0).reshape(shape).numpy(force=True)
