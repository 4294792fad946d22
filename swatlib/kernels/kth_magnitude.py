"""Thresholds: the K-th largest magnitude of a tensor, exactly or from a sample.

Top-K in linear time needs one number, the K-th largest magnitude; what survives is then one
elementwise pass (SWAT section 3.3.3). Both ways to that number are custom operators, so that
``torch.compile`` sees one opaque call and nothing in a training step breaks its graph.
"""

from math import gcd
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from swatlib import checks
from swatlib.checked import checked, explained
from swatlib.kernels.steps import is_new_step

INTEGERS = {
    torch.float16: torch.int16,
    torch.bfloat16: torch.int16,
    torch.float32: torch.int32,
    torch.float64: torch.int64,
}
"""The integer type that has the bits of a float."""

SAMPLE = 2**16
"""Default sample size: at density d the realised density has a standard error of
sqrt(d (1 - d) / SAMPLE), at most 0.2 percentage points."""


BRACKET = 2**12
"""Entries sampled to bracket the K-th largest."""


def directly(operator: Any, x: Tensor, *rest: Any) -> Tensor:
    """Call an operator on ``x``; where nobody traces the call, its body alone.

    The dispatcher takes longer on the way to an operator written in Python than a small layer's
    threshold does.
    """
    result: Tensor = operator._init_fn(x, *rest) if untraced(x) else operator(x, *rest)
    return result


def untraced(x: Tensor) -> bool:
    """Say whether ``x`` is a plain tensor with entries, and nobody traces what is done with it."""
    return (
        type(x) is Tensor
        and not x.is_meta
        and not torch.compiler.is_compiling()
        and not torch._C._len_torch_dispatch_stack()
    )


@checked
def kth_largest(values: NDArray[np.signedinteger], k: int) -> np.signedinteger:
    """Return the ``k``-th largest of a vector of integers, in time that hardly depends on them.

    A sample brackets the answer; two comparisons of the whole vector show whether it is one end of
    the bracket (as it is among many equal values, on which selecting degenerates) and leave a few
    per cent of the entries to select from otherwise. Where the sample misled, it selects from the
    whole vector: the result is exact in any case.

    Parameters
    ----------
    values : array, shape (n,)
        Not negative.
    k : int
        Between 1 and n.
    """
    return _kth_largest(values, k)


def _kth_largest(values: NDArray[np.signedinteger], k: int) -> np.signedinteger:
    n = len(values)
    sample = values[:: _stride(n, BRACKET)]
    fraction = 1 - k / n
    spread = 4 * (fraction * (1 - fraction) / len(sample)) ** 0.5
    first, last = (int((fraction + side * spread) * len(sample)) for side in (-1, 1))
    first, last = first - 1, last + 1
    inside = [place for place in (first, last) if 0 <= place < len(sample)]
    sample = np.partition(sample, inside) if inside else sample
    low = sample[first] if first >= 0 else sample.dtype.type(-1)
    high = sample[last] if last < len(sample) else sample.dtype.type(np.iinfo(sample.dtype).max)
    over_low, from_high = values > low, values >= high
    above = int(np.count_nonzero(from_high))
    if above >= k:
        if np.count_nonzero(values > high) < k:
            return high
    elif k <= np.count_nonzero(over_low):
        values, k = values.compress(over_low ^ from_high), k - above
    elif k <= np.count_nonzero(values >= low):
        return low
    exact = torch.from_numpy(values).kthvalue(len(values) - k + 1)[0]
    return values.dtype.type(exact.item())


SHORT = 256
"""Up to so many entries a row is partitioned by NumPy's sorting networks, whatever is in it."""


def kth_bits(bits: Tensor, k: int) -> Tensor:
    """Return the ``k``-th largest integer of every row: (rows, n) to (rows,).

    ``bits`` is on the CPU and not negative. Of NumPy's and torch's selections the one is faster
    among distinct entries, the other does not mind equal ones.
    """
    n = bits.shape[1]
    if n >= 4 * BRACKET:
        rows = bits.numpy()
        return torch.from_numpy(np.array([_kth_largest(row, k) for row in rows], dtype=rows.dtype))
    if n > SHORT and (n == bits.numel() or _often_equal(bits.numpy())):
        return bits.kthvalue(n - k + 1, dim=1)[0]
    return torch.from_numpy(np.partition(bits.numpy(), n - k, axis=1)[:, n - k].copy())


def _often_equal(values: NDArray[np.signedinteger]) -> bool:
    """Say whether more than one in sixteen entries of a sample has an equal one before it."""
    sample = np.sort(values.reshape(-1)[:: _stride(values.size, BRACKET)])
    return bool(16 * np.count_nonzero(sample[1:] == sample[:-1]) > len(sample))


def magnitude_bits(x: Tensor) -> Tensor:
    """Return the bits of the magnitudes of ``x``, integers that order as the magnitudes do."""
    return x.detach().abs().view(INTEGERS[x.dtype])


@torch.library.custom_op("swatlib::kth_magnitude", mutates_args=())
def kth_magnitude(x: Tensor, k: int) -> Tensor:
    """Return the ``k``-th largest magnitude of every row.

    Parameters
    ----------
    x : Tensor, shape (rows, n)
        Any floating dtype; half precision is compared in float32.
    k : int
        Between 1 and n.

    Returns
    -------
    Tensor, shape (rows,), float32 (float64 for a float64 ``x``)
        NaN counts as the largest magnitude, as it does when sorting.

    Notes
    -----
    On a CPU this selects (Hoare 1961) among the bits of the magnitudes: those of floats without a
    sign order as integers do, with NaN above infinity. Long rows are first narrowed to the few
    entries that a sample leaves in question, see :func:`kth_largest`. On a GPU it is ``torch.topk``
    without sorting, a parallel radix select that never waits for the host.
    """
    if x.device.type != "cpu":
        return _magnitude(x).topk(k, dim=1, sorted=False).values.amin(dim=1)
    return kth_bits(magnitude_bits(x), k).view(x.dtype).to(precision(x))


@kth_magnitude.register_fake
def _(x: Tensor, k: int) -> Tensor:
    return x.new_empty(x.shape[0], dtype=precision(x))


def kth_mask(x: Tensor, k: int) -> Tensor | None:
    """Return the mask of the ``k`` entries of largest magnitude of every row, if they are distinct.

    Parameters
    ----------
    x : Tensor, shape (rows, n)
    k : int
        Between 1 and n.

    Returns
    -------
    Tensor, bool, shape (rows, n), or None
        None if ties or a NaN leave the choice open, or where this shortcut does not exist: on a
        GPU and under ``torch.compile``.
    """
    if x.dtype not in INTEGERS or x.device.type != "cpu" or not untraced(x):
        return None
    bits = magnitude_bits(x)
    kth = kth_bits(bits, k)
    # NumPy compares integers several times faster than torch does on one core.
    mask: NDArray[np.bool_] = bits.numpy() >= kth.numpy()[:, None]
    infinity = int(torch.tensor(torch.inf, dtype=x.dtype).view(INTEGERS[x.dtype]))
    distinct = np.count_nonzero(mask) == k * len(mask) and int(kth.max()) <= infinity
    return torch.from_numpy(mask) if distinct else None


def _stride(n: int, sample: int) -> int:
    """Return the largest step that visits at least ``sample`` of ``n`` entries and is coprime to n.

    Coprime to n it is coprime to the size of every dimension, so the entries visited spread evenly
    over channels, rows and columns, whatever the memory format. No random state is consumed: a
    sampled run repeats exactly, and all ranks of a distributed run look at the same entries.
    """
    return next(step for step in range(max(1, n // sample), 0, -1) if gcd(step, n) == 1)


@torch.library.custom_op("swatlib::sampled_magnitude", mutates_args=())
def sampled_magnitude(x: Tensor, k: int, sample: int) -> Tensor:
    """Estimate the ``k``-th largest magnitude of a vector from ``sample`` of its entries.

    The estimate is the same quantile of the sample, so the fraction of ``x`` at or above it is
    k / n up to, for independent entries, a binomial standard error of sqrt(d (1 - d) / sample) with
    d = k / n. A vector of fewer than twice ``sample`` entries is not sampled: the answer is then
    exact.

    Parameters
    ----------
    x : Tensor, shape (n,)
    k : int
        Between 1 and n.
    sample : int
        Number of entries looked at, at least; they lie at equal steps through memory.

    Returns
    -------
    Tensor, shape (), float32
    """
    n = x.numel()
    drawn = x.reshape(-1)
    if n >= 2 * sample:
        drawn = x.detach()[:: _stride(n, sample)]
        k = max(1, round(k / n * drawn.numel()))
    return directly(kth_magnitude, drawn[None], k).reshape(())


@sampled_magnitude.register_fake
def _(x: Tensor, k: int, sample: int) -> Tensor:
    return x.new_empty((), dtype=precision(x))


@torch.library.custom_op(
    "swatlib::refreshed_magnitude",
    mutates_args=("threshold", "steps", "version", "entries"),
    device_types=None,
)
def refreshed_magnitude(
    x: Tensor,
    weight: Tensor,
    k: int,
    sample: int,
    period: int,
    threshold: Tensor,
    steps: Tensor,
    version: Tensor,
    entries: Tensor,
) -> Tensor:
    """Return a threshold that is recomputed on every ``period``-th step and reused in between.

    SWAT section 3.3.3: the K-th largest magnitude hardly moves during training, so it need not be
    found in every iteration. Steps are counted over the whole training, never reset per epoch.

    Parameters
    ----------
    x : Tensor, shape (n,)
    weight : Tensor
        Of the layer. A call starts a new step if the weight has changed since the last one.
    k, sample : int
        As in :func:`sampled_magnitude`; ``sample`` 0 means exact.
    period : int
        At least 1.
    threshold, steps, version, entries : Tensor
        Of a :class:`~swatlib.core.selector_state.SelectorState`; updated in place. Counters are on
        the CPU, so that reading them never waits for a GPU.

    Returns
    -------
    Tensor, shape (), float32
        A copy, safe to save for the backward pass.
    """
    if is_new_step(weight, version, entries):
        if steps.item() % period == 0:
            if sample:
                fresh = directly(sampled_magnitude, x, k, sample)
            else:
                fresh = directly(kth_magnitude, x[None], k)[0]
            threshold.copy_(fresh)
        steps.add_(1)
    return threshold.clone()


@refreshed_magnitude.register_fake
def _(x: Tensor, weight: Tensor, k: int, sample: int, period: int, *state: Tensor) -> Tensor:
    return torch.empty_like(state[0])


@explained(x=checks.tensor, threshold=checks.tensor)
def keep_above(x: Tensor, threshold: Tensor) -> Tensor:
    """Keep the entries of ``x`` whose magnitude is at least ``threshold``, zero the others.

    Parameters
    ----------
    x : Tensor
    threshold : Tensor, float32 (float64 for a float64 ``x``)
        A scalar, or broadcastable to ``x`` (one threshold per slice).

    Returns
    -------
    Tensor
        Same shape, dtype and memory format as ``x``. Entries equal to the threshold survive, so
        ties can leave more than K. NaN entries survive: a diverged tensor stays visible.
    """
    if x.dtype in INTEGERS and threshold.numel() == 1 and _eager_cpu(x):
        # One vectorised pass, several times faster on a CPU than compare-and-select.
        return torch.nn.functional.hardshrink(x, _just_below(threshold, x.dtype))
    return torch.where(_magnitude(x) < threshold, 0, x)


def _just_below(threshold: Tensor, dtype: torch.dtype) -> float:
    """Return the largest number of ``dtype`` below ``threshold``; -1 if that is zero or less.

    Hardshrink keeps what is strictly above its bound in magnitude, and so what reaches the
    threshold. NaN stays NaN, which drops nothing.
    """
    value = threshold.item()
    if not value > 0:
        return value if value != value else -1.0
    if dtype == threshold.dtype:
        number = np.float32 if dtype == torch.float32 else np.float64
        return float(np.nextafter(number(value), number(0)))
    threshold = threshold.reshape(())
    rounded = threshold.to(dtype)
    bits = rounded.view(INTEGERS[dtype])
    # The next number below has the next smaller bits; one that was rounded down is itself below.
    return float(rounded if rounded.to(threshold.dtype) < threshold else (bits - 1).view(dtype))


@checked(x=checks.tensor, threshold=checks.tensor)
def above(x: Tensor, threshold: Tensor) -> Tensor:
    """Return the mask of what :func:`keep_above` keeps."""
    return ~(_magnitude(x) < threshold)


def precision(x: Tensor) -> torch.dtype:
    """Return the dtype in which magnitudes are compared: float32, float64 for float64."""
    return torch.float64 if x.dtype == torch.float64 else torch.float32


def _eager_cpu(x: Tensor) -> bool:
    return x.device.type == "cpu" and not torch.compiler.is_compiling()


def _magnitude(x: Tensor) -> Tensor:
    # Half-precision magnitudes are compared in float32.
    magnitude = x.detach().abs()
    return magnitude if magnitude.dtype == torch.float64 else magnitude.float()
