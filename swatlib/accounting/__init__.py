"""Every FLOP and memory number of the papers, from layer shapes and sparsity alone."""

from swatlib.accounting.convention import EXACT, PAPER, Convention
from swatlib.accounting.count import Count, count
from swatlib.accounting.density import SLOTS, Density, densities
from swatlib.accounting.trace import Layer, Network, trace

__all__ = [
    "EXACT",
    "PAPER",
    "SLOTS",
    "Convention",
    "Count",
    "Density",
    "Layer",
    "Network",
    "count",
    "densities",
    "trace",
]
