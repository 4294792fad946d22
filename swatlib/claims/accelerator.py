"""Claims about the simulated accelerator and what limits it."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional

from swatlib.accounting import Layer
from swatlib.checked import checked
from swatlib.claims.claim import Claim
from swatlib.claims.counting import text_number
from swatlib.claims.judge import RECORDS
from swatlib.claims.measured import measured
from swatlib.claims.quantity import MissingRecords, Quantity, close, fact
from swatlib.core.operands import PRODUCTS
from swatlib.experiments.accelerator import records
from swatlib.experiments.measure_accelerator import BATCH
from swatlib.papers import paper_table
from swatlib.papers.swat_tables import shapes
from swatlib.simulator import FINITE_BANDWIDTH, Tactical
from swatlib.simulator.memory import (
    ADD_PJ,
    DRAM_PJ_PER_64_BITS,
    INTEGER_ADD_PJ,
    MULTIPLY_PJ,
    VALUE_BITS,
)

ACCELERATOR = "4-counting-and-hardware/03-sparse-accelerator"
TABLE_6 = "4-counting-and-hardware/04-table-6"
LIMITS = "4-counting-and-hardware/05-what-limits-it"

MACHINES = ("X9", "scnn")
"""The machines whose ceiling lies above Table 6: a window nine rows deep, and a Cartesian one."""

TWO, THREE = PRODUCTS[:2], PRODUCTS
SHARE = 0.1
"""Of a printed speed-up: what is closer agrees."""


@checked
def cycles() -> pd.DataFrame:
    """Return the recorded cycles of ResNet-50 with dense activations, means over seeds.

    Returns
    -------
    DataFrame
        ``dense_cycles``, ``cycles``, ``ideal_cycles`` and ``macs``, by machine ("T2,5", "X9",
        "inf", "scnn"), sparsity and product. Machines are the default arrangement of 1024
        multipliers; "inf" has one tile, 256 of them.

    Raises
    ------
    MissingRecords
        If there are none; `swatlib sweep accelerator` makes them.
    """
    return _cycles().copy()


@cache
def _cycles() -> pd.DataFrame:
    if not (RECORDS / "accelerator").is_dir():
        raise MissingRecords("the design space: `swatlib sweep accelerator`")
    runs = records(RECORDS / "accelerator")
    tiles = runs["window"].map(lambda window: 1 if window == "inf" else 4)
    chosen = (runs["activations"] == "dense") & (runs["rows"] == 16) & (runs["tiles"] == tiles)
    runs = runs[chosen]
    machine = runs["window"].where(runs["pe"] == "tcl", "scnn").rename("machine")
    return runs.groupby([machine, "sparsity", "product"])[
        ["dense_cycles", "cycles", "ideal_cycles", "macs"]
    ].mean()


def _sums(machine: str, sparsity: float, products: tuple[str, ...]) -> pd.Series:
    found = _cycles()
    try:
        return found.loc[[(machine, sparsity, product) for product in products]].sum()
    except KeyError as error:
        raise MissingRecords(f"{machine} at {sparsity:.0%}: `swatlib sweep accelerator`") from error


@checked
def speedup(
    machine: str,
    sparsity: float,
    products: tuple[str, ...] = TWO,
    baseline: str = "nothing skipped",
) -> float:
    """Return a recorded speed-up of ResNet-50 with random masks.

    Parameters
    ----------
    machine : str
        As in :func:`cycles`.
    sparsity : float
    products : tuple of str
        Whose cycles are added up.
    baseline : str
        "nothing skipped": the same machine without skipping. "at 0 %": the same machine, a dense
        network. "common": the same dense machine for all, 1024 multipliers in 16 lanes.
    """
    own = _sums(machine, sparsity, products)
    dense = {
        "nothing skipped": lambda: own["dense_cycles"],
        "at 0 %": lambda: _sums(machine, 0.0, products)["cycles"],
        "common": lambda: _sums("X9", sparsity, products)["dense_cycles"],
    }[baseline]()
    return float(dense / own["cycles"])


@checked
def printed_speedup(product: str, sparsity: float) -> float:
    """Return a cell of Table 6: of "forward" or "backward"."""
    table = paper_table("swat-table-6")
    level = f"{100 * sparsity:.0f}"
    found = table[(table["level"] == level) & (table["quantity"] == f"{product}_speedup")]
    return float(found["number"].iloc[0])


def _cells(column: str, products: tuple[str, ...], *baselines: str) -> tuple[Quantity, ...]:
    """Compare a column of Table 6; a baseline is named where there are several."""
    return tuple(
        close(
            f"{column}, {machine}, {sparsity:.0%}"
            + (f" against {baseline}" if len(baselines) > 1 else ""),
            speedup(machine, sparsity, products, baseline),
            printed_speedup(column, sparsity),
            SHARE,
            "x",
            relative=True,
        )
        for machine in MACHINES
        for sparsity in (0.8, 0.9)
        for baseline in baselines
    )


_OWN = ("nothing skipped", "at 0 %")


def _forward() -> tuple[Quantity, ...]:
    return _cells("forward", ("forward",), *_OWN)


def _backward() -> tuple[Quantity, ...]:
    return _cells("backward", ("input_grad",), *_OWN)


def _backward_both() -> tuple[Quantity, ...]:
    return _cells("backward", ("input_grad", "weight_grad"), "nothing skipped")


def _common() -> tuple[Quantity, ...]:
    return (
        *_cells("forward", ("forward",), "common"),
        *_cells("backward", ("input_grad",), "common"),
    )


def _training(sparsity: float, stated: float) -> tuple[Quantity, ...]:
    return tuple(
        close(
            f"{machine}, {name} products",
            speedup(machine, sparsity, products),
            stated,
            SHARE,
            "x",
            relative=True,
        )
        for machine in MACHINES
        for name, products in (("two", TWO), ("three", THREE))
    )


@checked
def harmonic_mean(sparsity: float) -> float:
    """Return the speed-up of equally long passes from the two cells of Table 6."""
    return 2 / sum(1 / printed_speedup(product, sparsity) for product in ("forward", "backward"))


def _training_33() -> tuple[Quantity, ...]:
    return _training(0.8, text_number("abstract", "training_speedup"))


def _training_59() -> tuple[Quantity, ...]:
    stated = text_number("section 1", "training_speedup")
    mean = close("harmonic mean of Table 6", harmonic_mean(0.9), stated, 0.05, "x")
    return (mean, *_training(0.9, stated))


@checked
def rotated_input_gradient(
    weight: Tensor, gradient: Tensor, stride: int, padding: int, image: tuple[int, int]
) -> Tensor:
    """Return the input gradient of a convolution as a standard convolution of stride 1.

    The kernel is rotated by 180 degrees and its channels change sides; the gradient is spread out
    with zeros between its pixels where the stride is more than 1.

    Parameters
    ----------
    weight : Tensor, shape (Cout, Cin, k, k)
    gradient : Tensor, shape (N, Cout, H', W')
    stride, padding : int
        Of the forward convolution.
    image : tuple of int
        Height and width of its input.
    """
    batch, filters, *small = gradient.shape
    kernel = weight.shape[-1]
    spread = [(size - 1) * stride + 1 for size in small]
    stuffed = gradient.new_zeros(batch, filters, *spread)
    stuffed[..., ::stride, ::stride] = gradient
    before = kernel - 1 - padding
    # What the forward pass never reached, at the right and at the bottom, has gradient zero.
    after = [size + kernel - 1 - wide - before for size, wide in zip(image, spread, strict=True)]
    rotated = weight.flip(2, 3).transpose(0, 1)
    return functional.conv2d(functional.pad(stuffed, (before, after[1], before, after[0])), rotated)


@checked
def rotation_error(layers: tuple[Layer, ...] | None = None) -> dict[str, float]:
    """Return the largest difference to autograd's input gradient, over the largest entry.

    Weights and gradients are small integers, whose sums are exact in float32 on any machine.

    Parameters
    ----------
    layers : tuple of Layer, optional
        Convolutions; those of ResNet-50 at 64 pixels if not given.

    Returns
    -------
    dict of str to float
        By stride, over all distinct shapes: "stride 1" and "stride 2".
    """
    chosen = layers or shapes("resnet50", 64, 1000).weighted
    found: dict[str, float] = {}
    generator = torch.Generator().manual_seed(0)
    seen = set()
    for layer in chosen:
        if layer.kind != "conv" or (layer.weight, layer.input, layer.output) in seen:
            continue
        seen.add((layer.weight, layer.input, layer.output))
        size, kernel = layer.input[-1], layer.weight[-1]
        padding = kernel // 2
        stride = 1 if layer.output[-1] == size else 2
        weight = torch.randint(-4, 5, layer.weight, generator=generator).float()
        gradient = torch.randint(-4, 5, layer.output, generator=generator).float()
        image = torch.zeros(layer.input, requires_grad=True)
        functional.conv2d(image, weight, stride=stride, padding=padding).backward(gradient)
        ours = rotated_input_gradient(weight, gradient, stride, padding, (size, size))
        assert image.grad is not None
        error = float((ours - image.grad).abs().max() / image.grad.abs().max())
        name = f"stride {stride}"
        found[name] = max(found.get(name, 0.0), error)
    return found


def _rotation() -> tuple[Quantity, ...]:
    return tuple(
        close(f"{name}, largest relative difference", error, 0.0, 1e-5)
        for name, error in sorted(rotation_error().items())
    )


PAPER_BATCH = 256
"""Images in a step of SWAT's training on ImageNet (section 4.1)."""


@checked
def rotation_share(sparsity: float, compressed: bool, batch: int = PAPER_BATCH) -> float:
    """Return the cycles of rotating all weights over those of both backward products, on X<9>.

    Rotating is one read and one write of each weight, once a step, through one DDR4 channel.

    Parameters
    ----------
    sparsity : float
        0.8 or 0.9.
    compressed : bool
        Whether only weights that are not zero move, each with its place.
    batch : int
        Images in a step.
    """
    weights = sum(layer.weights for layer in shapes("resnet50", 224, 1000).weighted)
    bits: float = VALUE_BITS
    if compressed:
        bits = (1 - sparsity) * Tactical().stationary_bits
    moving = 2 * weights * bits / 8 / FINITE_BANDWIDTH
    backward = _sums("X9", sparsity, ("input_grad", "weight_grad"))["cycles"]
    return float(moving / (batch * backward))


def _rotation_cheap() -> tuple[Quantity, ...]:
    return tuple(
        fact(
            f"{sparsity:.0%}, {name}",
            100 * (share := rotation_share(sparsity, compressed)),
            "small",
            share < 0.05,
            share < 1,
            "% of the backward cycles",
        )
        for sparsity in (0.8, 0.9)
        for name, compressed in (("dense weights", False), ("compressed", True))
    )


@checked
def waiting(machine: str, sparsity: float, case: str) -> dict[str, float]:
    """Return how much longer a step takes with finite memory, as recorded.

    Parameters
    ----------
    machine : str
        "X9" or "scnn".
    sparsity : float
        0.8 or 0.9.
    case : str
        "three products, batch 1", "two products, batch 1" or "two products, batch 32".

    Returns
    -------
    dict of str to float
        Times longer with "1 channels", "4 channels" and "16 channels" of DDR4, and "channels
        needed" for 5 % or less.
    """
    found: dict[str, float] = measured("accelerator-memory")["slowdown"][machine][f"{sparsity:g}"][
        case
    ]
    return found


def _hidden() -> tuple[Quantity, ...]:
    found = []
    for case in ("two products, batch 1", f"two products, batch {BATCH}"):
        for machine in MACHINES:
            for sparsity in (0.8, 0.9):
                times = waiting(machine, sparsity, case)
                found.append(
                    fact(
                        f"{machine}, {sparsity:.0%}, {case}, one DDR4 channel",
                        times["1 channels"],
                        "1",
                        times["1 channels"] <= 1.05,
                        times["16 channels"] <= 1.05,
                        "x as long",
                    )
                )
    return tuple(found)


@checked
def effectual_ratio(machine: str, sparsity: float, products: tuple[str, ...] = TWO) -> float:
    """Return the recorded speed-up over what skipping every zero product would give."""
    sparse, dense = _sums(machine, sparsity, products), _sums(machine, 0.0, products)
    return speedup(machine, sparsity, products) * float(sparse["macs"] / dense["macs"])


def _effectual() -> tuple[Quantity, ...]:
    found = [
        close(f"{machine}, {sparsity:.0%}", effectual_ratio(machine, sparsity), 1.0, SHARE)
        for machine in MACHINES
        for sparsity in (0.8, 0.9)
    ]
    for sparsity in (0.8, 0.9):
        dense, sparse = _sums("X9", 0.0, ("forward",)), _sums("X9", sparsity, ("forward",))
        share = printed_speedup("forward", sparsity) * float(sparse["macs"] / dense["macs"])
        found.append(close(f"Table 6, forward, {sparsity:.0%}", share, 1.0, SHARE))
    return tuple(found)


@checked
def energy_bill(machine: str, sparsity: float, precision: str) -> dict[str, float]:
    """Return the recorded energy of one image's training step of ResNet-50, in mJ.

    Parameters
    ----------
    machine : str
        "X9" or "scnn".
    sparsity : float
        0, 0.8 or 0.9.
    precision : str
        "16 bit" or "32 bit", of arithmetic and traffic alike.

    Returns
    -------
    dict of str to float
        "arithmetic", "SRAM" and "DRAM".
    """
    bill: dict[str, Any] = measured("accelerator-memory")["energy"][precision][machine]
    return {part: pj / 1e9 for part, pj in bill[f"{sparsity:g}"].items()}


def _saves_energy() -> tuple[Quantity, ...]:
    found = []
    for precision in ("16 bit", "32 bit"):
        for machine in MACHINES:
            dense, sparse = (
                sum(energy_bill(machine, sparsity, precision).values()) for sparsity in (0.0, 0.8)
            )
            saved = 100 * (1 - sparse / dense)
            found.append(
                fact(f"{machine}, {precision}", saved, "less", saved >= 10, saved > 0, "% less")
            )
    return tuple(found)


def _linear() -> tuple[Quantity, ...]:
    return tuple(
        close(
            f"{machine}, {level} %",
            speedup(machine, float(level) / 100, THREE),
            text_number("Figure 7", "compute_factor", "iclr-text", level=level),
            SHARE,
            "x",
            relative=True,
        )
        for machine in MACHINES
        for level in ("50", "70", "80")
    )


def _three_orders() -> tuple[Quantity, ...]:
    word = math.sqrt(math.prod(DRAM_PJ_PER_64_BITS)) / 2
    operations = {
        "a float multiplication": MULTIPLY_PJ,
        "a float addition": ADD_PJ,
        "a float multiply-accumulate": MULTIPLY_PJ + ADD_PJ,
        "an integer addition": INTEGER_ADD_PJ,
    }
    return tuple(
        fact(
            f"over {name}",
            ratio := word / energy,
            "about 1000",
            1000 / 3 <= ratio <= 3000,
            ratio > 10,
            "x",
        )
        for name, energy in operations.items()
    )


def _simulated(
    name: str,
    place: str,
    statement: str,
    says: str,
    decision: Callable[[], tuple[Quantity, ...]] | None,
    needs: str,
    chapter: str,
    limits: str = "",
    weakness: str = "",
    kind: str = "simulation",
) -> Claim:
    return Claim(
        id=name,
        paper=name[0].upper(),
        place=place,
        statement=statement,
        says=says,
        kind=kind,
        chapter=chapter,
        needs=needs,
        decision=decision,
        limits=limits,
        weakness=weakness,
    )


_MODEL = (
    "Machines of 1024 multipliers with random masks, their first layer dense; the paper does not "
    "give its machine's parameters."
)

CLAIMS: tuple[Claim, ...] = (
    _simulated(
        "n-transposed-is-rotated",
        "Section 4.4",
        "The input gradient is a standard convolution with the rotated kernel.",
        "equal",
        _rotation,
        "All convolutions of ResNet-50, of both strides, against autograd.",
        ACCELERATOR,
        limits="With stride 2 the gradient has to be spread out with zeros, which the paper does "
        "not say.",
        kind="exact",
    ),
    _simulated(
        "n-t6-forward",
        "Section 4.4, Table 6",
        "The forward pass of ResNet-50 is 3.3 and 5.6 times faster at 80 and 90 %.",
        "3.3x, 5.6x",
        _forward,
        "The authors' machine, and masks of a trained ResNet-50.",
        TABLE_6,
        limits=f"{_MODEL} Each machine against its own dense cycles.",
        weakness="Bit-Tactical's published window looks two rows ahead and cannot exceed 3x.",
    ),
    _simulated(
        "n-t6-backward",
        "Section 4.4, Table 6",
        "The backward pass of ResNet-50, its input gradient, is 3.4 and 6.3 times faster at 80 and "
        "90 %.",
        "3.4x, 6.3x",
        _backward,
        "The authors' machine, and masks of a trained ResNet-50.",
        TABLE_6,
        limits=f"{_MODEL} Each machine against its own dense cycles.",
        weakness="The paper does not say which of the two backward products it simulated.",
    ),
    _simulated(
        "n-t6-backward-both",
        "Section 4.4, Table 6",
        "Both backward products together are 3.4 and 6.3 times faster at 80 and 90 %.",
        "3.4x, 6.3x",
        _backward_both,
        "The authors' machine, and masks of a trained ResNet-50.",
        TABLE_6,
        limits=_MODEL,
        weakness="The other reading of the backward column: the paper does not say which products "
        "it has.",
    ),
    _simulated(
        "n-t6-common-dense",
        "Section 4.4, Table 6",
        "The speed-ups of Table 6 hold against one dense machine with as many multipliers.",
        "forward 3.3x, 5.6x; backward 3.4x, 6.3x",
        _common,
        "The authors' machine and its dense cycles.",
        TABLE_6,
        limits=f"{_MODEL} The dense machine skips nothing and keeps its 16 lanes full.",
        weakness="The row of 0 % is printed as 1x; the paper does not say in which cycles.",
    ),
    _simulated(
        "n-t6-training-33",
        "Abstract; Section 4.4",
        "At 80 % a training step is 3.3 times faster.",
        "3.3x",
        _training_33,
        "The authors' machine, and masks of a trained ResNet-50.",
        TABLE_6,
        limits=f"{_MODEL} Memory never limits; batch norm and ReLU take no time.",
        weakness="The two cells of Table 6 give 3.35.",
    ),
    _simulated(
        "n-t6-training-59",
        "Section 1",
        "At 90 % a training step is 5.9 times faster.",
        "5.9x",
        _training_59,
        "The authors' machine, and masks of a trained ResNet-50.",
        LIMITS,
        limits=f"{_MODEL} Memory never limits; batch norm and ReLU take no time.",
        weakness="At 90 % Table 3 loses 4.7 points, which is not said beside the 5.9.",
    ),
    _simulated(
        "n-rotation-cheap",
        "Section 4.4",
        "Rotating the weights costs little beside the backward products.",
        "small (no number)",
        _rotation_cheap,
        "The time a machine takes to rotate.",
        LIMITS,
        limits="One read and one write of all weights a step through one DDR4 channel, 256 images "
        "in a step, cycles of X<9>. With one image in a step it takes longer than the products.",
    ),
    _simulated(
        "n-buffers-hide-memory",
        "Section 4.4",
        "Buffers that hold a layer hide the time of memory.",
        "hidden (assumed)",
        _hidden,
        "The bandwidth of the authors' machine.",
        LIMITS,
        limits=f"{_MODEL} One DDR4 channel of 25.6 bytes a cycle; counted as the same direction if "
        "16 channels hide it.",
        weakness="An assumption of the simulation, not a result.",
    ),
    _simulated(
        "n-effectual-only",
        "Section 4.4",
        "Cycles fall as the products of two non-zeros do.",
        "only these are counted",
        _effectual,
        "The authors' simulator.",
        ACCELERATOR,
        limits=f"{_MODEL} Speed-up over the speed-up without any waiting.",
        weakness="Table 6 itself has less than what the work that is left would give.",
    ),
    _simulated(
        "n-saves-energy",
        "Section 6; I Section 3.3",
        "SWAT lowers the energy of a training step.",
        "lower (no number)",
        _saves_energy,
        "A measurement on hardware.",
        LIMITS,
        limits=f"{_MODEL} At 80 %, energies of 45 nm, arithmetic and traffic of one precision.",
    ),
    _simulated(
        "i-linear-speedup",
        "Section 3.3",
        "A training step becomes faster in proportion: 2, 3.3 and 5 times at 50, 70 and 80 %.",
        "linear: 2x, 3.3x, 5x",
        _linear,
        "A machine that runs it.",
        LIMITS,
        limits=f"{_MODEL} All three products.",
        weakness="The later paper simulates 3.3x at 80 %.",
    ),
    _simulated(
        "i-dram-three-orders",
        "Section 3.3, after Horowitz",
        "Reading a value from DRAM takes a thousand times the energy of computing with it.",
        "three orders of magnitude",
        _three_orders,
        "Arithmetic on the energies of the source.",
        LIMITS,
        limits="32 bits at 45 nm, the geometric mean of the source's range; a factor of 3 around "
        "1000 agrees.",
        kind="exact",
    ),
    _simulated(
        "f-unstructured-no-gpu",
        "Sections 2 and 7.2",
        "Commercial GPUs do not run products of unstructured sparse weights faster.",
        "no speed-up",
        None,
        "The time of CSR against dense products of ResNet's layers on a GPU, at 50 to 98 %.",
        LIMITS,
        limits="The chapter times a processor's single thread, which decides nothing about GPUs.",
        kind="measurement",
    ),
)
