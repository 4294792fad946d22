"""Claims about spatial similarity and the restoration that uses it.

Where a claim speaks of every layer, the number shown is the least favourable layer's. It has the
paper's direction if the claim holds in the median layer.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.nn import functional

from swatlib.analysis.similarity import conditional_entropy, entropy
from swatlib.checked import checked
from swatlib.claims.claim import Claim
from swatlib.claims.measured import measured
from swatlib.claims.quantity import MissingRecords, Quantity, cells, fact
from swatlib.experiments import trained_network
from swatlib.experiments.restoration import FIXED, RESTORED
from swatlib.experiments.trained_network import TrainedNetworkRun
from swatlib.kernels.convolution import Geometry, unfold
from swatlib.models import build_network
from swatlib.selectors.information_restoration import kept_pixels, weight_gradient

SIMILARITY = "5-fully-sparse-training/03-spatial-similarity"
RESTORATION = "5-fully-sparse-training/04-information-restoration"

PHOTOGRAPHS, GAUSSIAN, UNIFORM = "photographs", "Gaussian noise", "uniform noise"

PAIRS = (1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000)
"""Numbers of pairs at which estimates of a similarity of 0 bits are tried."""

MARGINS = {
    "correlation": 0.5,
    "similarity": 0.1,
    "noise": 0.2,
    "gained": 0.3,
    "not gained": 0.1,
    "near zero": 0.5,
    "filled": 0.5,
    "white noise": 0.05,
    "identity": 1e-5,
    "cosine": 0.02,
    "layers": 0.8,
}
"""What counts as agreement, declared before the measurements."""

_NETWORK = "EfficientNet-Lite0 stands for ResNet-18, photographs of BSDS500 for ImageNet: "


@checked
def of_network(part: str = "rows", weights: str = "imagenet") -> pd.DataFrame:
    """Return what was recorded of the network at its own image size, the layers in order.

    Parameters
    ----------
    part : str
        "rows" or "layers", see :mod:`swatlib.experiments.trained_network`.
    weights : str
        "imagenet" or "fresh".

    Raises
    ------
    MissingRecords
        If it was not measured; ``swatlib sweep trained-network`` does.
    """
    pixels = TrainedNetworkRun().pixels
    frame = trained_network.measured(part)
    if len(frame):
        frame = frame[(frame["weights"] == weights) & (frame["pixels"] == pixels)]
    if not len(frame):
        raise MissingRecords(f"the network with {weights} weights: `swatlib sweep trained-network`")
    return frame.reset_index(drop=True)


@checked
def by_input(column: str, weights: str = "imagenet") -> pd.DataFrame:
    """Return one column of what was recorded: a row per layer, in order, a column per input."""
    frame = of_network("rows", weights)
    return frame.pivot_table(index="layer", columns="input", values=column, sort=False)


def beyond_bias(weights: str = "imagenet") -> pd.DataFrame:
    """Return the similarity in bits less that of shuffled pairs, by layer and input."""
    return by_input("found", weights) - by_input("shuffled", weights)


def of_neighbours(weights: str = "imagenet") -> pd.DataFrame:
    """Return the similarity in bits less that of scattered pixels, by layer and input.

    The bias and what the channels' different ranges say are gone; neighbours are left.
    """
    return by_input("found", weights) - by_input("scattered", weights)


def _every(
    name: str, values: pd.Series, limit: float, above: bool, says: str, unit: str = ""
) -> Quantity:
    """Compare every layer with a limit; the least favourable layer is shown."""
    sign = 1 if above else -1
    worst = float(values.min() if above else values.max())
    typical = float(values.median())
    return fact(name, worst, says, sign * worst > sign * limit, sign * typical > sign * limit, unit)


def neighbours_close() -> tuple[Quantity, ...]:
    """Return the least correlation of horizontal neighbours among the layers."""
    found = by_input("correlation")[PHOTOGRAPHS]
    limit = MARGINS["correlation"]
    return (_every("least correlation of a layer", found, limit, True, f"close: above {limit:g}"),)


def similarity_in_all_layers() -> tuple[Quantity, ...]:
    """Return the least share of H(X) that knowing the neighbour takes away, shuffled pairs' off."""
    share = 100 * beyond_bias()[PHOTOGRAPHS] / by_input("entropy")[PHOTOGRAPHS]
    limit = 100 * MARGINS["similarity"]
    return (
        _every(
            "least share of a layer", share, limit, True, f"kept: above {limit:g} %", "% of H(X)"
        ),
    )


def noise_declines_little() -> tuple[Quantity, ...]:
    """Return the similarity with noise over that with photographs, shuffled pairs' off."""
    bits = beyond_bias()
    limit = MARGINS["noise"]
    return tuple(
        _every(
            f"{noise}, largest of a layer",
            bits[noise] / bits[PHOTOGRAPHS],
            limit,
            False,
            f"slight: below {limit:g} of the photographs'",
            "of the photographs'",
        )
        for noise in (GAUSSIAN, UNIFORM)
    )


def differences_near_zero() -> tuple[Quantity, ...]:
    """Return the least share of differences below a tenth of the range, pairs of zeros left out."""
    limit = 100 * MARGINS["near zero"]
    return tuple(
        _every(
            name, 100 * by_input(column)[PHOTOGRAPHS], limit, True, f"most: above {limit:g} %", "%"
        )
        for name, column in (
            ("of the image's range, least of a layer", "near"),
            ("of the channel's range, least of a layer", "near, own range"),
        )
    )


def windows() -> pd.DataFrame:
    """Return what was recorded of random 1x1 and 3x3 layers."""
    return pd.DataFrame(measured("kernel-windows")["rows"])


def convolution_keeps_similarity() -> tuple[Quantity, ...]:
    """Return neighbours' correlations: trained and fresh weights, then random 3x3 and 1x1 layers.

    Random layers are those of stride 1, behind the fourth one, means over seeds.
    """
    kept, gained, not_gained = (MARGINS[n] for n in ("correlation", "gained", "not gained"))
    found = {weights: by_input("correlation", weights) for weights in ("imagenet", "fresh")}
    quantities = [
        fact(
            f"{name} network on photographs, median of layers",
            value := float(found[weights][PHOTOGRAPHS].median()),
            f"kept: above {kept:g}",
            value > kept,
            value > 0,
        )
        for weights, name in (("imagenet", "trained"), ("fresh", "fresh"))
    ]
    behind = found["imagenet"][GAUSSIAN].iloc[1:]
    rows = windows()
    last = rows[(rows["stride"] == 1) & (rows["depth"] == rows["depth"].max())]
    mean = last.groupby(["input", "kernel"])["correlation"].mean()
    three, one = (float(mean["white noise", kernel]) for kernel in (3, 1))
    quantities += [
        fact(
            "trained network on noise, median of layers behind the stem",
            value := float(behind.median()),
            f"gained: above {gained:g}",
            value > gained,
            value > not_gained,
        ),
        fact(
            "noise through four random 3x3 layers",
            three,
            f"gained: above {gained:g}",
            three > gained,
            three > one,
        ),
        fact(
            "noise through four random 1x1 layers",
            one,
            f"not gained: below {not_gained:g}",
            one < not_gained,
        ),
    ]
    return tuple(quantities)


@cache
def noise_estimates(seed: int = 0) -> pd.DataFrame:
    """Estimate the similarity of independent, uniform bytes, which is 0 bits.

    Returns
    -------
    DataFrame
        For each number of ``pairs``: the ``plug-in`` estimate; that of ``Miller-Madow``; ``less
        shuffled``, the plug-in estimate less that of shuffled pairs; and the ``formula`` of the
        bias, (b - 1)^2 / (2 n ln 2) for b levels and n pairs.
    """
    generator = torch.Generator().manual_seed(seed)
    draws = torch.randint(256, (2, max(PAIRS)), generator=generator)
    rows = []
    for pairs in PAIRS:
        left, here = draws[:, :pairs]
        other = left[torch.randperm(pairs, generator=generator)]
        plain = entropy(here) - conditional_entropy(here, left)
        shuffled = entropy(here) - conditional_entropy(here, other)
        corrected = "miller-madow"
        rows.append(
            {
                "pairs": pairs,
                "plug-in": plain,
                "Miller-Madow": entropy(here, corrected)
                - conditional_entropy(here, left, corrected),
                "less shuffled": plain - shuffled,
                "formula": 255**2 / (2 * pairs * np.log(2)),
            }
        )
    return pd.DataFrame(rows)


def white_noise_image() -> tuple[Quantity, ...]:
    """Return what is left of a similarity of 0 bits after each correction."""
    found = noise_estimates().set_index("pairs")
    limit = MARGINS["white noise"]
    shuffled = found["less shuffled"].loc[:1_000_000]
    return (
        fact(
            "a million pairs, Miller-Madow",
            value := float(found.loc[1_000_000, "Miller-Madow"]),
            f"0, within {limit:g}",
            abs(value) < limit,
            unit="bits",
        ),
        fact(
            "a thousand to a million pairs, less shuffled, the largest",
            value := float(shuffled.loc[shuffled.abs().idxmax()]),
            f"0, within {limit:g}",
            abs(value) < limit,
            unit="bits",
        ),
    )


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
        _every(
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
        id="f-neighbours-close",
        paper="F",
        place="Section 5.3",
        statement="Horizontally neighbouring activations are close in value.",
        says="close (no number)",
        kind="measurement",
        chapter=SIMILARITY,
        needs="The correlation of neighbours at the input of every convolution of a trained "
        "network.",
        decision=neighbours_close,
        limits=_NETWORK + "100 of them at 224x224.",
    ),
    Claim(
        id="f-similarity-all-layers",
        paper="F",
        place="Section 6.1, Figure 4a; Sections 5.3 and 6",
        statement="Knowing the left neighbour lowers the entropy in every layer, deep ones "
        "included.",
        says="kept in five layers (bars, no number)",
        kind="measurement",
        chapter=SIMILARITY,
        needs="H(X) and H(X | X') at the input of every convolution of a trained network, with "
        "shuffled pairs as control.",
        decision=similarity_in_all_layers,
        limits=_NETWORK + "100 of them at 224x224, 20 with controls; the paper has 1,000.",
        weakness="The entropies of Figure 4 contain a bias and what channels say; white noise "
        "passes the same test in the deep layers.",
    ),
    Claim(
        id="f-noise-small-decline",
        paper="F",
        place="Section 6.1, Figure 4b",
        statement="With white noise as the network's input the neighbour lowers the entropy "
        "little.",
        says="slight (bars, no number)",
        kind="measurement",
        chapter=SIMILARITY,
        needs="The same entropies with Gaussian and with uniform noise of the photographs' "
        "variance.",
        decision=noise_declines_little,
        limits=_NETWORK + "20 of them and 20 images of each noise.",
    ),
    Claim(
        id="f-conv-preserves-similarity",
        paper="F",
        place="Section 5.3",
        statement="Neighbours stay alike through a network because one small filter slides over "
        "the map.",
        says="kept; cause: sliding windows (no number)",
        kind="measurement",
        chapter=SIMILARITY,
        needs="Neighbours' correlation in trained and fresh networks, with photographs and with "
        "noise, through kernels of one and of three pixels.",
        decision=convolution_keeps_similarity,
        limits=_NETWORK + "one trained and one fresh network; five seeds of random layers.",
    ),
    Claim(
        id="f-differences-near-zero",
        paper="F",
        place="Section 6.2, Figure 5",
        statement="Most differences of horizontal neighbours are near zero, except on edges.",
        says="most positions (pictures, no number)",
        kind="measurement",
        chapter=SIMILARITY,
        needs="The share of differences below a tenth of the range in every layer, pairs of zeros "
        "left out.",
        decision=differences_near_zero,
        limits=_NETWORK + "20 of them. The range is the image's or the channel's: the paper does "
        "not say which.",
        weakness="Two values behind a ReLU can both be zero; here such pairs are left out.",
    ),
    Claim(
        id="f-white-noise-image",
        paper="F",
        place="Section 6.1",
        statement="For an image of white noise the left neighbour tells nothing.",
        says="no decrease: 0 bits",
        kind="exact",
        chapter=SIMILARITY,
        needs="The estimated similarity of independent bytes, by number of pairs.",
        decision=white_noise_image,
        limits="The true value is 0. The paper's own estimate, without a correction, finds "
        "(b - 1)^2 / (2 n ln 2) bits with b levels and n pairs.",
    ),
    Claim(
        id="f-fixed-mask-is-24",
        paper="F",
        place="Section 5.3, Eq. 7",
        statement="Dropping every other column is 2:4 along H W.",
        says="2:4 for every map",
        kind="exact",
        chapter=RESTORATION,
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
        chapter=RESTORATION,
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
        chapter=RESTORATION,
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
        chapter=RESTORATION,
        needs="The cosine to the exact weight gradient with fixed columns and restored, in every "
        "layer of a trained network.",
        decision=restoration_reduces_error,
        limits=_NETWORK + "two batches of ten, labels drawn from the network's own answers; after "
        "training only, not epoch by epoch.",
    ),
    Claim(
        id="f-reconstruction-close",
        paper="F",
        place="Section 6.2, Figure 5; Section 5.3, Eq. 9",
        statement="A column filled with its neighbour comes close to the original feature map.",
        says="close (pictures, no number)",
        kind="measurement",
        chapter=RESTORATION,
        needs="The squared error of filled columns over that of zeros in every layer of a trained "
        "network.",
        decision=reconstruction_close,
        limits=_NETWORK + "20 of them.",
    ),
)
