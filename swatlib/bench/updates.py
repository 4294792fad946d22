"""Methods with held masks: a step outside updates against static masks, and an update's own cost.

What RigL, SET and GMP do in every step is holding inactive weights at zero, as static masks do.
Updates are rare; what one costs is told in dense steps.
"""

from collections.abc import Callable, Iterator
from copy import deepcopy

import torch
from torch import nn

from swatlib.bench.timing import Row, ratios, seconds
from swatlib.methods import Method, Progress, method
from swatlib.models import build_network
from swatlib.surgery.sparsify import sparsify_
from swatlib.training.step import training_step

BATCH, PIXELS, SPARSITY = 64, 32, 0.9
PERIOD = 10_000
"""Steps between two updates."""

NEVER = Progress(step=500, steps=10 * PERIOD, epoch_steps=PERIOD)
"""A step after which no update is due."""

DUE = Progress(step=PERIOD - 1, steps=40_000, epoch_steps=PERIOD)
"""A step after which an update is due."""

NAMES = ("rigl", "set", "gmp")


def whole_step(
    model: nn.Module, chosen: Method, x: torch.Tensor, y: torch.Tensor, progress: Progress
) -> tuple[Callable[[], None], Callable[[], None]]:
    """Return two functions: a training step with what the method does, and the latter alone."""
    model = sparsify_(model, chosen)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4)

    def between() -> None:
        for one in chosen.between:
            one.after_step(model, optimizer, progress)

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        nn.functional.cross_entropy(model(x), y).backward()
        for one in chosen.between:
            one.after_backward(model, optimizer, progress)
        optimizer.step()
        between()

    step()  # so that there are gradients and momenta
    return step, between


def main() -> Iterator[Row]:
    """Yield the ratios for ResNet-18 on images of 32 x 32."""
    torch.manual_seed(0)
    plain = build_network("resnet18", classes=10, image=PIXELS)
    x, y = torch.randn(BATCH, 3, PIXELS, PIXELS), torch.randint(0, 10, (BATCH,))
    held = {"static": method("static", SPARSITY)}
    held |= {name: method(name, SPARSITY, every=PERIOD) for name in NAMES}
    title = f"ResNet-18, batch {BATCH}, {PIXELS}x{PIXELS}, {SPARSITY:.0%}"
    steps = {name: whole_step(deepcopy(plain), m, x, y, NEVER)[0] for name, m in held.items()}
    yield from ratios(f"{title}: a step outside updates", seconds(steps, repeat=7), "static")
    dense = training_step(deepcopy(plain), x, y)
    updates = {
        f"an update of {name}": whole_step(deepcopy(plain), held[name], x, y, DUE)[1]
        for name in NAMES
    }
    taken = seconds({"dense step": dense} | updates, repeat=7)
    yield from ratios(f"{title}: updates", taken, "dense step")
