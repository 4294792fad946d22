"""Accounting: operations and bytes of a training step, from layer shapes and densities."""

from swatlib.accounting.convention import CONVENTIONS, EXACT, PAPER, Convention
from swatlib.accounting.count import Count, count
from swatlib.accounting.density import Densities, Density, densities, spread
from swatlib.accounting.layer import Layer, Network
from swatlib.accounting.methods import TRAINED, counted, method_densities
from swatlib.accounting.relu import natural_zeros
from swatlib.accounting.trace import trace
from swatlib.accounting.trained import trained_densities
from swatlib.core.operands import PRODUCTS

__all__ = [
    "CONVENTIONS",
    "EXACT",
    "PAPER",
    "PRODUCTS",
    "TRAINED",
    "Convention",
    "Count",
    "Densities",
    "Density",
    "Layer",
    "Network",
    "count",
    "counted",
    "densities",
    "method_densities",
    "natural_zeros",
    "spread",
    "trace",
    "trained_densities",
]
