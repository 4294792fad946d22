"""All three products of ResNet-50 at 224 pixels on each machine, mask generation apart.

Each machine is timed twice: alone, and, as ``and itself at 0 %``, with the comparison to the same
machine at 0 % sparsity that the command line adds.
"""

from collections.abc import Iterator
from time import perf_counter

import torch

from swatlib.bench.timing import Row
from swatlib.models import build_network
from swatlib.simulator import Cartesian, Tactical, Window, generate, layers_of, simulate

BATCH, IMAGE, SPARSITY = 1, 224, 0.9


def main() -> Iterator[Row]:
    """Yield seconds per machine, as a ratio to one dense training step of the same network."""
    with torch.device("meta"):
        model = build_network("resnet50", classes=1000, image=IMAGE)
    layers = layers_of(model, (BATCH, 3, IMAGE, IMAGE))
    masks = generate(layers, SPARSITY)
    step = _training_step()
    setting = f"ResNet-50 at {IMAGE}, batch {BATCH}, {SPARSITY:.0%} sparse, three products"
    machines: dict[str, Tactical | Cartesian] = {
        "tcl X<9>": Tactical(Window("X", 9)),
        "tcl T<2,5>": Tactical(Window("T", 2, 5)),
        "tcl unlimited": Tactical(Window("inf")),
        "scnn, exact": Cartesian(),
    }
    for name, machine in machines.items():
        for vs_self in (False, True):
            start = perf_counter()
            simulate(layers, masks, machine, vs_self=vs_self)
            taken = perf_counter() - start
            label = f"{name} and itself at 0 %" if vs_self else name
            yield Row(setting, label, taken / step, "dense training step", taken)


def _training_step() -> float:
    """Seconds of one dense training step, forward and backward."""
    model = build_network("resnet50", classes=1000, image=IMAGE)
    x = torch.randn(BATCH, 3, IMAGE, IMAGE)
    runs = []
    for _ in range(3):
        start = perf_counter()
        model(x).sum().backward()
        runs.append(perf_counter() - start)
    return min(runs)
