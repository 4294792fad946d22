"""Sparse training of neural networks: the three products of a layer, and what may be left out of each."""

__version__ = "0.1.0"
