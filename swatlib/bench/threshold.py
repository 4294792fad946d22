"""The K-th largest of 2.4 million magnitudes: ours against ``torch.topk`` and one memory pass."""

from collections.abc import Iterator
from functools import partial

import torch

from swatlib.bench.timing import Row, ratios, seconds
from swatlib.kernels.kth_magnitude import SAMPLE, keep_above
from swatlib.selectors import topk_threshold

ENTRIES = 2_400_000
SPARSITY = 0.9


def main() -> Iterator[Row]:
    """Yield the ratios, and the density that the sampled threshold realises."""
    x = torch.randn(ENTRIES, generator=torch.Generator().manual_seed(0))
    k = round((1 - SPARSITY) * ENTRIES)
    exact = topk_threshold(x, SPARSITY)
    taken = seconds(
        {
            "torch.topk": lambda: x.abs().topk(k),
            "torch.kthvalue": lambda: x.abs().kthvalue(ENTRIES - k + 1),
            "sort": lambda: x.abs().sort(),
            "exact threshold": lambda: topk_threshold(x, SPARSITY),
            f"sampled threshold ({SAMPLE} entries)": lambda: topk_threshold(
                x, SPARSITY, sample=SAMPLE
            ),
            "one pass over memory (largest magnitude)": lambda: x.abs().max(),
            "applying the threshold": lambda: keep_above(x, exact),
            "applying it by compare and select": lambda: torch.where(x.abs() >= exact, x, 0),
        },
        repeat=9,
    )
    setting = f"threshold of {ENTRIES / 1e6:.1f} M floats"
    yield from ratios(setting, taken, "torch.topk")
    yield from kinds(x)
    sampled = topk_threshold(x, SPARSITY, sample=SAMPLE)
    density = (x.abs() >= sampled).float().mean().item()
    yield Row(f"{setting}: density", "sampled threshold", density / (1 - SPARSITY), "asked for")


def kinds(x: torch.Tensor) -> Iterator[Row]:
    """Yield the exact threshold's time on inputs of other kinds than Gaussian, over that on ``x``.

    Selection has bad cases: many equal entries, and those in order. None may take twice as long.
    """
    inputs = {
        "Gaussian": x,
        "half zeros (ReLU)": x.relu(),
        "95 % zeros": torch.where(x.abs() > 1.96, x, 0),
        "clamped": x.clamp(-0.5, 0.5),
        "binary": (x > 0).float(),
        "constant": torch.ones_like(x),
        "sorted": x.abs().sort().values,
    }
    for rows, over in ((1, "NCHW"), (ENTRIES // 2000, "CHW")):
        taken = seconds(
            {
                name: partial(topk_threshold, values.reshape(rows, 1, 1, -1), SPARSITY, over)
                for name, values in inputs.items()
            },
            repeat=5,
        )
        yield from ratios(f"exact threshold of {rows} x {ENTRIES // rows}", taken, "Gaussian")
