"""Makers: a tensor that can be made again need not be kept.

A node of the autograd graph that can compute its output once more says so by three attributes:
``remake``, a function that takes the node and returns the output; ``version``, the output's counter
of changes when it was made; and ``length``, the products that have to be computed for it. What is
made again is equal to the bit. Chen et al. (2016, section 4) trade computation for memory so.
"""

from typing import Any

import torch
from torch import Tensor


def maker(x: Tensor) -> Any:
    """Return the node that can make ``x`` again; None if there is none, or ``x`` was changed."""
    if torch.compiler.is_compiling():
        return None
    node = x.grad_fn
    if getattr(node, "remake", None) is None or node.version != x._version:  # type: ignore[union-attr]
        return None
    return node


def remake(node: Any) -> Tensor:
    """Return a node's output, made again from what the node or its own maker keeps."""
    made: Tensor = node.remake(node)
    return made
