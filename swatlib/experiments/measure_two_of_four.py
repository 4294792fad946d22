"""What 2:4 masks keep of trained networks, what they do to gradients, and what choosing them takes.

All networks are small ones, trained for seconds on digits.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from statistics import fmean
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from swatlib.checked import checked
from swatlib.core.recipe import Recipe
from swatlib.data import load
from swatlib.kernels.nm import nm_mask
from swatlib.methods.fst import COLUMNS
from swatlib.selectors import NM
from swatlib.surgery.sparsify import active_mask, densify_, sparsifiable, sparsify_
from swatlib.training import Run, build, train

SEEDS = (0, 1, 2)
BATCH = 128
SMALL_SHARE = 0.01
"""An entry is small if it is below this share of the largest of its layer."""


@checked
def trained(run: Run) -> nn.Module:
    """Return a network trained as a run says."""
    data = load(run.data)
    model = build(run, data)
    for _ in train(model, data, run):
        pass
    return model


def inner_convolutions(model: nn.Module) -> dict[str, nn.Conv2d]:
    """Return the convolutions by name, without the one that sees a grey image."""
    return {
        name: layer
        for name, layer in sparsifiable(model)
        if isinstance(layer, nn.Conv2d) and layer.in_channels > 1
    }


@checked
def share_of_groups(mask: Tensor, length: int = 4) -> float:
    """Return the share of pieces of a mask's rows all of whose groups of four keep two at most.

    Parameters
    ----------
    mask : Tensor
        Rows are all dimensions but the first, in NCHW order; an incomplete piece is left out.
    length : int
        Entries of a piece, a multiple of 4: hardware takes 16 and more at a time.
    """
    rows = mask.flatten(1)
    pieces = rows[:, : rows.shape[1] // length * length].reshape(-1, length // 4, 4)
    return float((pieces.sum(-1) <= 2).all(-1).float().mean())


def trained_masks() -> dict[str, Any]:
    """Measure masks of trained weights: do Top-K's suit 2:4, and do row masks suit the columns?

    Returns
    -------
    dict
        For SWAT at 50, 80 and 90 %: the share of compliant groups of four (``groups``, ``least`` of
        a layer) and of compliant rows of 16 entries (``of 16``). For a dense network: the share of
        groups of W^T that comply under the 2:4 mask of W (``columns``, ``most`` of a layer), and of
        entries on which S(W) and S(W^T) agree (``agree``).
    """
    base = Run(data="digits", network="small_resnet", width=16, epochs=8)
    found: dict[str, Any] = {}
    for sparsity in (0.5, 0.8, 0.9):
        model = trained(replace(base, method="swat", sparsity=sparsity))
        masks = [active_mask(layer) for layer in inner_convolutions(model).values()]
        groups = [share_of_groups(mask) for mask in masks]
        found[f"{100 * sparsity:.0f}"] = {
            "groups": fmean(groups),
            "least": min(groups),
            "of 16": fmean(share_of_groups(mask, 16) for mask in masks),
        }
    weights = [layer.weight.detach() for layer in inner_convolutions(trained(base)).values()]
    rows = [nm_mask(weight) for weight in weights]
    columns = [share_of_groups(mask.permute(1, 2, 3, 0).flatten(0, 2)) for mask in rows]
    agree = [
        float((mask == nm_mask(weight, over="N")).float().mean())
        for mask, weight in zip(rows, weights, strict=True)
    ]
    found["columns"] = {"mean": fmean(columns), "most": max(columns)}
    found["agree"] = {"mean": fmean(agree), "least": min(agree), "most": max(agree)}
    return found


@checked(model=None, recipe=None)
def gradients(
    model: nn.Module, images: Tensor, labels: Tensor, recipe: Recipe | None = None
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Return the gradient that arrives at each layer's output, and each layer's weight gradient.

    Parameters
    ----------
    model : nn.Module
        Dense; it is copied, and runs in training mode.
    images, labels : Tensor
        One batch.
    recipe : Recipe, optional
        How the backward pass is made sparse; dense if not given.
    """
    model = copy.deepcopy(model).train()
    if recipe is not None:
        sparsify_(model, recipe)
    arriving: dict[str, Tensor] = {}

    def watch(name: str) -> Callable[[nn.Module, Any, Tensor], None]:
        def hook(module: nn.Module, inputs: Any, output: Tensor) -> None:
            output.register_hook(lambda gradient: arriving.__setitem__(name, gradient.clone()))

        return hook

    layers = dict(sparsifiable(model))
    for name, layer in layers.items():
        layer.register_forward_hook(watch(name))
    functional.cross_entropy(model(images), labels).backward()
    weights = {name: layer.weight.grad for name, layer in layers.items()}
    return arriving, {name: grad for name, grad in weights.items() if grad is not None}


@checked
def cosine(first: Tensor, second: Tensor) -> float:
    """Return the cosine of two tensors, as vectors."""
    return float(functional.cosine_similarity(first.flatten(), second.flatten(), dim=0))


@checked
def kept_energy(operand: Tensor, over: str) -> float:
    """Return the share of an operand's squared length that 2:4 along some dimensions keeps."""
    return float((operand * nm_mask(operand, over=over)).square().sum() / operand.square().sum())


PRUNED = {
    "W": Recipe("S(W^T) in dX", input_grad_weight=COLUMNS, first_layer_dense=False),
    "G": Recipe("S(G) in dX", input_grad_gradient=NM(over="C"), first_layer_dense=False),
}
"""One pruned operand of the input gradient each; everything else is dense."""


def gradient_error() -> dict[str, Any]:
    """Measure how the error of one pruned operand grows on its way to the first layer.

    Returns
    -------
    dict
        By depth of a plain network and by operand: the cosine of the gradient that arrives at the
        first layer with the dense one, for each seed.
    """
    data = load("digits")
    batch = data.train_x[:BATCH], data.train_y[:BATCH]
    found: dict[str, Any] = {}
    for depth in (8, 14, 20):
        cosines: dict[str, list[float]] = {name: [] for name in PRUNED}
        for seed in SEEDS:
            run = Run(network="small_vgg", depth=depth, width=16, epochs=2, lr=0.05, seed=seed)
            model = densify_(trained(run))
            right, _ = gradients(model, *batch)
            first = next(iter(dict(sparsifiable(model))))
            for name, recipe in PRUNED.items():
                arriving, _ = gradients(model, *batch, recipe)
                cosines[name].append(cosine(arriving[first], right[first]))
        found[str(depth)] = cosines
    return found


def operand_sizes() -> dict[str, Any]:
    """Measure how large the entries of W, X and G are, and how much energy pruning keeps of them.

    Returns
    -------
    dict
        After 1, 4 and 8 epochs, for each operand: the mean over layers and seeds of the share of
        entries below 1 % of the layer's largest (``small``) and of the energy that 2:4 keeps
        (``energy``). ``columns`` has, for X unfolded, the energy by layer that 2:4 (``magnitude``)
        and every other column (``fixed``) keep at the end.
    """
    data = load("digits")
    batch = data.train_x[:BATCH], data.train_y[:BATCH]
    small: dict[str, dict[str, list[float]]] = {}
    energy: dict[str, dict[str, list[float]]] = {}
    columns: dict[str, list[float]] = {"magnitude": [], "fixed": []}
    for seed in SEEDS:
        run = Run(network="small_resnet", width=16, epochs=8, seed=seed)
        model = build(run, data)
        for epoch, _ in enumerate(train(model, data, run), start=1):
            if epoch not in (1, 4, 8):
                continue
            inputs = _inputs(model, batch[0])
            arriving, _ = gradients(model, *batch)
            for name, layer in inner_convolutions(model).items():
                operands = {
                    "W": (layer.weight.detach(), "N"),
                    "X": (inputs[name], "HW"),
                    "G": (arriving[name], "C"),
                }
                for operand, (value, over) in operands.items():
                    size = value.abs()
                    share = float((size < SMALL_SHARE * size.max()).float().mean())
                    small.setdefault(str(epoch), {}).setdefault(operand, []).append(share)
                    kept = kept_energy(value, over)
                    energy.setdefault(str(epoch), {}).setdefault(operand, []).append(kept)
                if epoch == run.epochs:
                    magnitude, fixed = _of_unfolded(layer, inputs[name])
                    columns["magnitude"].append(magnitude)
                    columns["fixed"].append(fixed)
            model.train()

    def means(shares: dict[str, dict[str, list[float]]]) -> dict[str, dict[str, float]]:
        return {
            epoch: {name: fmean(one) for name, one in by.items()} for epoch, by in shares.items()
        }

    return {"small": means(small), "energy": means(energy), "columns": columns}


@torch.no_grad()
def _inputs(model: nn.Module, images: Tensor) -> dict[str, Tensor]:
    """Return what each convolution is given, in training mode."""
    model = copy.deepcopy(model).train()
    found: dict[str, Tensor] = {}
    for name, layer in inner_convolutions(model).items():
        layer.register_forward_pre_hook(
            lambda module, inputs, name=name: found.__setitem__(name, inputs[0].clone())
        )
    model(images)
    return found


def _of_unfolded(layer: nn.Conv2d, x: Tensor) -> tuple[float, float]:
    """Return the energy of the unfolded X that 2:4 by magnitude and that even columns keep."""
    unfolded = functional.unfold(
        x,
        layer.kernel_size,
        layer.dilation,
        layer.padding,  # type: ignore[arg-type]
        layer.stride,
    )
    every = float(unfolded.square().sum())
    lines = unfolded.reshape(-1, unfolded.shape[-1])
    fixed = float(unfolded[..., ::2].square().sum()) / every
    return kept_energy(lines, "C"), fixed
