"""Masks of a live model: one batch through any recipe, and what was not zero on the way."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from swatlib.masks import keep
from swatlib.recipes import Recipe
from swatlib.simulator.geometry import Layer, layers_of
from swatlib.simulator.masks import Masks


def masks_of(model: nn.Module, x: Tensor, y: Tensor) -> tuple[list[Layer], list[Masks]]:
    """Shapes and masks of one training step of a model, sparse or dense.

    All zeros count, those of the recipe and those that ReLU leaves: a machine skips what is zero,
    whatever the reason. The step is taken by a copy; the model is not changed.

    Parameters
    ----------
    model : torch.nn.Module
        A classifier, dense or from `swatlib.sparsify_`, in the mode it is trained in.
    x : torch.Tensor
        A batch of inputs.
    y : torch.Tensor
        Its int64 labels; the gradients are those of the cross-entropy.

    Returns
    -------
    layers : list of Layer
        Shapes, with the batch of `x`.
    masks : list of Masks
        One per layer.

    Raises
    ------
    ValueError
        If the model is on the meta device or has a layer that cannot be simulated.
    """
    if any(t.is_meta for t in [x, *model.parameters()]):
        raise ValueError("model and x must hold values, got meta tensors")
    layers = layers_of(model, x)
    twin = copy.deepcopy(model)
    inputs: dict[str, Tensor] = {}
    gradients: dict[str, Tensor] = {}
    modules: dict[str, nn.Module] = {}
    uses: dict[str, int] = {}

    def watch(name: str) -> Any:
        def hook(module: nn.Module, args: tuple[Tensor, ...], output: Tensor) -> None:
            uses[name] = uses.get(name, 0) + 1
            label = name if uses[name] == 1 else f"{name}@{uses[name]}"
            modules[label], inputs[label] = module, args[0].detach()
            output.register_hook(lambda g: gradients.__setitem__(label, g.detach()))

        return hook

    for name, module in twin.named_modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            module.register_forward_hook(watch(name))
    with torch.enable_grad(), torch.random.fork_rng(devices=[]):
        loss = functional.cross_entropy(twin(x), y)
        trained = [p for p in twin.parameters() if p.requires_grad]
        torch.autograd.grad(loss, trained, allow_unused=True)
        masks = [
            _masks(layer, modules[layer.name], inputs[layer.name], gradients[layer.name])
            for layer in layers
        ]
    return layers, masks


@torch.no_grad()
def _masks(layer: Layer, module: nn.Module, x: Tensor, g: Tensor) -> Masks:
    recipe: Recipe = getattr(module, "recipe", Recipe("dense"))

    def kept(slot: str, tensor: Tensor, shape: tuple[int, ...]) -> np.ndarray:
        selector = getattr(recipe, slot)
        if selector is not None:
            memory = module.memory.get(slot)  # type: ignore[operator, union-attr]
            tensor = keep(tensor, selector.criterion(tensor, memory, training=False))
        return (tensor != 0).reshape(shape).numpy(force=True)

    weight = module.weight
    assert isinstance(weight, Tensor)
    same = recipe.input_grad_weight == recipe.forward_weight
    backward = None if same else kept("input_grad_weight", weight, layer.weight_shape)
    return Masks(
        weight=kept("forward_weight", weight, layer.weight_shape),
        inputs=kept("weight_grad_activation", x, layer.input_shape),
        weight_backward=backward,
        activation=kept("forward_activation", x, layer.input_shape),
        input_grad_gradient=kept("input_grad_gradient", g, layer.output_shape),
        weight_grad_gradient=kept("weight_grad_gradient", g, layer.output_shape),
    )
