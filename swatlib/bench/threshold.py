"""The K-th largest of 2.4 million magnitudes: ours against ``torch.topk`` and one memory pass."""

import torch

from swatlib.bench.timing import print_ratios, seconds
from swatlib.kernels.kth_magnitude import SAMPLE, keep_above
from swatlib.selectors import topk_threshold

ENTRIES = 2_400_000
SPARSITY = 0.9


def main() -> None:
    """Print the ratios, and the density that the sampled threshold realises."""
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
    print_ratios(f"threshold of {ENTRIES / 1e6:.1f} M floats", taken, "torch.topk")
    one_pass = taken["one pass over memory (largest magnitude)"]
    for name in ("exact threshold", f"sampled threshold ({SAMPLE} entries)"):
        faster = taken["torch.topk"] / taken[name]
        print(f"  {name}: {faster:.0f} x faster than topk, {taken[name] / one_pass:.1f} passes")
    sampled = topk_threshold(x, SPARSITY, sample=SAMPLE)
    print(f"  density realised from the sample: {100 * (x.abs() >= sampled).float().mean():.2f} %")
