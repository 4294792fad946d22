"""A step of fully sparse training against the dense step of a CIFAR ResNet-18, and bytes saved."""

from collections.abc import Callable, Iterator
from copy import deepcopy

import torch
from torch import nn

from swatlib.bench.step import training_step
from swatlib.bench.timing import Row, ratios, seconds
from swatlib.kernels.fastest import AUTO, products
from swatlib.methods.fst import fst, sr_ste
from swatlib.models import build_network
from swatlib.storage.compression import saved_bytes
from swatlib.surgery.sparsify import sparsify_

# Weight masks cost the same for any batch, so their share of a step is largest in a small batch.
BATCH = 64


def main() -> Iterator[Row]:
    """Yield the ratios for the lines of Table 5, both memory formats, and what backward keeps."""
    methods = {
        "S(W), SR-STE": sr_ste(),
        "S(W) and S(W^T)": fst(activations=False),
        "FST": fst(),
    }
    for layout in (torch.contiguous_format, torch.channels_last):
        torch.manual_seed(0)
        plain = build_network("resnet18").to(memory_format=layout)  # type: ignore[call-overload]
        x = torch.randn(BATCH, 3, 32, 32).to(memory_format=layout)
        y = torch.randint(0, 10, (BATCH,))
        sparse = {name: sparsify_(deepcopy(plain), made) for name, made in methods.items()}
        models = {"dense": deepcopy(plain)} | sparse
        steps: dict[str, Callable[[], object]] = {
            name: training_step(model, x, y) for name, model in models.items()
        }
        as_measured = training_step(sparsify_(deepcopy(plain), fst()), x, y)
        steps["FST, auto"] = products(AUTO)(as_measured)
        name = "NCHW" if layout == torch.contiguous_format else "channels last"
        title = f"step of ResNet-18, 32x32, batch {BATCH}, {name}"
        yield from ratios(title, seconds(steps, repeat=5), "dense")
    yield from saved(models, x)


def saved(models: dict[str, nn.Module], x: torch.Tensor) -> list[Row]:
    """Return the bytes a forward pass keeps for backward, as ratios to the first model's."""
    kept = {name: saved_bytes(model, x)["bytes"].sum() for name, model in models.items()}
    first, whole = next(iter(kept.items()))
    setting = "bytes saved for backward, parameters and buffers left out"
    return [Row(setting, name, size / whole, first) for name, size in kept.items()]
