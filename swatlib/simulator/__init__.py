"""Cycles, bytes and energy of a training step on sparse accelerators.

Layer shapes and masks in, cycles out, for all three products of training. Two machines:
`Tactical` skips zeros of one operand through a window (the front end of Bit-Tactical), and
`Cartesian` skips zeros of both (SCNN). See chapters 4.3 to 4.5 of the book.
"""

from swatlib.core.operands import PRODUCTS
from swatlib.simulator.counts import Count
from swatlib.simulator.geometry import Layer, layers_of
from swatlib.simulator.live import masks_of
from swatlib.simulator.masks import Masks, dense_masks, generate, load_masks, save_masks
from swatlib.simulator.memory import FINITE_BANDWIDTH, HALF, SINGLE, Memory, Precision, energy
from swatlib.simulator.network import Simulation, simulate
from swatlib.simulator.scnn import Cartesian
from swatlib.simulator.tcl import Tactical
from swatlib.simulator.windows import UNLIMITED, Window, parse_window

__all__ = [
    "FINITE_BANDWIDTH",
    "HALF",
    "PRODUCTS",
    "SINGLE",
    "UNLIMITED",
    "Cartesian",
    "Count",
    "Layer",
    "Masks",
    "Memory",
    "Precision",
    "Simulation",
    "Tactical",
    "Window",
    "dense_masks",
    "energy",
    "generate",
    "layers_of",
    "load_masks",
    "masks_of",
    "parse_window",
    "save_masks",
    "simulate",
]
