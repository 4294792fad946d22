"""Measurements of the chapters on the accelerator: memory and energy, and sparse products in time.

The first is a simulation, the same on every machine, and recorded because it takes a minute. The
second is timed, as a ratio of two products that take turns.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from time import thread_time
from typing import Any

import numpy as np
import torch

from swatlib import checks
from swatlib.checked import checked
from swatlib.clock import medians, times
from swatlib.models import build_network
from swatlib.simulator import (
    FINITE_BANDWIDTH,
    HALF,
    PRODUCTS,
    SINGLE,
    Cartesian,
    Layer,
    Masks,
    Memory,
    Simulation,
    Tactical,
    energy,
    generate,
    layers_of,
    simulate,
)
from swatlib.simulator.memory import dram_bits

MACHINES: dict[str, Tactical | Cartesian] = {"X9": Tactical(), "scnn": Cartesian()}
PRECISIONS = {"16 bit": HALF, "32 bit": SINGLE}
SPARSITIES = (0.0, 0.8, 0.9)
BATCH = 32
"""Images for each device in SWAT's training on ImageNet: 256 on eight (section 4.1)."""

HIDDEN = 1.05
"""Waiting for memory is hidden if a step takes no longer than this times its computing."""


def resnet50() -> list[Layer]:
    """Return the layers of ResNet-50 for one image."""
    with torch.device("meta"):
        model = build_network("resnet50", classes=1000, image=224)
    return layers_of(model, (1, 3, 224, 224))


def _moved(
    result: Simulation, masks: Sequence[Masks], machine: Tactical | Cartesian, batch: int
) -> Iterator[tuple[int, float]]:
    """Yield computing cycles and DRAM bytes of each product of each layer, for a batch.

    Weights cross once a product, all else once an image. Cycles of a larger batch are those of one
    image times its size, which for forward and input gradient is exact.
    """
    for product, counts in result.counts.items():
        for mask, count in zip(masks, counts, strict=True):
            if not count.dense_cycles:
                continue
            weights = mask.stationary("forward")
            if product == "weight_grad":
                once = dram_bits(weights.size, weights.size, None, machine.value_bits)
            else:
                kept = int(np.count_nonzero(weights))
                once = dram_bits(weights.size, kept, machine.stationary_bits, machine.value_bits)
            yield count.cycles * batch, (once + batch * (count.dram_bits - once)) / 8


@checked(bandwidth=partial(checks.number, above=0))
def slowdown(moved: Sequence[tuple[int, float]], bandwidth: float) -> float:
    """Return how many times longer a step takes with memory of a bandwidth.

    Parameters
    ----------
    moved : sequence of (int, float)
        Computing cycles and DRAM bytes of each product of each layer, which overlap.
    bandwidth : float
        Bytes a cycle.
    """
    limited = sum(max(cycles, math.ceil(size / bandwidth)) for cycles, size in moved)
    return limited / sum(cycles for cycles, _ in moved)


def _waiting(moved: Sequence[tuple[int, float]]) -> dict[str, float]:
    found = {f"{n} channels": slowdown(moved, n * FINITE_BANDWIDTH) for n in (1, 4, 16)}
    enough = 1
    while slowdown(moved, enough * FINITE_BANDWIDTH) > HIDDEN:
        enough *= 2
    return found | {"channels needed": enough}


def memory_and_energy() -> dict[str, Any]:
    """Simulate a training step of ResNet-50 and return its waiting and its energy.

    Returns
    -------
    dict
        ``"slowdown"``: by machine, sparsity and case, against memory that never limits, with 1, 4
        and 16 DDR4 channels, and the channels after which it is at most 5 %. ``"energy"``: by
        precision, machine and sparsity, arithmetic, SRAM and DRAM in pJ for one image, all three
        products. ``"largest"``: bytes of the largest layer, by what it holds.
    """
    layers = resnet50()
    waits: dict[str, Any] = {name: {} for name in MACHINES}
    spent: dict[str, Any] = {label: {name: {} for name in MACHINES} for label in PRECISIONS}
    for sparsity in SPARSITIES:
        masks = generate(layers, sparsity, seed=0)
        for name, machine in MACHINES.items():
            for label, precision in PRECISIONS.items():
                exact = replace(machine, value_bits=precision.bits)
                result = simulate(layers, masks, exact, vs_self=False)
                bill = energy(result.total(), Memory(), precision)
                spent[label][name][f"{sparsity:g}"] = bill
                if precision is not HALF or not sparsity:
                    continue
                two = replace(result, counts={p: result.counts[p] for p in PRODUCTS[:2]})
                waits[name][f"{sparsity:g}"] = {
                    "three products, batch 1": _waiting(list(_moved(result, masks, exact, 1))),
                    "two products, batch 1": _waiting(list(_moved(two, masks, exact, 1))),
                    f"two products, batch {BATCH}": _waiting(
                        list(_moved(two, masks, exact, BATCH))
                    ),
                }
    size = HALF.bits // 8
    return {
        "slowdown": waits,
        "energy": spent,
        "largest": {
            "weights": size * max(math.prod(layer.weight_shape) for layer in layers),
            "inputs of one image": size * max(math.prod(layer.input_shape) for layer in layers),
            "outputs of one image": size * max(math.prod(layer.output_shape) for layer in layers),
        },
    }


RESNET18 = tuple(
    (channels, 9 * channels, pixels**2)
    for channels, pixels in ((64, 56), (128, 28), (256, 14), (512, 7))
)
"""Filters, their length and output pixels of the 3x3 convolutions of ResNet-18's four stages."""

LEVELS = (0.5, 0.8, 0.9, 0.95, 0.98)


def csr_against_dense(turns: int = 15) -> dict[str, Any]:
    """Time products of unstructured sparse weights in CSR form against dense ones, on one thread.

    Parameters
    ----------
    turns : int
        Repetitions; dense and all sparsities take turns.

    Returns
    -------
    dict
        By layer and sparsity, how many times faster than dense (medians).
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    found: dict[str, dict[str, float]] = {}
    try:
        for filters, length, pixels in RESNET18:
            generator = torch.Generator().manual_seed(0)
            weights = torch.randn(filters, length, generator=generator)
            unfolded = torch.randn(length, pixels, generator=generator)
            uniform = torch.rand(weights.shape, generator=generator)
            functions: dict[str, Callable[[], object]] = {
                "dense": partial(torch.mm, weights, unfolded)
            }
            for level in LEVELS:
                with warnings.catch_warnings():
                    warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta")
                    sparse = torch.where(uniform < level, 0.0, weights).to_sparse_csr()
                functions[f"{level:g}"] = partial(torch.mm, sparse, unfolded)
            # The processor's time: a busy machine interrupts a long call more often.
            taken = medians(times(functions, turns=turns, warm_up=1, time=thread_time))
            found[f"{filters} x {length} x {pixels}"] = {
                f"{level:g}": taken["dense"] / taken[f"{level:g}"] for level in LEVELS
            }
    finally:
        torch.set_num_threads(threads)
    return {"speedup": found}
