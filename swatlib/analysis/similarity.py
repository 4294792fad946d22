"""Spatial similarity: how much a feature map's column says about the next one.

FST section 6 measures it by entropies of the 8-bit quantised features: H(X), and H(X | X') given
the horizontally adjacent pixel X' (Eq. 11). Their difference, the mutual information, is the
"similarity" that information restoration depends on.

Entropies are plug-in estimates in bits. A joint histogram of 256 x 256 cells is never well filled
by one image, and a plug-in estimate then finds similarity where there is none. Two remedies: pair
every pixel with a shuffled one (a control, whose true similarity is 0), or correct each entropy by
(occupied cells - 1) / (2 samples) nats (Miller and Madow 1955).
"""

from functools import partial
from math import log
from typing import NamedTuple

import torch
from torch import Tensor

from swatlib import checks
from swatlib.checked import checked

CORRECTIONS = ("none", "miller-madow")


class Similarity(NamedTuple):
    """Entropies in bits, averaged over images."""

    entropy: float
    """H(X) of the pixels that have a left neighbour."""
    conditional: float
    """H(X | X') given that neighbour."""
    similarity: float
    """H(X) - H(X | X')."""
    pairs: int
    """Pairs (X', X) that one estimate comes from."""


@checked(bits=partial(checks.count, most=16))
def quantize(x: Tensor, bits: int = 8) -> Tensor:
    """Quantise uniformly between the smallest and the largest entry.

    Parameters
    ----------
    x : Tensor
        Floating, finite.
    bits : int
        Between 1 and 16; 2**bits levels.

    Returns
    -------
    Tensor, int64, shape of ``x``
        Levels 0 to 2**bits - 1; a constant tensor is all 0.

    Raises
    ------
    ValueError
        For bits out of range or an entry that is not finite.
    TypeError
        For an integer tensor.
    """
    if not x.is_floating_point():
        raise TypeError(f"x must have a floating dtype, got {x.dtype}")
    if not x.numel():
        return x.to(torch.int64)
    if not torch.isfinite(x).all():
        raise ValueError("x must be finite, got NaN or infinity")
    x = x.detach().double()
    low, high = x.min(), x.max()
    if low == high:
        return torch.zeros_like(x, dtype=torch.int64)
    levels = 2**bits
    return (x - low).div_(high - low).mul_(levels).long().clamp_(max=levels - 1)


SYMBOLS = partial(checks.tensor, dtypes=checks.INTEGERS, meta=False)
"""The check of quantised entries."""


@checked(symbols=SYMBOLS)
def entropy(symbols: Tensor, correction: str = "none") -> float:
    """Return the entropy, in bits, of the histogram of an integer tensor.

    Parameters
    ----------
    symbols : Tensor, int64
    correction : str
        "none", the plug-in estimate, biased downwards; or "miller-madow".

    Raises
    ------
    ValueError
        For an empty tensor or an unknown correction.
    """
    if correction not in CORRECTIONS:
        raise ValueError(f"correction must be one of {', '.join(CORRECTIONS)}, got {correction!r}")
    if not symbols.numel():
        raise ValueError("symbols must not be empty")
    counts = _counts(symbols.flatten()).double()
    p = counts / counts.sum()
    bits = -(p * p.log2()).sum().item()
    if correction == "miller-madow":
        bits += (len(counts) - 1) / (2 * symbols.numel() * log(2))
    return bits


def _counts(symbols: Tensor) -> Tensor:
    low, high = symbols.min(), symbols.max()
    # 256 x 256 cells are counted some twenty times faster than the symbols are sorted.
    if high - low < 2**20:
        counts = (symbols - low).bincount()
        return counts[counts > 0]
    return symbols.unique(return_counts=True)[1]


@checked(symbols=SYMBOLS, given=SYMBOLS)
def conditional_entropy(symbols: Tensor, given: Tensor, correction: str = "none") -> float:
    """Return H(symbols | given) = H(symbols, given) - H(given) in bits (Eq. 11).

    The sum of Eq. 11 over the values of ``given`` is this difference, by the chain rule.

    Parameters
    ----------
    symbols, given : Tensor, int64
        Of one shape; entries at the same place form a pair.
    correction : str
        As in :func:`entropy`, of both terms.
    """
    if symbols.shape != given.shape:
        raise ValueError(
            f"symbols and given must have one shape, got {tuple(symbols.shape)} "
            f"and {tuple(given.shape)}"
        )
    if not symbols.numel():
        raise ValueError("symbols must not be empty")
    low = symbols.min()
    joint = given * (symbols.max() - low + 1) + (symbols - low)
    return entropy(joint, correction) - entropy(given, correction)


@checked(bits=partial(checks.count, most=16))
def column_similarity(
    x: Tensor,
    bits: int = 8,
    shuffled: bool = False,
    correction: str = "none",
    generator: torch.Generator | None = None,
) -> Similarity:
    """Measure how much each pixel's left neighbour says about it, per image, and average.

    Parameters
    ----------
    x : Tensor, shape (N, C, H, W)
        Floating, finite, W at least 2. Each image is quantised on its own range, its channels share
        one histogram.
    bits : int
        Of the quantisation; the paper has 8.
    shuffled : bool
        Pair every pixel with a neighbour drawn from elsewhere in the same image. What similarity is
        left is the estimator's bias.
    correction : str
        As in :func:`entropy`.
    generator : torch.Generator, optional
        Of the shuffling.

    Raises
    ------
    ValueError
        For another shape, no image, fewer than two columns, or an unknown correction.
    """
    _check_maps(x)
    if not len(x):
        raise ValueError("x must hold at least one image, got none")
    total = torch.zeros(2, dtype=torch.float64)
    for image in x:
        levels = quantize(image, bits)
        given, here = levels[..., :-1].flatten(), levels[..., 1:].flatten()
        if shuffled:
            given = given[torch.randperm(len(given), generator=generator).to(given.device)]
        total[0] += entropy(here, correction)
        total[1] += conditional_entropy(here, given, correction)
    h, conditional = (total / len(x)).tolist()
    return Similarity(h, conditional, h - conditional, len(here))


@checked
def scattered(x: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Move every pixel to a random place, the same one in all channels of all images.

    An image becomes white noise with the image's own colours. A feature map becomes a control for
    :func:`column_similarity`: what similarity is left comes from the estimator's bias and from the
    channels' different ranges, not from neighbouring pixels.
    """
    _check_maps(x)
    places = torch.randperm(x.shape[2] * x.shape[3], generator=generator).to(x.device)
    return x.flatten(2)[..., places].reshape(x.shape)


@checked
def column_correlation(x: Tensor, centred: bool = True) -> float:
    """Correlate every pixel with its right neighbour, over all images and channels.

    Parameters
    ----------
    x : Tensor, shape (N, C, H, W)
        W at least 2.
    centred : bool
        True: subtract each channel's mean first. False: return the cosine between the two, which
        tells how well Eq. 9 replaces a column by its neighbour: if both have equal length, their
        squared distance is 2 (1 - cosine) times the squared length.

    Returns
    -------
    float
        In [-1, 1]; NaN if the centred map, or the map itself if not centred, is all zero.
    """
    _check_maps(x)
    x = x.detach().double()
    if centred:
        x = x - x.mean((0, 2, 3), keepdim=True)
    left, right = x[..., :-1], x[..., 1:]
    return ((left * right).sum() / (left.square().sum() * right.square().sum()).sqrt()).item()


@checked(x=partial(checks.tensor, meta=False))
def adjacent_difference(x: Tensor) -> Tensor:
    """Return X_ad: every column less the one to its right (section 6.2); shape (..., W - 1)."""
    _check_maps(x)
    return x[..., :-1] - x[..., 1:]


@checked
def reconstruction(x: Tensor) -> Tensor:
    """Return X_r: every second column replaced by its left neighbour, what Eq. 9 assumes.

    Shape of ``x``; the last column of an odd width is its own.
    """
    _check_maps(x)
    return x[..., ::2].repeat_interleave(2, dim=-1)[..., : x.shape[-1]]


@checked(x=partial(checks.tensor, meta=False))
def normalized(x: Tensor) -> Tensor:
    """Scale the entries to [0, 1], as Figure 5 does; a constant map is all 0."""
    if not x.numel():
        raise ValueError(f"x must not be empty, got shape {tuple(x.shape)}")
    low, high = x.min(), x.max()
    return (x - low) / (high - low) if high > low else torch.zeros_like(x)


def _check_maps(x: Tensor) -> None:
    if x.ndim != 4:
        raise ValueError(f"x must have shape (N, C, H, W), got {tuple(x.shape)}")
    if x.shape[-1] < 2:
        raise ValueError(f"x must be at least 2 columns wide, got {x.shape[-1]}")
