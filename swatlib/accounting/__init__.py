"""Every FLOP and memory number of the papers, from layer shapes and sparsity alone."""

from swatlib.accounting.convention import CONVENTIONS, EXACT, PAPER, Convention
from swatlib.accounting.count import PRODUCTS, Count, count
from swatlib.accounting.density import SLOTS, Densities, Density, densities, spread
from swatlib.accounting.layer import Layer, Network
from swatlib.accounting.methods import METHODS, TRAINED, method_densities
from swatlib.accounting.relu import natural_zeros
from swatlib.accounting.trace import trace

__all__ = [
    "CONVENTIONS",
    "EXACT",
    "METHODS",
    "PAPER",
    "PRODUCTS",
    "SLOTS",
    "TRAINED",
    "Convention",
    "Count",
    "Densities",
    "Density",
    "Layer",
    "Network",
    "count",
    "densities",
    "method_densities",
    "natural_zeros",
    "spread",
    "trace",
]
