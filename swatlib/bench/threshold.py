"""The K-th largest of 2.4 million magnitudes: ours against ``torch.topk`` and one memory pass."""

from collections.abc import Iterator

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
    sampled = topk_threshold(x, SPARSITY, sample=SAMPLE)
    density = (x.abs() >= sampled).float().mean().item()
    yield Row(f"{setting}: density", "sampled threshold", density / (1 - SPARSITY), "asked for")
