"""Compressed saving on and off: the time of a training step and the bytes it holds for backward."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import torch

from swatlib.bench.step import training_step
from swatlib.bench.timing import Row, ratios, seconds
from swatlib.methods import swat
from swatlib.models import build_network
from swatlib.storage.compression import compress_, saved_bytes
from swatlib.surgery.sparsify import sparsify_

CASES = (("small_resnet", 64), ("resnet18", 8))
PIXELS = 32
SPARSITIES = (0.5, 0.7, 0.8, 0.9, 0.95)
WAYS: dict[str, dict[str, Any]] = {
    "compressed": {},
    "recomputed": {"batch_norm": "recomputed"},
    "recomputed, bfloat16": {"batch_norm": "recomputed", "values": "bfloat16"},
    "int8": {"values": "int8"},
}
"""Options of :func:`swatlib.compress_`."""


def main() -> Iterator[Row]:
    """Yield bytes and time against the dense network's, masked and compressed."""
    for name, batch in CASES:
        torch.manual_seed(0)
        plain = build_network(name, image=PIXELS).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        x = torch.randn(batch, 3, PIXELS, PIXELS).to(memory_format=torch.channels_last)
        y = torch.randint(0, 10, (batch,))
        dense_bytes = saved_bytes(plain, x)["bytes"].sum()
        for sparsity in SPARSITIES:
            setting = f"{name}, batch {batch}, {PIXELS}x{PIXELS}, channels last, {sparsity:.0%}"
            models = {"masked": sparsify_(deepcopy(plain), swat(sparsity))}
            for title, options in WAYS.items():
                models[title] = compress_(deepcopy(models["masked"]), **options)
            for title, model in models.items():
                size = saved_bytes(model, x)["bytes"].sum()
                yield Row(f"{setting}: bytes saved", title, size / dense_bytes, "dense")
            steps = {
                t: training_step(m, x, y) for t, m in ({"dense": deepcopy(plain)} | models).items()
            }
            yield from ratios(f"{setting}: step", seconds(steps, repeat=7), "dense")
