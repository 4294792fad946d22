"""How far sparsification turns a vector: angles, the energy kept, and their closed forms.

Keeping some entries of a vector ``v`` and zeroing the rest gives ``f(v) = m * v``. The angle
between the two is ``theta = arccos(||f(v)|| / ||v||)`` (ICLR 2020 submission, Eq. 6), so
``cos(theta)**2`` is the fraction of the squared norm, the *energy*, that survives. Everything
here is that one identity: on tensors, on distributions, and on the layers of a network.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import torch
from scipy import integrate, optimize, stats
from torch import Tensor, nn

from swatlib import checks
from swatlib.checked import checked
from swatlib.selectors import kept_count

__all__ = [
    "angle_between",
    "angle_to_energy",
    "components_needed",
    "energy_curve",
    "energy_to_angle",
    "expected_components",
    "expected_energy",
    "gaussian_energy",
    "layer_angles",
    "sparsification_angle",
    "topk_angle",
]


def _numbers(name: str, value: Any) -> np.ndarray:
    try:
        return np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise TypeError(f"{name} must be numbers, got {checks.shown(value)}") from error


@checked
def energy_to_angle(energy: Any) -> np.ndarray:
    """Angle in degrees of a sparsification that keeps this fraction of the energy.

    Parameters
    ----------
    energy
        Number, array or tensor in [0, 1]: ``||f(v)||**2 / ||v||**2``.

    Returns
    -------
    numpy.ndarray
        ``arccos(sqrt(energy))`` in degrees, in [0, 90] (ICLR submission, Eq. 6).
    """
    energy = _numbers("energy", energy)
    if not np.all((energy >= 0) & (energy <= 1)):
        raise ValueError(f"energy must be in [0, 1], got {energy}")
    return np.asarray(np.degrees(np.arccos(np.sqrt(energy))))


@checked
def angle_to_energy(angle: Any) -> np.ndarray:
    """Fraction of the energy kept by a sparsification that turns a vector by ``angle`` degrees.

    Inverse of :func:`energy_to_angle`; ``angle`` must be in [0, 90].
    """
    angle = _numbers("angle", angle)
    if not np.all((angle >= 0) & (angle <= 90)):
        raise ValueError(f"angle must be in [0, 90] degrees, got {angle}")
    return np.asarray(np.cos(np.radians(angle)) ** 2)


def _vectors(name: str, x: Tensor, dim: int | None) -> Tensor:
    """``x`` as float64 with the vector's entries along the last dimension."""
    if not isinstance(x, Tensor) or not x.is_floating_point():
        kind = x.dtype if isinstance(x, Tensor) else type(x).__name__
        raise TypeError(f"{name} must be a floating-point tensor, got {kind}")
    if x.numel() == 0:
        raise ValueError(f"{name} must have at least one entry, got shape {tuple(x.shape)}")
    if not torch.isfinite(x).all():
        raise ValueError(f"{name} must be finite, got NaN or infinity")
    x = x.detach().double()
    return x.reshape(-1) if dim is None else x.movedim(dim, -1)


@checked
def angle_between(a: Tensor, b: Tensor, dim: int | None = None) -> np.ndarray:
    """Angle between two vectors in degrees.

    Parameters
    ----------
    a, b
        Floating-point tensors of equal shape.
    dim
        Dimension the vectors lie along; None takes each whole tensor as one vector.

    Returns
    -------
    numpy.ndarray
        Angles in [0, 180]. A zero vector has no direction: its angle is NaN.
    """
    if a.shape != b.shape:
        raise ValueError(f"a and b must have one shape, got {tuple(a.shape)} and {tuple(b.shape)}")
    u, v = _vectors("a", a, dim), _vectors("b", b, dim)
    cosine = (u * v).sum(-1) / (u.norm(dim=-1) * v.norm(dim=-1))
    return np.asarray(torch.rad2deg(torch.arccos(cosine.clamp(-1, 1))).cpu().numpy())


@checked
def sparsification_angle(x: Tensor, mask: Tensor, dim: int | None = None) -> np.ndarray:
    """Angle in degrees between ``x`` and ``mask * x``, for any mask (Definition 3).

    Parameters
    ----------
    x
        Floating-point tensor.
    mask
        Boolean tensor of the same shape, True where an entry is kept.
    dim
        Dimension the vectors lie along; None takes the whole tensor as one vector.

    Returns
    -------
    numpy.ndarray
        Angles in [0, 90]; 90 where nothing of a vector is kept, 0 for a zero vector, which
        loses nothing.
    """
    if mask.dtype != torch.bool or mask.shape != x.shape:
        raise ValueError(
            f"mask must be boolean and of shape {tuple(x.shape)}, "
            f"got {mask.dtype} of shape {tuple(mask.shape)}"
        )
    squares = _vectors("x", x, dim).square()
    kept = (squares * _vectors("mask", mask.double(), dim)).sum(-1)
    return energy_to_angle(_ratio(kept, squares.sum(-1)))


@checked
def energy_curve(x: Tensor, dim: int | None = None) -> np.ndarray:
    """Energy kept by the K largest magnitudes, for every K from 1 to n.

    Entry ``[..., K - 1]`` is ``sum of the K largest x_i**2 / sum of all x_i**2``, so
    ``energy_to_angle`` of the curve is the Top-K sparsification angle at every sparsity.

    Parameters
    ----------
    x
        Floating-point tensor.
    dim
        Dimension the vectors lie along; None takes the whole tensor as one vector.

    Returns
    -------
    numpy.ndarray
        Float64, shape of ``x`` with ``dim`` last (or flat), non-decreasing, ending in 1.
    """
    squares = _vectors("x", x, dim).square().sort(dim=-1, descending=True).values
    kept = squares.cumsum(-1)
    return _ratio(kept, kept[..., -1:])


@checked(sparsity=checks.sparsity)
def topk_angle(x: Tensor, sparsity: float, dim: int | None = None) -> np.ndarray:
    """Top-K sparsification angle in degrees (Definitions 2 and 3 of the ICLR submission).

    Keeps the ``K = ceil((1 - sparsity) n)`` largest magnitudes. Ties do not matter: equal
    magnitudes carry equal energy. By Lemma B.1 no other choice of K entries turns ``x`` less.

    Parameters
    ----------
    x
        Floating-point tensor.
    sparsity
        Fraction set to zero, in [0, 1).
    dim
        Dimension the vectors lie along; None takes the whole tensor as one vector.
    """
    squares = _vectors("x", x, dim).square()
    kept = squares.topk(kept_count(squares.shape[-1], sparsity), dim=-1, sorted=False).values
    return energy_to_angle(_ratio(kept.sum(-1), squares.sum(-1)))


@checked
def components_needed(x: Tensor, angle: float, dim: int | None = None) -> np.ndarray:
    """Smallest fraction K/n of entries whose Top-K angle is at most ``angle`` degrees.

    The quantity of the ICLR submission's Fig. 9b, one value per vector.
    """
    curve = energy_curve(x, dim)
    # Rounding may leave the curve's last entry a hair below 1; K = n always qualifies.
    enough = curve >= angle_to_energy(angle) - 1e-12
    return np.asarray((enough.argmax(-1) + 1) / curve.shape[-1])


def _ratio(part: Tensor, whole: Tensor) -> np.ndarray:
    """``part / whole`` clipped to [0, 1]; 1 for a zero vector, which has no energy to lose."""
    ratio = torch.where(whole > 0, part / whole, torch.ones_like(part))
    return np.asarray(ratio.clamp(0, 1).cpu().numpy())


@checked
def gaussian_energy(sparsity: Any) -> np.ndarray:
    """Energy that Top-K keeps of a long vector of independent Gaussian entries.

    With ``t`` the magnitude exceeded with probability ``1 - sparsity``, ``phi`` the standard
    normal density and ``Q`` its upper tail, integrating ``2 x**2 phi(x)`` from t by parts gives

        cos(theta)**2 = 2 [t phi(t) + Q(t)],    Q(t) = (1 - sparsity) / 2.

    Parameters
    ----------
    sparsity
        Number or array in [0, 1).
    """
    sparsity = _numbers("sparsity", sparsity)
    if not np.all((sparsity >= 0) & (sparsity < 1)):
        raise ValueError(f"sparsity must be in [0, 1), got {sparsity}")
    tail = (1 - sparsity) / 2
    t = stats.norm.isf(tail)
    return np.asarray(2 * (t * stats.norm.pdf(t) + tail))


@checked(sparsity=checks.sparsity)
def expected_energy(distribution: Any, sparsity: float) -> float:
    """Energy that Top-K keeps of a long vector drawn from any continuous distribution.

    The dropped entries are those with ``|x| < t``, where ``P(|x| > t) = 1 - sparsity``, so

        cos(theta)**2 = 1 - integral of x**2 f(x) over [-t, t] / E[x**2],

    with the integral by quadrature. It is finite even for heavy tails, as long as ``E[x**2]`` is.

    Parameters
    ----------
    distribution
        A frozen continuous SciPy distribution, such as ``scipy.stats.laplace()``.
    sparsity
        Fraction set to zero, in [0, 1).

    Raises
    ------
    ValueError
        If the sparsity is out of range or the distribution's variance is not finite.
    """
    total = float(distribution.var()) + float(distribution.mean()) ** 2
    if not math.isfinite(total) or total <= 0:
        raise ValueError(
            f"distribution must have a finite, positive second moment, got E[x**2] = {total}"
        )
    t = _magnitude_threshold(distribution, 1 - sparsity)
    low, high = distribution.support()
    dropped, _ = integrate.quad(
        lambda x: x * x * distribution.pdf(x), max(low, -t), min(high, t), limit=200
    )
    return min(max(1 - dropped / total, 0.0), 1.0)


def _magnitude_threshold(distribution: Any, density: float) -> float:
    """The t with ``P(|x| > t) = density``."""

    def excess(t: float) -> float:
        return float(distribution.sf(t) + distribution.cdf(-t)) - density

    # Beyond both of these each tail holds at most half of the density.
    top = max(distribution.isf(density / 2), -distribution.ppf(density / 2), 0.0)
    if excess(0.0) <= 0:  # nothing is dropped
        return 0.0
    if excess(top) >= 0:  # a symmetric distribution: the bracket's end is the root
        return float(top)
    return float(optimize.brentq(excess, 0.0, top, xtol=1e-14))


@checked
def expected_components(distribution: Any, angle: float) -> float:
    """Fraction of entries Top-K must keep for an angle of ``angle`` degrees, in a long vector.

    Inverse of :func:`expected_energy`; ``angle`` in (0, 90).
    """
    if not 0 < angle < 90:
        raise ValueError(f"angle must be in (0, 90) degrees, got {angle}")
    target = float(angle_to_energy(angle))

    def shortfall(density: float) -> float:
        return expected_energy(distribution, 1 - density) - target

    return float(optimize.brentq(shortfall, 1e-9, 1.0, xtol=1e-10))


@checked(sparsity=checks.sparsity)
def layer_angles(
    model: nn.Module, inputs: Tensor, sparsity: float, over_batch: bool = True
) -> pd.DataFrame:
    """Top-K angle of the weight and the input activation of every convolution and linear layer.

    Runs one forward pass without gradients in the model's present mode (the ICLR submission's
    Fig. 9e measures during training; call ``model.train()`` for that), then puts buffers such as
    running statistics back.

    Parameters
    ----------
    model
        Any module.
    inputs
        One batch for it.
    sparsity
        Fraction set to zero, in [0, 1).
    over_batch
        True takes the activations of a whole batch as one vector, as SWAT's Top-K over N, C, H
        and W does; False takes one vector per sample and averages the angles.

    Returns
    -------
    pandas.DataFrame
        One row per layer and operand: ``layer``, ``operand`` ("weight" or "activation"),
        ``elements``, ``zeros`` (fraction already zero), ``angle`` in degrees.

    Raises
    ------
    ValueError
        If the model has no convolution or linear layer.
    """
    rows: list[dict[str, Any]] = []

    def row(layer: str, operand: str, x: Tensor, angle: Any) -> None:
        zeros = float((x == 0).double().mean())
        rows.append(
            {
                "layer": layer,
                "operand": operand,
                "elements": x.numel(),
                "zeros": zeros,
                "angle": float(np.mean(angle)),
            }
        )

    def watch(name: str, weight: Tensor) -> Any:
        def hook(_: nn.Module, args: tuple[Tensor, ...]) -> None:
            x = args[0]
            row(name, "weight", weight, topk_angle(weight, sparsity))
            angle = topk_angle(x, sparsity) if over_batch else topk_angle(x.flatten(1), sparsity, 1)
            row(name, "activation", x, angle)

        return hook

    layers = [(n, m) for n, m in model.named_modules() if isinstance(m, (nn.Conv2d, nn.Linear))]
    if not layers:
        raise ValueError("model must contain a Conv2d or Linear layer, found none")
    buffers = {name: buffer.clone() for name, buffer in model.named_buffers()}
    handles = [m.register_forward_pre_hook(watch(n, m.weight)) for n, m in layers]
    try:
        with torch.no_grad():
            model(inputs)
    finally:
        for handle in handles:
            handle.remove()
        for name, buffer in model.named_buffers():
            buffer.copy_(buffers[name])
    return pd.DataFrame(rows)
