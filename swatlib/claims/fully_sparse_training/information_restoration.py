"""Claims about the restoration that uses spatial similarity."""

from __future__ import annotations

from functools import cache

import pandas as pd
import torch
from torch import nn
from torch.nn import functional

from swatlib.checked import checked
from swatlib.claims.claim import Claim
from swatlib.claims.fully_sparse_training.features import (
    MARGINS,
    NETWORK,
    PHOTOGRAPHS,
    by_input,
    every_layer,
    of_network,
)
from swatlib.claims.quantity import Quantity, cells, fact
from swatlib.experiments.restoration import FIXED, RESTORED
from swatlib.kernels.convolution import Geometry, unfold
from swatlib.models import build_network
from swatlib.selectors.information_restoration import kept_pixels, weight_gradient

CHAPTER = "5-fully-sparse-training/04-information-restoration"


@cache
def resnet_layers() -> tuple[tuple[int, Geometry, int, int], ...]:
    """Return kernel, geometry and input's height and width of ResNet-18's distinct convolutions.

    At 32 and at 224 pixels, and once more with a column less at each: odd widths.
    """
    found: dict[tuple[int, Geometry, int, int], None] = {}
    for pixels in (32, 224):
        model = build_network("resnet18", image=pixels).to("meta").eval()

        def see(layer: nn.Conv2d, inputs: tuple[torch.Tensor]) -> None:
            assert isinstance(layer.padding, tuple)
            geometry = Geometry(
                (layer.stride[0], layer.stride[1]), (layer.padding[0], layer.padding[1])
            )
            height, width = inputs[0].shape[2:]
            for across in (width, width - 1):
                found[layer.kernel_size[1], geometry, height, across] = None

        for module in model.modules():
            if isinstance(module, nn.Conv2d):
                module.register_forward_pre_hook(see)
        model(torch.empty(1, 3, pixels, pixels, device="meta"))
    return tuple(found)


def _output(kernel: int, geometry: Geometry, height: int, width: int) -> tuple[int, int]:
    down, across = (
        (size + 2 * geometry.padding[i] - kernel) // geometry.stride[i] + 1
        for i, size in enumerate((height, width))
    )
    return down, across


@cache
def mask_sizes() -> pd.DataFrame:
    """Say for each output of ResNet-18's convolutions whether dropping every other column is 2:4.

    Returns
    -------
    DataFrame
        ``height`` and ``width``; ``Eq. 7`` and ``within rows``, the shares of groups of four
        along H W with two kept, for the paper's mask, every other column of the flattened map, and
        for pairs within a row; ``pairs across rows``, the paper's share of pairs that straddle two
        rows.
    """
    sizes = sorted({_output(*layer) for layer in resnet_layers()}, reverse=True)
    rows = []
    for height, width in sizes:
        flat = torch.arange(height * width) % 2 == 0
        whole = height * width // 4 * 4
        dropped = torch.arange(1, height * width, 2)
        rows.append(
            {
                "height": height,
                "width": width,
                "Eq. 7": _two_of_four(flat[:whole]),
                "within rows": _two_of_four(kept_pixels(height, width)[:whole]),
                "pairs across rows": (dropped % width == 0).double().mean().item(),
            }
        )
    return pd.DataFrame(rows)


def _two_of_four(kept: torch.Tensor) -> float:
    return (kept.reshape(-1, 4).sum(1) == 2).double().mean().item()


def fixed_mask_is_24() -> tuple[Quantity, ...]:
    """Count the sizes at which the paper's mask keeps two of every four columns."""
    return (cells("sizes of maps", mask_sizes()["Eq. 7"] == 1, "2:4 along H W"),)


@checked
def column_steps(kernel: int, stride: int, width: int, height: int = 6) -> pd.Series:
    """Say how far apart, in pixels, the entries of adjacent im2col columns lie.

    Returns
    -------
    Series
        For each column but the last, the distance along the row if all its entries lie that far
        left of the next column's in one row; NaN where the row ends between them.
    """
    index = torch.arange(1.0, height * width + 1, dtype=torch.float64).reshape(1, 1, height, width)
    columns = functional.unfold(index, kernel, stride=stride)[0]
    step = columns[:, 1:] - columns[:, :-1]
    across = (width - kernel) // stride + 1
    inside = (torch.arange(step.shape[1]) + 1) % across != 0
    alike = (step == step[:1]).all(0)
    return pd.Series(torch.where(inside & alike, step[0], torch.nan).numpy())


def im2col_neighbours() -> tuple[Quantity, ...]:
    """Count adjacent columns one pixel apart at stride 1; row ends and a stride are exceptions."""
    found = []
    for stride in (1, 2):
        steps = [column_steps(kernel, stride, 16, 16).dropna() for kernel in (1, 3, 7)]
        found.append(
            cells(
                f"stride {stride}, inside rows",
                pd.concat(steps) == stride,
                f"{stride} pixel{'s' * (stride > 1)} apart",
            )
        )
    return tuple(found)


@checked
def identity_error(
    kernel: int, geometry: Geometry, height: int, width: int, channels: int = 4
) -> float:
    """Return the relative difference between both sides of Eq. 10 in float32.

    One side fills the dropped columns of im2col(X) with their left neighbours and multiplies by G,
    the other is the library's: a convolution of twice the stride at the pair-summed G.
    """
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, channels, height, width, generator=generator)
    down, across = _output(kernel, geometry, height, width)
    grad = torch.randn(2, channels, down, across, generator=generator)
    shape = torch.Size((channels, channels, kernel, kernel))
    patches = unfold(x, shape, geometry)[:, 0]
    places = torch.arange(down * across)
    filled = patches[..., torch.where(kept_pixels(down, across), places, places - 1)]
    left = torch.einsum("nop,nkp->ok", grad.flatten(2), filled).reshape(shape)
    right = weight_gradient(grad, x, shape, geometry)
    return ((left - right).norm() / right.norm()).item()


@cache
def shift_identity() -> tuple[Quantity, ...]:
    """Return the largest relative difference between both sides of Eq. 10 among the layers."""
    largest = max(identity_error(*layer) for layer in resnet_layers())
    limit = MARGINS["identity"]
    return (fact("largest of a layer", largest, f"0, within {limit:g}", largest < limit),)


def restoration_reduces_error() -> tuple[Quantity, ...]:
    """Return the share of layers whose weight gradient's cosine restoration raises."""
    layers = of_network("layers")
    gain = layers[f"{RESTORED}: cosine"] - layers[f"{FIXED}: cosine"]
    least, share = MARGINS["cosine"], 100 * float((gain > MARGINS["cosine"]).mean())
    limit = 100 * MARGINS["layers"]
    return (
        fact(
            f"layers with a cosine higher by {least:g}",
            share,
            f"nearer: {limit:g} % of layers or more",
            share >= limit,
            share > 50,
            "%",
        ),
    )


def reconstruction_close() -> tuple[Quantity, ...]:
    """Return the squared error of filled columns over that of zeros, left and right neighbour."""
    limit = MARGINS["filled"]
    return tuple(
        every_layer(
            f"{side} neighbour, largest of a layer",
            by_input(f"filled {side}")[PHOTOGRAPHS],
            limit,
            False,
            f"close: below {limit:g} of that of zeros",
            "of that of zeros",
        )
        for side in ("left", "right")
    )


CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="f-fixed-mask-is-24",
        paper="F",
        place="Section 5.3, Eq. 7",
        statement="Dropping every other column is 2:4 along H W.",
        says="2:4 for every map",
        kind="exact",
        chapter=CHAPTER,
        needs="Groups of four columns with two kept, for every layer size of ResNet-18.",
        decision=fixed_mask_is_24,
        limits="The mask of Eq. 7, along the flattened map. On odd widths its pairs straddle rows; "
        "pairs within rows, which this library takes, are not 2:4 there.",
    ),
    Claim(
        id="f-im2col-neighbours",
        paper="F",
        place="Section 5.3, Figure 3",
        statement="Adjacent columns of im2col hold horizontally neighbouring pixels.",
        says="neighbours",
        kind="exact",
        chapter=CHAPTER,
        needs="The distance of entries in columns i and i + 1, for kernels 1, 3, 7 and strides "
        "1, 2.",
        decision=im2col_neighbours,
        limits="Inside a row. Between the last column of a row and the first of the next there is "
        "no such distance, and under a stride of two the pixels are two apart.",
    ),
    Claim(
        id="f-shift-identity",
        paper="F",
        place="Section 5.3, Eq. 10",
        statement="Filling the dropped columns with their neighbours equals adding the gradient "
        "shifted by one.",
        says="equal",
        kind="exact",
        chapter=CHAPTER,
        needs="Both sides of Eq. 10 for every layer shape, odd widths and strides included.",
        decision=shift_identity,
        limits="Pairs within rows; a last, single pixel of an odd row keeps its own column.",
    ),
    Claim(
        id="f-restoration-reduces-error",
        paper="F",
        place="Section 5.3, Eq. 9; Section 6.2",
        statement="Restoration brings the weight gradient nearer to the exact one.",
        says="nearer (no number)",
        kind="measurement",
        chapter=CHAPTER,
        needs="The cosine to the exact weight gradient with fixed columns and restored, in every "
        "layer of a trained network.",
        decision=restoration_reduces_error,
        limits=NETWORK + "two batches of ten, labels drawn from the network's own answers; after "
        "training only, not epoch by epoch.",
    ),
    Claim(
        id="f-reconstruction-close",
        paper="F",
        place="Section 6.2, Figure 5; Section 5.3, Eq. 9",
        statement="A column filled with its neighbour comes close to the original feature map.",
        says="close (pictures, no number)",
        kind="measurement",
        chapter=CHAPTER,
        needs="The squared error of filled columns over that of zeros in every layer of a trained "
        "network.",
        decision=reconstruction_close,
        limits=NETWORK + "20 of them.",
    ),
)
