"""Claims about what an accelerator must do for SWAT."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from swatlib.accounting import Layer
from swatlib.checked import checked
from swatlib.claims.claim import Claim
from swatlib.claims.counting_and_hardware.simulated import (
    MACHINES,
    MODEL,
    SHARE,
    TWO,
    printed_speedup,
    speedup,
    sums,
)
from swatlib.claims.quantity import Quantity, close
from swatlib.papers.swat_tables import shapes

CHAPTER = "4-counting-and-hardware/03-sparse-accelerator"


@checked
def rotated_input_gradient(
    weight: Tensor, gradient: Tensor, stride: int, padding: int, image: tuple[int, int]
) -> Tensor:
    """Return the input gradient of a convolution as a standard convolution of stride 1.

    The kernel is rotated by 180 degrees and its channels change sides; the gradient is spread out
    with zeros between its pixels where the stride is more than 1.

    Parameters
    ----------
    weight : Tensor, shape (Cout, Cin, k, k)
    gradient : Tensor, shape (N, Cout, H', W')
    stride, padding : int
        Of the forward convolution.
    image : tuple of int
        Height and width of its input.
    """
    batch, filters, *small = gradient.shape
    kernel = weight.shape[-1]
    spread = [(size - 1) * stride + 1 for size in small]
    stuffed = gradient.new_zeros(batch, filters, *spread)
    stuffed[..., ::stride, ::stride] = gradient
    before = kernel - 1 - padding
    # What the forward pass never reached, at the right and at the bottom, has gradient zero.
    after = [size + kernel - 1 - wide - before for size, wide in zip(image, spread, strict=True)]
    rotated = weight.flip(2, 3).transpose(0, 1)
    return functional.conv2d(functional.pad(stuffed, (before, after[1], before, after[0])), rotated)


@checked
def rotation_error(layers: tuple[Layer, ...] | None = None) -> dict[str, float]:
    """Return the largest difference to autograd's input gradient, over the largest entry.

    Weights and gradients are small integers, whose sums are exact in float32 on any machine.

    Parameters
    ----------
    layers : tuple of Layer, optional
        Convolutions; those of ResNet-50 at 64 pixels if not given.

    Returns
    -------
    dict of str to float
        By stride, over all distinct shapes: "stride 1" and "stride 2".
    """
    chosen = layers or shapes("resnet50", 64, 1000).weighted
    found: dict[str, float] = {}
    generator = torch.Generator().manual_seed(0)
    seen = set()
    for layer in chosen:
        if layer.kind != "conv" or (layer.weight, layer.input, layer.output) in seen:
            continue
        seen.add((layer.weight, layer.input, layer.output))
        size, kernel = layer.input[-1], layer.weight[-1]
        padding = kernel // 2
        stride = 1 if layer.output[-1] == size else 2
        weight = torch.randint(-4, 5, layer.weight, generator=generator).float()
        gradient = torch.randint(-4, 5, layer.output, generator=generator).float()
        image = torch.zeros(layer.input, requires_grad=True)
        functional.conv2d(image, weight, stride=stride, padding=padding).backward(gradient)
        ours = rotated_input_gradient(weight, gradient, stride, padding, (size, size))
        assert image.grad is not None
        error = float((ours - image.grad).abs().max() / image.grad.abs().max())
        name = f"stride {stride}"
        found[name] = max(found.get(name, 0.0), error)
    return found


def _rotation() -> tuple[Quantity, ...]:
    return tuple(
        close(f"{name}, largest relative difference", error, 0.0, 1e-5)
        for name, error in sorted(rotation_error().items())
    )


@checked
def effectual_ratio(machine: str, sparsity: float, products: tuple[str, ...] = TWO) -> float:
    """Return the recorded speed-up over what skipping every zero product would give."""
    sparse, dense = sums(machine, sparsity, products), sums(machine, 0.0, products)
    return speedup(machine, sparsity, products) * float(sparse["macs"] / dense["macs"])


def _effectual() -> tuple[Quantity, ...]:
    found = [
        close(f"{machine}, {sparsity:.0%}", effectual_ratio(machine, sparsity), 1.0, SHARE)
        for machine in MACHINES
        for sparsity in (0.8, 0.9)
    ]
    for sparsity in (0.8, 0.9):
        dense, sparse = sums("X9", 0.0, ("forward",)), sums("X9", sparsity, ("forward",))
        share = printed_speedup("forward", sparsity) * float(sparse["macs"] / dense["macs"])
        found.append(close(f"Table 6, forward, {sparsity:.0%}", share, 1.0, SHARE))
    return tuple(found)


CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="n-transposed-is-rotated",
        paper="N",
        place="Section 4.4",
        statement="The input gradient is a standard convolution with the rotated kernel.",
        says="equal",
        kind="exact",
        chapter=CHAPTER,
        needs="All convolutions of ResNet-50, of both strides, against autograd.",
        decision=_rotation,
        limits="With stride 2 the gradient has to be spread out with zeros, which the paper does "
        "not say.",
    ),
    Claim(
        id="n-effectual-only",
        paper="N",
        place="Section 4.4",
        statement="Cycles fall as the products of two non-zeros do.",
        says="only these are counted",
        kind="simulation",
        chapter=CHAPTER,
        needs="The authors' simulator.",
        decision=_effectual,
        limits=f"{MODEL} Speed-up over the speed-up without any waiting.",
        weakness="Table 6 itself has less than what the work that is left would give.",
    ),
)
