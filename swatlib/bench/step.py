"""A sparse training step against the dense step of the same network."""

from collections.abc import Callable
from copy import deepcopy

import torch
from torch import nn

from swatlib.bench.timing import print_ratios, seconds
from swatlib.models import network
from swatlib.recipes import Recipe, dense, meprop, saw, swat
from swatlib.sparsify import sparsify_

BATCH, PIXELS, SPARSITY = 128, 16, 0.9


def obvious_swat(sparsity: float) -> Recipe:
    """Return SWAT by index, as one would write it first: sort, take K, scatter a mask."""
    return swat(sparsity, exact=True)


def main() -> None:
    """Print the ratios for the three small families, in both memory formats."""
    methods = {
        "dense": dense(),
        "SWAT, exact threshold every step": swat(SPARSITY),
        "SWAT, sampled threshold every step": swat(SPARSITY, sample=True),
        "SWAT, period 16": swat(SPARSITY, period=16),
        "SWAT, obvious (sort and scatter)": obvious_swat(SPARSITY),
        "SAW, exact threshold every step": saw(SPARSITY),
        "meProp, per sample": meprop(SPARSITY),
        "meProp, unified": meprop(SPARSITY, unified=True),
    }
    for name in ("small_resnet", "small_vgg", "small_densenet"):
        for memory_format in (torch.contiguous_format, torch.channels_last):
            torch.manual_seed(0)
            plain = network(name, image=PIXELS).to(memory_format=memory_format)  # type: ignore[call-overload]
            x = torch.randn(BATCH, 3, PIXELS, PIXELS).to(memory_format=memory_format)
            y = torch.randint(0, 10, (BATCH,))
            steps = {
                title: training_step(sparsify_(deepcopy(plain), recipe), x, y)
                for title, recipe in methods.items()
            }
            layout = str(memory_format).removeprefix("torch.").replace("_format", "")
            title = f"{name}, width 32, batch {BATCH}, {PIXELS}x{PIXELS}, {layout}, {SPARSITY:.0%}"
            print_ratios(title, seconds(steps, repeat=12), "dense")


def training_step(model: nn.Module, x: torch.Tensor, y: torch.Tensor) -> Callable[[], None]:
    """Return a function that takes one SGD step of ``model`` on the batch ``x``, ``y``."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4)

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()

    return step
