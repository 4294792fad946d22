"""Compressed saving on and off: the time of a training step and the bytes it holds for backward."""

from copy import deepcopy

import torch

from swatlib.bench.step import training_step
from swatlib.bench.timing import seconds
from swatlib.methods import swat
from swatlib.models import build_network
from swatlib.storage.compression import compress_, saved_bytes
from swatlib.surgery.sparsify import sparsify_

CASES = (("small_resnet", 64), ("resnet18", 8))
PIXELS = 32
SPARSITIES = (0.5, 0.7, 0.8, 0.9, 0.95)


def main() -> None:
    """Print time and bytes against the dense network, and compressed time against masked."""
    for name, batch in CASES:
        torch.manual_seed(0)
        plain = build_network(name, image=PIXELS).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        x = torch.randn(batch, 3, PIXELS, PIXELS).to(memory_format=torch.channels_last)
        y = torch.randint(0, 10, (batch,))
        dense_bytes = saved_bytes(plain, x)["bytes"].sum()
        print(
            f"\n{name}, batch {batch}, {PIXELS}x{PIXELS}, channels last "
            f"(dense: {dense_bytes / batch / 2**20:.2f} MiB an image)"
        )
        print("          bytes: masked  compressed    time: masked  compressed")
        for sparsity in SPARSITIES:
            masked = sparsify_(deepcopy(plain), swat(sparsity))
            compressed = compress_(deepcopy(masked))
            size = {
                title: saved_bytes(model, x)["bytes"].sum() / dense_bytes
                for title, model in (("masked", masked), ("compressed", compressed))
            }
            taken = seconds(
                {
                    "dense": training_step(deepcopy(plain), x, y),
                    "masked": training_step(masked, x, y),
                    "compressed": training_step(compressed, x, y),
                },
                repeat=7,
            )
            print(
                f"  {sparsity:<8.0%}{size['masked']:13.2f} x{size['compressed']:10.2f} x"
                f"{taken['masked'] / taken['dense']:14.2f} x"
                f"{taken['compressed'] / taken['dense']:10.2f} x",
                flush=True,
            )
