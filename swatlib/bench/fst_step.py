"""A step of fully sparse training against the dense step of a CIFAR ResNet-18, and bytes saved."""

from collections.abc import Callable
from copy import deepcopy

import torch
from torch import nn

from swatlib.bench.step import training_step
from swatlib.bench.timing import print_ratios, seconds
from swatlib.methods import dense
from swatlib.methods.fst import fst, sr_ste
from swatlib.models import build_network
from swatlib.storage.compression import saved_bytes
from swatlib.surgery.sparsify import sparsify_

# Weight masks cost the same for any batch, so their share of a step is largest in a small batch.
BATCH = 64


def main() -> None:
    """Print the ratios for the lines of Table 5, both memory formats, and what backward keeps."""
    methods = {
        "dense": dense(),
        "S(W), SR-STE": sr_ste(),
        "S(W) and S(W^T)": fst(activations=False),
        "FST": fst(),
    }
    for layout in (torch.contiguous_format, torch.channels_last):
        torch.manual_seed(0)
        plain = build_network("resnet18").to(memory_format=layout)  # type: ignore[call-overload]
        x = torch.randn(BATCH, 3, 32, 32).to(memory_format=layout)
        y = torch.randint(0, 10, (BATCH,))
        models = {name: sparsify_(deepcopy(plain), made) for name, made in methods.items()}
        steps: dict[str, Callable[[], object]] = {
            name: training_step(model, x, y) for name, model in models.items()
        }
        name = "NCHW" if layout == torch.contiguous_format else "channels last"
        title = f"step of ResNet-18, 32x32, batch {BATCH}, {name}"
        taken = seconds(steps, repeat=5)
        print_ratios(title, taken, "dense")
        print(f"  FST is {taken['dense'] / taken['FST']:.2f} times as fast as dense")
    print_saved(models, x)


def print_saved(models: dict[str, nn.Module], x: torch.Tensor) -> None:
    """Print what a forward pass keeps for backward, as a ratio to the first model's."""
    saved = {name: saved_bytes(model, x)["bytes"].sum() for name, model in models.items()}
    whole = next(iter(saved.values()))
    print(f"\nsaved for backward, parameters and buffers left out (dense: {whole / 2**20:.1f} MiB)")
    for name, size in saved.items():
        print(f"  {name:<44} {size / whole:8.3f} x")
