"""Sparse training of neural networks: a layer's three products, and what each may leave out.

Three lines make a model sparse:

>>> import swatlib, torch
>>> model = torch.nn.Sequential(torch.nn.Linear(64, 64), torch.nn.ReLU(), torch.nn.Linear(64, 10))
>>> model = swatlib.sparsify_(model, swatlib.swat(0.9))
"""

__version__ = "0.1.0"

from swatlib.recipes import (
    Recipe,
    dense,
    meprop,
    recipe,
    saw,
    sparse_backward,
    sparse_forward,
    swat,
)
from swatlib.selectors import RandomK, Selector, TopColumns, TopK
from swatlib.sparsify import densify_, report, sparse_share, sparsify_
from swatlib.state import load_sparsity_state_, sparsity_state

__all__ = [
    "RandomK",
    "Recipe",
    "Selector",
    "TopColumns",
    "TopK",
    "dense",
    "densify_",
    "load_sparsity_state_",
    "meprop",
    "recipe",
    "report",
    "saw",
    "sparse_backward",
    "sparse_forward",
    "sparse_share",
    "sparsify_",
    "sparsity_state",
    "swat",
]
