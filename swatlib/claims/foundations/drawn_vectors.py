"""Vectors drawn at random, and how far Top-K turns them: what the claims on geometry read."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd
import torch

from swatlib.analysis.angles import (
    angle_between,
    angle_to_energy,
    energy_curve,
    energy_to_angle,
    gaussian_energy,
)
from swatlib.checked import checked
from swatlib.selectors import kept_count


@dataclass(frozen=True)
class Angles:
    """Angles of the ICLR submission's first simulation, in degrees.

    Attributes
    ----------
    topk : dict
        For each sparsity, the angle of every vector with its Top-K.
    between : ndarray
        Of every vector with an independent one.
    """

    topk: dict[float, np.ndarray]
    between: np.ndarray


SPARSITIES = (0.5, 0.7, 0.8, 0.9, 0.95)


@cache
def simulated_angles(vectors: int = 10_000, entries: int = 1_000) -> Angles:
    """Draw Gaussian vectors and measure by how much Top-K turns them (Figure 9a)."""
    generator = torch.Generator().manual_seed(2)
    drawn = torch.randn(vectors, entries, generator=generator)
    others = torch.randn(vectors, entries, generator=generator)
    curve = energy_curve(drawn, dim=1)
    topk = {s: energy_to_angle(curve[:, kept_count(entries, s) - 1]) for s in SPARSITIES}
    return Angles(topk, angle_between(drawn, others, dim=1))


@checked
def gaussian_angle(sparsity: float) -> float:
    """Return the angle by which Top-K turns a long Gaussian vector, in degrees."""
    return float(energy_to_angle(gaussian_energy(sparsity)))


@cache
def angle_spread() -> pd.DataFrame:
    """Return the standard deviation of the Top-K angle over draws, by dimension and sparsity."""
    generator = torch.Generator().manual_seed(7)
    rows = []
    for entries, vectors in ((10, 1_000), (30, 1_000), (100, 1_000), (300, 1_000), (1_000, 1_000)):
        rows += _spread_rows(entries, vectors, generator)
    rows += _spread_rows(10_000, 200, generator)
    return pd.DataFrame(rows)


def _spread_rows(entries: int, vectors: int, generator: torch.Generator) -> list[dict[str, float]]:
    curve = energy_curve(torch.randn(vectors, entries, generator=generator), dim=1)
    return [
        {
            "dimension": entries,
            "sparsity": s,
            "std": float(energy_to_angle(curve[:, kept_count(entries, s) - 1]).std()),
        }
        for s in (0.5, 0.8, 0.9)
    ]


DIMENSIONS = (10, 30, 60, 100, 300, 1_000, 3_000, 10_000)

COMPONENT_ANGLES = (20, 30, 40)


@cache
def components_by_dimension(vectors: int = 1_000) -> pd.DataFrame:
    """Return the share of entries that Top-K must keep for an angle (Figures 9b and 9c).

    Returns
    -------
    DataFrame
        For each of :data:`DIMENSIONS` and :data:`COMPONENT_ANGLES`, in percent: ``mean``, ``std``
        and ``largest`` over the vectors.
    """
    generator = torch.Generator().manual_seed(3)
    rows = []
    for entries in DIMENSIONS:
        curve = energy_curve(torch.randn(vectors, entries, generator=generator), dim=1)
        for angle in COMPONENT_ANGLES:
            needed = 100 * ((curve >= angle_to_energy(angle)).argmax(1) + 1) / entries
            rows.append(
                {
                    "dimension": entries,
                    "angle": angle,
                    "mean": float(needed.mean()),
                    "std": float(needed.std()),
                    "largest": float(needed.max()),
                }
            )
    return pd.DataFrame(rows)
