"""Thresholds: the K-th largest magnitude of a tensor, exactly or from a sample.

Top-K in linear time needs one number, the K-th largest magnitude; what survives is then one
elementwise pass (SWAT section 3.3.3). Both ways to that number are custom operators, so that
``torch.compile`` sees one opaque call and nothing in a training step breaks its graph.
"""

from math import gcd

import numpy as np
import torch
from torch import Tensor

SAMPLE = 2**16
"""Default sample size: at density d the realised density has a standard error of
sqrt(d (1 - d) / SAMPLE), at most 0.2 percentage points."""


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
    On a CPU this is introselect on the magnitudes (``numpy.partition``), which is vectorised and an
    order of magnitude faster than ``torch.topk`` or ``torch.kthvalue`` on one long row. On a GPU it
    is ``torch.topk`` without sorting, a parallel radix select that never waits for the host.
    """
    magnitude = _magnitude(x)
    if x.device.type != "cpu":
        return magnitude.topk(k, dim=1, sorted=False).values.amin(dim=1)
    n = magnitude.shape[1]
    scratch = magnitude.numpy()
    scratch.partition(n - k, axis=1)
    return torch.from_numpy(scratch[:, n - k].copy())


@kth_magnitude.register_fake
def _(x: Tensor, k: int) -> Tensor:
    return x.new_empty(x.shape[0], dtype=_precision(x))


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
    if n < 2 * sample:
        return kth_magnitude(x.reshape(1, -1), k).reshape(())
    drawn = x.detach()[:: _stride(n, sample)]
    return kth_magnitude(drawn[None], max(1, round(k / n * drawn.numel()))).reshape(())


@sampled_magnitude.register_fake
def _(x: Tensor, k: int, sample: int) -> Tensor:
    return x.new_empty((), dtype=_precision(x))


@torch.library.custom_op(
    "swatlib::refreshed_magnitude", mutates_args=("threshold", "calls"), device_types=None
)
def refreshed_magnitude(
    x: Tensor, k: int, sample: int, period: int, threshold: Tensor, calls: Tensor
) -> Tensor:
    """Return a threshold that is recomputed on every ``period``-th call and reused in between.

    SWAT section 3.3.3: the K-th largest magnitude hardly moves during training, so it need not be
    found in every iteration. Calls are counted over the whole training, never reset per epoch.

    Parameters
    ----------
    x : Tensor, shape (n,)
    k, sample : int
        As in :func:`sampled_magnitude`; ``sample`` 0 means exact.
    period : int
        At least 1.
    threshold : Tensor, shape (), float32, on the device of ``x``
        The threshold kept between calls; updated in place.
    calls : Tensor, shape (), int64, on the CPU
        Calls so far; updated in place. On the CPU, so that reading it never waits for a GPU.

    Returns
    -------
    Tensor, shape (), float32
        A copy, safe to save for the backward pass.
    """
    if calls.item() % period == 0:
        fresh = sampled_magnitude(x, k, sample) if sample else kth_magnitude(x[None], k)[0]
        threshold.copy_(fresh)
    calls.add_(1)
    return threshold.clone()


@refreshed_magnitude.register_fake
def _(x: Tensor, k: int, sample: int, period: int, threshold: Tensor, calls: Tensor) -> Tensor:
    return torch.empty_like(threshold)


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
    single = x.dtype in (torch.float32, torch.float64) and threshold.numel() == 1
    if single and _eager_cpu(x):
        # One vectorised pass, several times faster on a CPU than compare-and-select. Hardshrink
        # keeps what is strictly above its bound, so that is the next number below the threshold.
        precision = np.float64 if x.dtype == torch.float64 else np.float32
        below = np.nextafter(precision(threshold.item()), precision(-np.inf))
        return torch.nn.functional.hardshrink(x, float(below))
    return torch.where(_magnitude(x) < threshold, 0, x)


def above(x: Tensor, threshold: Tensor) -> Tensor:
    """Return the mask of what :func:`keep_above` keeps."""
    return ~(_magnitude(x) < threshold)


def _precision(x: Tensor) -> torch.dtype:
    return torch.float64 if x.dtype == torch.float64 else torch.float32


def _eager_cpu(x: Tensor) -> bool:
    return x.device.type == "cpu" and not torch.compiler.is_compiling()


def _magnitude(x: Tensor) -> Tensor:
    # Half-precision magnitudes are compared in float32.
    magnitude = x.detach().abs()
    return magnitude if magnitude.dtype == torch.float64 else magnitude.float()
