"""A whole network on a machine: every layer, every product, and the totals."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import pandas as pd

from swatlib import checks
from swatlib.checked import checked, checked_fields
from swatlib.core.operands import PRODUCTS
from swatlib.simulator.counts import Count, count_true, total
from swatlib.simulator.geometry import Layer
from swatlib.simulator.mapping import Convolution, convolutions
from swatlib.simulator.masks import Masks, dense_masks
from swatlib.simulator.memory import (
    HALF,
    Memory,
    Precision,
    dram_bits,
    energy,
    limited,
    precision_of,
)


class Machine(Protocol):
    """What a machine must offer: `Tactical` and `Cartesian` do."""

    @property
    def stationary_bits(self) -> int:
        """Bits of a stored non-zero of the stationary operand."""

    @property
    def stream_bits(self) -> int | None:
        """Bits of a stored non-zero of the stream, None if it is not compressed."""

    @property
    def value_bits(self) -> int:
        """Bits of a value that is stored with its zeros."""

    def count(self, convs: Iterable[Convolution], distinct: bool = True) -> list[Count]:
        """Cycles of each convolution."""

    def describe(self) -> dict[str, Any]:
        """The machine as plain values."""


@dataclass(frozen=True)
class Simulation:
    """Result of `simulate`.

    Attributes
    ----------
    layers : list of Layer
        The shapes, in the order they run.
    counts : dict of str to list of Count
        Per product, one count per layer; a product a layer does not have counts nothing.
    self_cycles : dict of str to list of int
        Cycles of the same machine at 0 % sparsity, the baseline of `speedup_vs_self`.
    memory : Memory
        The memory that was assumed.
    machine : dict
        The machine as plain values.
    precision : Precision
        Of the arithmetic that the energy is charged for.
    """

    layers: list[Layer]
    counts: dict[str, list[Count]]
    self_cycles: dict[str, list[int]]
    memory: Memory
    machine: dict[str, Any]
    precision: Precision = HALF

    def __post_init__(self) -> None:
        checked_fields(self)

    def total(self, *products: str) -> Count:
        """Sum over layers of the named products, of all of them if none is named."""
        return total([c for p in products or tuple(self.counts) for c in self.counts[p]])

    def speedup(self, *products: str) -> float:
        """Cycles with nothing skipped over cycles."""
        return self.total(*products).speedup

    def speedup_vs_self(self, *products: str) -> float:
        """Cycles of the same machine at 0 % sparsity over cycles."""
        own = sum(c for p in products or tuple(self.counts) for c in self.self_cycles[p])
        cycles = self.total(*products).cycles
        return own / cycles if cycles else float("nan")

    def table(self) -> pd.DataFrame:
        """One row per layer and product: cycles, speed-ups, traffic, pJ and losses in cycles."""
        rows = []
        for product, counts in self.counts.items():
            for layer, count, own in zip(
                self.layers, counts, self.self_cycles[product], strict=True
            ):
                if count.dense_cycles:
                    row = {"layer": layer.name, "product": product}
                    rows.append({**row, **self._summary(count, own), **count.losses})
        return pd.DataFrame(rows)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON: per product and in total, with the layers under each product."""
        out: dict[str, Any] = {"machine": self.machine}
        out["bandwidth"] = None if math.isinf(self.memory.bandwidth) else self.memory.bandwidth
        for product, counts in self.counts.items():
            own = self.self_cycles[product]
            out[product] = self._summary(total(counts), sum(own))
            out[product]["losses"] = _rounded(total(counts).losses)
            out[product]["layers"] = [
                {"name": layer.name, **self._summary(c, o), "losses": _rounded(c.losses)}
                for layer, c, o in zip(self.layers, counts, own, strict=True)
                if c.dense_cycles
            ]
        everything = sum(sum(own) for own in self.self_cycles.values())
        out["total"] = self._summary(self.total(), everything)
        out["total"]["losses"] = _rounded(self.total().losses)
        return out

    def _summary(self, count: Count, own: int) -> dict[str, Any]:
        ratio = (lambda top: top / count.cycles) if count.cycles else (lambda top: None)
        bill = energy(count, self.memory, self.precision)
        return {
            "dense_cycles": count.dense_cycles,
            "cycles": count.cycles,
            "ideal_cycles": math.ceil(count.ideal_cycles),
            "speedup": ratio(count.dense_cycles),
            "speedup_vs_self": ratio(own),
            "utilisation": ratio(count.ideal_cycles),
            "macs": count.macs,
            "dram_bytes": count.dram_bits // 8,
            "dram_read_bits": count.dram_read_bits,
            "dram_written_bits": count.dram_written_bits,
            "sram_bits": count.sram_bits,
            "sram_read_bits": count.sram_read_bits,
            "sram_written_bits": count.sram_written_bits,
            **{f"{part.lower()}_pj": pj for part, pj in bill.items()},
            "energy_pj": sum(bill.values()),
        }


def _rounded(losses: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, 1) for name, value in losses.items()}


def _products(name: str, value: Any) -> tuple[str, ...]:
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise TypeError(f"{name} must be a sequence of products, got {checks.shown(value)}")
    return tuple(checks.one_of(name, product, PRODUCTS) for product in value)


@checked(products=_products)
def simulate(
    layers: Sequence[Layer],
    masks: Sequence[Masks],
    machine: Machine,
    memory: Memory | None = None,
    products: Sequence[str] = PRODUCTS,
    vs_self: bool = True,
    precision: Precision | None = None,
) -> Simulation:
    """Count the cycles, the traffic and the energy of a network's training step on a machine.

    Parameters
    ----------
    layers : sequence of Layer
        From `swatlib.simulator.layers_of`. The first layer has no input gradient, a frozen one
        no weight gradient.
    masks : sequence of Masks
        One per layer, from a model, a file or `swatlib.simulator.generate`.
    machine : Tactical or Cartesian
        The machine.
    memory : Memory, optional
        Bandwidth and energy; infinitely fast by default, as in SWAT's section 4.4.
    products : sequence of str
        Which of ``"forward"``, ``"input_grad"``, ``"weight_grad"``.
    vs_self : bool
        Also run the machine at 0 % sparsity (cheap: equal filters are scheduled once); if False,
        ``self_cycles`` are those of the machine with nothing skipped.
    precision : Precision, optional
        Of the arithmetic; `HALF` or `SINGLE` if not given, as the machine's values have 16 or 32
        bits.

    Raises
    ------
    ValueError
        If the masks do not fit the layers, naming the layer, or the precision not the machine.
    """
    if precision is None:
        precision = precision_of(machine.value_bits)
    if precision.bits != machine.value_bits:
        raise ValueError(
            f"precision must have the {machine.value_bits} bits of the machine's values, got "
            f"{precision.bits}"
        )
    if len(layers) != len(masks):
        raise ValueError(f"masks must be one per layer, got {len(masks)} for {len(layers)} layers")
    memory = memory or Memory()
    counts = _run(layers, masks, products, machine, memory)
    if vs_self:
        full = _run(layers, [dense_masks(x) for x in layers], products, machine, memory, False)
        own = {product: [c.cycles for c in full[product]] for product in products}
    else:
        own = {product: [c.dense_cycles for c in counts[product]] for product in products}
    return Simulation(list(layers), counts, own, memory, machine.describe(), precision)


def _run(
    layers: Sequence[Layer],
    masks: Sequence[Masks],
    products: Sequence[str],
    machine: Machine,
    memory: Memory,
    distinct: bool = True,
) -> dict[str, list[Count]]:
    """Count every product of every layer; all go to the machine together, which is faster."""
    cells = [(p, i) for p in products for i in range(len(layers))]
    of_conv: list[tuple[str, int]] = []

    def convs() -> Iterator[Convolution]:
        for product, i in cells:
            if not layers[i].computes(product):
                continue
            mask = masks[i]
            for conv in convolutions(
                layers[i],
                product,
                mask.stationary(product),
                mask.stream(product),
                unfolded=product == "weight_grad" and mask.columns is not None,
            ):
                of_conv.append((product, i))
                yield conv

    done = machine.count(convs(), distinct)
    counts = {p: [Count() for _ in layers] for p in products}
    for (product, i), count in zip(of_conv, done, strict=True):
        counts[product][i] += count
    for product, i in dict.fromkeys(of_conv):
        count = counts[product][i]
        read, count.dram_written_bits, plain = _traffic(layers[i], product, masks[i], machine)
        count.dram_bits = read + count.dram_written_bits
        counts[product][i] = limited(count, memory, plain)
    return counts


def _traffic(layer: Layer, product: str, masks: Masks, machine: Machine) -> tuple[int, int, int]:
    """DRAM bits of one product of one layer: read, written, and all with nothing compressed."""
    # Memory holds X itself. It is unfolded on its way into the machine.
    stationary = replace(masks, columns=None).stationary(product)
    stream = masks.stream(product)
    sizes = {
        "weight": math.prod(layer.weight_shape),
        "input": math.prod(layer.input_shape),
        "output": math.prod(layer.output_shape),
    }
    streams, result = {
        "forward": ("input", "output"),
        "input_grad": ("output", "input"),
        "weight_grad": ("output", "weight"),
    }[product]
    flowing = sizes[streams] if stream is None else count_true(stream)
    bits = machine.value_bits
    read = dram_bits(
        int(np.size(stationary)), count_true(stationary), machine.stationary_bits, bits
    ) + dram_bits(sizes[streams], flowing, machine.stream_bits, bits)
    written = dram_bits(sizes[result], sizes[result], None, bits)
    plain = dram_bits(sum(sizes.values()), 0, None, bits)
    return read, written, plain
