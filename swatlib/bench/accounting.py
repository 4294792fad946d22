"""Counting ResNet-50 at 224 pixels, against one forward pass of one image."""

from collections.abc import Iterator

import torch

from swatlib.accounting import PAPER, count, method_densities, trace
from swatlib.bench.timing import Row, ratios, seconds
from swatlib.models import build_network


def main() -> Iterator[Row]:
    """Yield the time of tracing and counting as a ratio to the forward pass."""
    model = build_network("resnet50", classes=1000, image=224).eval()
    x = torch.randn(1, 3, 224, 224)

    def counted() -> None:
        traced = trace(model, x)
        count(traced, method_densities("swat-u", traced, 0.8), PAPER).summary()

    def passed() -> None:
        with torch.no_grad():
            model(x)

    functions = {"forward pass": passed, "trace and count": counted}
    yield from ratios("ResNet-50 at 224 pixels, one image", seconds(functions, 5), "forward pass")
