"""What sliding a small random filter over a map does to neighbours (FST section 5.3)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from swatlib.analysis.similarity import column_correlation, column_similarity, scattered
from swatlib.checked import checked
from swatlib.data import load
from swatlib.experiments.similarity import normalised

SEEDS = 5
DEPTH = 4
CHANNELS = 16
IMAGES = 40


@checked
@torch.no_grad()
def through_windows(x: Tensor, kernel: int, stride: int, seed: int) -> list[dict[str, float]]:
    """Send images through random convolutions with ReLU and compare neighbours behind each.

    Parameters
    ----------
    x : Tensor, shape (N, C, H, W)
    kernel, stride : int
        Of all layers but that the stride is the first one's only. Odd kernels keep the size.
    seed : int

    Returns
    -------
    list of dict
        For the images and behind each layer: ``correlation`` of neighbours; ``size of
        correlation``, the mean over channels of each one's absolute correlation, which a filter
        with an edge makes negative; ``neighbours``, the similarity in bits that scattering the
        pixels takes away.
    """
    torch.manual_seed(seed)
    rows = []
    for depth in range(DEPTH + 1):
        if depth:
            layer = nn.Conv2d(
                x.shape[1],
                CHANNELS,
                kernel,
                stride if depth == 1 else 1,
                padding=kernel // 2,
                bias=False,
            )
            x = layer(x).relu()
        found = column_similarity(x).similarity - column_similarity(scattered(x)).similarity
        single = [abs(column_correlation(x[:, [c]])) for c in range(x.shape[1])]
        rows.append(
            {
                "depth": depth,
                "correlation": round(column_correlation(x), 5),
                "size of correlation": round(sum(single) / len(single), 5),
                "neighbours": round(found, 5),
            }
        )
    return rows


def kernel_windows() -> dict[str, Any]:
    """Measure photographs and white noise through random layers, 1x1 and 3x3, stride 1 and 2."""
    data = load("patches", pixels=32)
    photographs = data.test_x[:: len(data.test_x) // IMAGES][:IMAGES]
    inputs = {
        "photographs": normalised(photographs.numpy()),
        "white noise": torch.randn(photographs.shape, generator=torch.Generator().manual_seed(0)),
    }
    return {
        "rows": [
            {"input": name, "kernel": kernel, "stride": stride, "seed": seed, **row}
            for name, x in inputs.items()
            for kernel in (1, 3)
            for stride in (1, 2)
            for seed in range(SEEDS)
            for row in through_windows(x, kernel, stride, seed)
        ]
    }
