"""Counting ResNet-50 at 224 pixels, against one real forward pass of it."""

from time import perf_counter

import torch

from swatlib.accounting import PAPER, count, method_densities, trace
from swatlib.models import network


def main() -> None:
    """Print seconds and the ratio of a count to a dense forward pass of one image."""
    model = network("resnet50", classes=1000, image=224).eval()
    x = torch.randn(1, 3, 224, 224)

    def counted() -> None:
        traced = trace(model, x)
        count(traced, method_densities("swat-u", traced, 0.8), PAPER).summary()

    def passed() -> None:
        with torch.no_grad():
            model(x)

    times = {}
    for name, step in (("count", counted), ("forward", passed)):
        step()
        runs = []
        for _ in range(5):
            start = perf_counter()
            step()
            runs.append(perf_counter() - start)
        times[name] = min(runs)
    ratio = times["count"] / times["forward"]
    print(f"ResNet-50 at 224: count {times['count']:.2f} s, {ratio:.1f}x one forward pass")


if __name__ == "__main__":
    main()
