"""All three products of ResNet-50 at 224 pixels on each machine, mask generation apart.

Each machine is timed twice: alone, and, as ``and itself at 0 %``, with the comparison to the same
machine at 0 % sparsity that the command line adds.
"""

from time import perf_counter, process_time

import torch

from swatlib.models import build_network
from swatlib.simulator import Cartesian, Tactical, Window, generate, layers_of, simulate

BATCH, IMAGE, SPARSITY = 1, 224, 0.9


def main() -> None:
    """Print seconds per machine, and the ratio to one dense training step of the same network."""
    with torch.device("meta"):
        model = build_network("resnet50", classes=1000, image=IMAGE)
    layers = layers_of(model, (BATCH, 3, IMAGE, IMAGE))
    masks = generate(layers, SPARSITY)
    step = _training_step()
    print(f"ResNet-50 at {IMAGE}, batch {BATCH}, {SPARSITY:.0%} sparse, three products")
    print(f"{'machine':<22}{'seconds':>9}{'CPU s':>9}{'/ dense step':>14}{'speed-up':>10}")
    machines: dict[str, Tactical | Cartesian] = {
        "tcl X<9>": Tactical(Window("X", 9)),
        "tcl T<2,5>": Tactical(Window("T", 2, 5)),
        "tcl unlimited": Tactical(Window("inf")),
        "scnn, exact": Cartesian(),
    }
    for name, machine in machines.items():
        for vs_self in (False, True):
            wall, cpu = perf_counter(), process_time()
            result = simulate(layers, masks, machine, vs_self=vs_self)
            wall, cpu = perf_counter() - wall, process_time() - cpu
            label = "  and itself at 0 %" if vs_self else name
            print(
                f"{label:<22}{wall:>9.2f}{cpu:>9.2f}{wall / step:>14.1f}{result.speedup():>10.2f}"
            )


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


if __name__ == "__main__":
    main()
