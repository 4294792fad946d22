"""Claims about spatial similarity.

Where a claim speaks of every layer, the number shown is the least favourable layer's. It has the
paper's direction if the claim holds in the median layer.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import torch

from swatlib.analysis.similarity import conditional_entropy, entropy
from swatlib.claims.claim import Claim
from swatlib.claims.fully_sparse_training.features import (
    GAUSSIAN,
    MARGINS,
    NETWORK,
    PHOTOGRAPHS,
    UNIFORM,
    by_input,
    every_layer,
)
from swatlib.claims.measured import measured
from swatlib.claims.quantity import Quantity, fact

CHAPTER = "5-fully-sparse-training/03-spatial-similarity"

PAIRS = (1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000)
"""Numbers of pairs at which estimates of a similarity of 0 bits are tried."""


def beyond_bias(weights: str = "imagenet") -> pd.DataFrame:
    """Return the similarity in bits less that of shuffled pairs, by layer and input."""
    return by_input("found", weights) - by_input("shuffled", weights)


def of_neighbours(weights: str = "imagenet") -> pd.DataFrame:
    """Return the similarity in bits less that of scattered pixels, by layer and input.

    The bias and what the channels' different ranges say are gone; neighbours are left.
    """
    return by_input("found", weights) - by_input("scattered", weights)


def neighbours_close() -> tuple[Quantity, ...]:
    """Return the least correlation of horizontal neighbours among the layers."""
    found = by_input("correlation")[PHOTOGRAPHS]
    limit = MARGINS["correlation"]
    return (
        every_layer("least correlation of a layer", found, limit, True, f"close: above {limit:g}"),
    )


def similarity_in_all_layers() -> tuple[Quantity, ...]:
    """Return the least share of H(X) that knowing the neighbour takes away, shuffled pairs' off."""
    share = 100 * beyond_bias()[PHOTOGRAPHS] / by_input("entropy")[PHOTOGRAPHS]
    limit = 100 * MARGINS["similarity"]
    return (
        every_layer(
            "least share of a layer", share, limit, True, f"kept: above {limit:g} %", "% of H(X)"
        ),
    )


def noise_declines_little() -> tuple[Quantity, ...]:
    """Return the similarity with noise over that with photographs, shuffled pairs' off."""
    bits = beyond_bias()
    limit = MARGINS["noise"]
    return tuple(
        every_layer(
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
        every_layer(
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


CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="f-neighbours-close",
        paper="F",
        place="Section 5.3",
        statement="Horizontally neighbouring activations are close in value.",
        says="close (no number)",
        kind="measurement",
        chapter=CHAPTER,
        needs="The correlation of neighbours at the input of every convolution of a trained "
        "network.",
        decision=neighbours_close,
        limits=NETWORK + "100 of them at 224x224.",
    ),
    Claim(
        id="f-similarity-all-layers",
        paper="F",
        place="Section 6.1, Figure 4a; Sections 5.3 and 6",
        statement="Knowing the left neighbour lowers the entropy in every layer, deep ones "
        "included.",
        says="kept in five layers (bars, no number)",
        kind="measurement",
        chapter=CHAPTER,
        needs="H(X) and H(X | X') at the input of every convolution of a trained network, with "
        "shuffled pairs as control.",
        decision=similarity_in_all_layers,
        limits=NETWORK + "100 of them at 224x224, 20 with controls; the paper has 1,000.",
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
        chapter=CHAPTER,
        needs="The same entropies with Gaussian and with uniform noise of the photographs' "
        "variance.",
        decision=noise_declines_little,
        limits=NETWORK + "20 of them and 20 images of each noise.",
    ),
    Claim(
        id="f-conv-preserves-similarity",
        paper="F",
        place="Section 5.3",
        statement="Neighbours stay alike through a network because one small filter slides over "
        "the map.",
        says="kept; cause: sliding windows (no number)",
        kind="measurement",
        chapter=CHAPTER,
        needs="Neighbours' correlation in trained and fresh networks, with photographs and with "
        "noise, through kernels of one and of three pixels.",
        decision=convolution_keeps_similarity,
        limits=NETWORK + "one trained and one fresh network; five seeds of random layers.",
    ),
    Claim(
        id="f-differences-near-zero",
        paper="F",
        place="Section 6.2, Figure 5",
        statement="Most differences of horizontal neighbours are near zero, except on edges.",
        says="most positions (pictures, no number)",
        kind="measurement",
        chapter=CHAPTER,
        needs="The share of differences below a tenth of the range in every layer, pairs of zeros "
        "left out.",
        decision=differences_near_zero,
        limits=NETWORK + "20 of them. The range is the image's or the channel's: the paper does "
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
        chapter=CHAPTER,
        needs="The estimated similarity of independent bytes, by number of pairs.",
        decision=white_noise_image,
        limits="The true value is 0. The paper's own estimate, without a correction, finds "
        "(b - 1)^2 / (2 n ln 2) bits with b levels and n pairs.",
    ),
)
