"""Sparse training of neural networks: a layer's three products, and what each may leave out.

Three lines make a model sparse:

>>> import swatlib, torch
>>> model = torch.nn.Sequential(torch.nn.Linear(64, 64), torch.nn.ReLU(), torch.nn.Linear(64, 64))
>>> model = swatlib.sparsify_(model, swatlib.swat(0.9))
"""

__version__ = "0.1.0"

from swatlib._moved import announce
from swatlib.core.operands import OPERANDS, PerOperand
from swatlib.core.recipe import Recipe
from swatlib.kernels.fastest import products
from swatlib.methods import METHODS, Between, Method, Progress, method, recipe
from swatlib.methods.allocation import densities
from swatlib.methods.fst import decay_pruned_, fst, sr_ste
from swatlib.methods.meprop import meprop
from swatlib.methods.momentum import redistribute_
from swatlib.methods.sensitivity import sparse_backward, sparse_forward
from swatlib.methods.swat import dense, saw, swat
from swatlib.methods.topology import freeze_, mask_gradients_
from swatlib.selectors import NM, RandomK, Selector, TopChannels, TopColumns, TopK, Transposable
from swatlib.storage.compression import compress_, decompress_
from swatlib.storage.pruned import load_pruned, prune_, save_pruned
from swatlib.surgery.sparsify import (
    active_mask,
    densify_,
    report,
    sparse_layers,
    sparse_share,
    sparsify_,
)
from swatlib.surgery.state import load_sparsity_state_, sparsity_state

announce()

__all__ = [
    "METHODS",
    "NM",
    "OPERANDS",
    "Between",
    "Method",
    "PerOperand",
    "Progress",
    "RandomK",
    "Recipe",
    "Selector",
    "TopChannels",
    "TopColumns",
    "TopK",
    "Transposable",
    "active_mask",
    "compress_",
    "decay_pruned_",
    "decompress_",
    "dense",
    "densify_",
    "densities",
    "freeze_",
    "fst",
    "load_pruned",
    "load_sparsity_state_",
    "mask_gradients_",
    "meprop",
    "method",
    "products",
    "prune_",
    "recipe",
    "redistribute_",
    "report",
    "save_pruned",
    "saw",
    "sparse_backward",
    "sparse_forward",
    "sparse_layers",
    "sparse_share",
    "sparsify_",
    "sparsity_state",
    "sr_ste",
    "swat",
]
