"""Claims about what limits an accelerator: rotation, memory, energy."""

from __future__ import annotations

import math
from typing import Any

from swatlib.checked import checked
from swatlib.claims.claim import Claim
from swatlib.claims.counting_and_hardware.simulated import (
    MACHINES,
    MODEL,
    SHARE,
    THREE,
    harmonic_mean,
    speedup,
    sums,
    training_speedups,
)
from swatlib.claims.measured import measured
from swatlib.claims.quantity import Quantity, close, fact
from swatlib.experiments.measure_accelerator import BATCH
from swatlib.papers import paper_number
from swatlib.papers.swat_tables import shapes
from swatlib.simulator import FINITE_BANDWIDTH, Tactical
from swatlib.simulator.memory import (
    ADD_PJ,
    DRAM_PJ_PER_64_BITS,
    INTEGER_ADD_PJ,
    MULTIPLY_PJ,
    VALUE_BITS,
)

CHAPTER = "4-counting-and-hardware/05-what-limits-it"


def _training_59() -> tuple[Quantity, ...]:
    stated = paper_number("swat-text", "training_speedup", item="section 1")
    mean = close("harmonic mean of Table 6", harmonic_mean(0.9), stated, 0.05, "x")
    return (mean, *training_speedups(0.9, stated))


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
    backward = sums("X9", sparsity, ("input_grad", "weight_grad"))["cycles"]
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
            paper_number("iclr-text", "compute_factor", item="Figure 7", level=level),
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


CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="n-t6-training-59",
        paper="N",
        place="Section 1",
        statement="At 90 % a training step is 5.9 times faster.",
        says="5.9x",
        kind="simulation",
        chapter=CHAPTER,
        needs="The authors' machine, and masks of a trained ResNet-50.",
        decision=_training_59,
        limits=f"{MODEL} Memory never limits; batch norm and ReLU take no time.",
        weakness="At 90 % Table 3 loses 4.7 points, which is not said beside the 5.9.",
    ),
    Claim(
        id="n-rotation-cheap",
        paper="N",
        place="Section 4.4",
        statement="Rotating the weights costs little beside the backward products.",
        says="small (no number)",
        kind="simulation",
        chapter=CHAPTER,
        needs="The time a machine takes to rotate.",
        decision=_rotation_cheap,
        limits="One read and one write of all weights a step through one DDR4 channel, 256 "
        "images in a step, cycles of X<9>. With one image in a step it takes longer than the "
        "products.",
    ),
    Claim(
        id="n-buffers-hide-memory",
        paper="N",
        place="Section 4.4",
        statement="Buffers that hold a layer hide the time of memory.",
        says="hidden (assumed)",
        kind="simulation",
        chapter=CHAPTER,
        needs="The bandwidth of the authors' machine.",
        decision=_hidden,
        limits=f"{MODEL} One DDR4 channel of 25.6 bytes a cycle; counted as the same direction if "
        "16 channels hide it.",
        weakness="An assumption of the simulation, not a result.",
    ),
    Claim(
        id="n-saves-energy",
        paper="N",
        place="Section 6; I Section 3.3",
        statement="SWAT lowers the energy of a training step.",
        says="lower (no number)",
        kind="simulation",
        chapter=CHAPTER,
        needs="A measurement on hardware.",
        decision=_saves_energy,
        limits=f"{MODEL} At 80 %, energies of 45 nm, arithmetic and traffic of one precision.",
    ),
    Claim(
        id="i-linear-speedup",
        paper="I",
        place="Section 3.3",
        statement="A training step becomes faster in proportion: 2, 3.3 and 5 times at 50, 70 "
        "and 80 %.",
        says="linear: 2x, 3.3x, 5x",
        kind="simulation",
        chapter=CHAPTER,
        needs="A machine that runs it.",
        decision=_linear,
        limits=f"{MODEL} All three products.",
        weakness="The later paper simulates 3.3x at 80 %.",
    ),
    Claim(
        id="i-dram-three-orders",
        paper="I",
        place="Section 3.3, after Horowitz",
        statement="Reading a value from DRAM takes a thousand times the energy of computing with "
        "it.",
        says="three orders of magnitude",
        kind="exact",
        chapter=CHAPTER,
        needs="Arithmetic on the energies of the source.",
        decision=_three_orders,
        limits="32 bits at 45 nm, the geometric mean of the source's range; a factor of 3 around "
        "1000 agrees.",
    ),
    Claim(
        id="f-unstructured-no-gpu",
        paper="F",
        place="Sections 2 and 7.2",
        statement="Commercial GPUs do not run products of unstructured sparse weights faster.",
        says="no speed-up",
        kind="measurement",
        chapter=CHAPTER,
        needs="The time of CSR against dense products of ResNet's layers on a GPU, at 50 to 98 %.",
        limits="The chapter times a processor's single thread, which decides nothing about GPUs.",
    ),
)
