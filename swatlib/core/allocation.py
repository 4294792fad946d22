"""Allocation: how one sparsity for the whole network is spread over its layers.

Pure functions from weight shapes to one density per layer. In SWAT a layer's density holds for its
weights and for its activations alike (section 3.3.2).
"""

from collections.abc import Sequence
from functools import partial
from math import ceil, prod

from swatlib import checks
from swatlib.checked import checked

Shapes = Sequence[Sequence[int]]


@checked(sparsity=checks.sparsity)
def uniform(shapes: Shapes, sparsity: float, first_dense: bool = True) -> list[float]:
    """Give every layer the same density; SWAT-U keeps the first layer dense (section 3.3.2).

    The other layers do not make up for a dense first layer: the whole network is then denser than
    1 - sparsity.

    Parameters
    ----------
    shapes : sequence of shapes
        Weight shapes in the order of the layers, (Cout, Cin/groups, kh, kw) or (out, in).
    sparsity : float
        Fraction of weights set to zero, in [0, 1).
    first_dense : bool
        Leave the first layer dense.

    Returns
    -------
    list of float
        Densities in (0, 1], one per layer.

    Raises
    ------
    ValueError
        For no layers, an empty shape, or a sparsity out of range.
    """
    _check(shapes)
    densities = [1.0 - sparsity] * len(shapes)
    if first_dense:
        densities[0] = 1.0
    return densities


@checked(sparsity=checks.sparsity)
def erk(shapes: Shapes, sparsity: float) -> list[float]:
    """Give layer l the density eps * sum(shape_l) / prod(shape_l): Erdos-Renyi-Kernel.

    Large layers become sparser than small ones (Evci et al. 2020, section 3; SWAT-ERK, section
    3.3.2). A layer whose density would exceed 1 becomes dense and eps is solved again for the
    others, until none does; so the whole network has exactly the density 1 - sparsity.

    Parameters
    ----------
    shapes : sequence of shapes
        Weight shapes, (Cout, Cin/groups, kh, kw) or (out, in); the first layer takes part.
    sparsity : float
        Fraction of all weights set to zero, in [0, 1).

    Returns
    -------
    list of float
        Densities in (0, 1], one per layer.

    Raises
    ------
    ValueError
        For no layers, an empty shape, or a sparsity out of range.
    """
    _check(shapes)
    sizes = [prod(shape) for shape in shapes]
    raw = [sum(shape) / prod(shape) for shape in shapes]
    full: set[int] = set()
    while True:
        sparse = [i for i in range(len(shapes)) if i not in full]
        if not sparse:
            return [1.0] * len(shapes)
        budget = (1.0 - sparsity) * sum(sizes) - sum(sizes[i] for i in full)
        eps = budget / sum(raw[i] * sizes[i] for i in sparse)
        too_dense = {i for i in sparse if eps * raw[i] > 1.0}
        if not too_dense:
            return [1.0 if i in full else eps * raw[i] for i in range(len(shapes))]
        full |= too_dense


@checked(sparsity=checks.sparsity, full=partial(checks.number, above=0, most=1))
def momentum(
    sizes: Sequence[int], mean_momentum: Sequence[float], sparsity: float, full: float = 0.99
) -> list[int]:
    """Share the active weights out in proportion to the layers' mean momentum: SWAT-M.

    A layer's share is the mean magnitude of the momentum of its active weights, over the sum of
    the layers' (section 3.3.2, after Dettmers and Zettlemoyer 2019). A layer whose share is more
    than the fraction `full` of it becomes full. What it cannot take goes to the others in equal
    parts. What a layer is filled up with comes from the others in the same way.

    Parameters
    ----------
    sizes : sequence of int
        Weights per layer.
    mean_momentum : sequence of float
        Mean of \\|momentum\\| over the active weights of each layer, not negative.
    sparsity : float
        Fraction of all weights set to zero, in [0, 1).
    full : float
        A layer given more than this fraction of its weights becomes full.

    Returns
    -------
    list of int
        Active weights per layer, each in [0, size]. Every count is rounded up, so their sum may
        exceed (1 - sparsity) * sum(sizes) by one weight a layer. It exceeds it further only where
        the others have too few weights left to fill up the full layers.

    Raises
    ------
    ValueError
        For no layers, lists of different lengths, a sparsity out of range, or momenta that are
        negative, not finite, or all zero.
    """
    _check([(size,) for size in sizes])
    if len(mean_momentum) != len(sizes):
        raise ValueError(
            f"mean_momentum must have one value per layer ({len(sizes)}), got {len(mean_momentum)}"
        )
    total = sum(mean_momentum)
    if not 0 < total < float("inf") or min(mean_momentum) < 0:
        raise ValueError(
            "mean_momentum must be finite, not negative and not all zero, "
            f"got {list(mean_momentum)}"
        )
    budget = (1.0 - sparsity) * sum(sizes)
    counts = [budget * share / total for share in mean_momentum]
    # Each round fills at least one more layer, so there are at most as many rounds as layers.
    filled: set[int] = set()
    while True:
        over = [i for i in range(len(sizes)) if i not in filled and counts[i] > full * sizes[i]]
        if not over:
            break
        rest = 0.0
        for i in over:
            rest += counts[i] - sizes[i]
            counts[i] = sizes[i]
            filled.add(i)
        open_layers = [i for i in range(len(sizes)) if i not in filled]
        for i in open_layers:
            counts[i] = max(0.0, counts[i] + rest / len(open_layers))
    return [min(size, ceil(round(count, 6))) for size, count in zip(sizes, counts, strict=True)]


def _check(shapes: Shapes) -> None:
    if not shapes:
        raise ValueError("shapes must name at least one layer, got none")
    for shape in shapes:
        if min(shape, default=0) < 1:
            raise ValueError(f"every layer must have weights, got shape {tuple(shape)}")
