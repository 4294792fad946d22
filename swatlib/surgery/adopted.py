"""Layers of other classes, opted in: subclasses of torch's two layers, and a transposed one.

The sparse class of a subclass of ``nn.Linear`` has ``SparseLinear`` between the two in its method
resolution order, so that the subclass's ``super().forward`` runs the sparse product. The ``Conv1D``
of Hugging Face's GPT-2 keeps its weight as (in, out); its product is that of the transposed matrix.
"""

from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from swatlib.core.layers import SparseConv2d, SparseLinear
from swatlib.core.sparse_layer import SparseLayer

Class = type[nn.Module]


class SparseTransposed(SparseLinear):
    """A linear layer that holds its weight as (in, out), and stays so in the state dict."""

    @property
    def in_features(self) -> int:  # type: ignore[override]
        """Rows of the weight."""
        return self.weight.shape[0]

    @property
    def out_features(self) -> int:  # type: ignore[override]
        """Columns of the weight."""
        return self.weight.shape[1]

    @staticmethod
    def matrix(weight: Tensor) -> Tensor:
        """Return the weight as the products take it, (out, in)."""
        return weight.T


@cache
def sparse_class(cls: Any) -> type[SparseConv2d] | type[SparseLinear]:
    """Return the class that a layer of class ``cls`` has once it is sparse; the same each time."""
    if issubclass(cls, SparseLayer):
        already: type[SparseConv2d] | type[SparseLinear] = cls
        return already
    if cls is nn.Conv2d:
        return SparseConv2d
    if cls is nn.Linear:
        return SparseLinear
    bases: tuple[Any, ...] = (SparseTransposed, cls)
    if issubclass(cls, nn.Conv2d):
        bases = (cls, SparseConv2d)
    elif issubclass(cls, nn.Linear):
        bases = (cls, SparseLinear)
    own = {"dense": cls, "__reduce_ex__": _reduce, "__module__": cls.__module__}
    return type(f"Sparse{cls.__name__}", bases, own)


def _reduce(self: Any, protocol: int) -> tuple[Any, ...]:
    # pickle cannot import a class made at run time; sparse_class makes it again from the dense one.
    return _empty, (self.dense,), self.__dict__


def _empty(cls: Class) -> nn.Module:
    sparse = sparse_class(cls)  # type: ignore[arg-type]
    return sparse.__new__(sparse)


def misfit(cls: Class) -> str:
    """Say why layers of an opted-in class cannot be made sparse; "" if no reason is found."""
    base = next((b for b in (nn.Conv2d, nn.Linear) if issubclass(cls, b)), None)
    if base is None:
        return ""
    for name in ("forward", "_conv_forward"):
        for owner in cls.__mro__[: cls.__mro__.index(base)]:
            method = vars(owner).get(name)
            names = getattr(getattr(method, "__code__", None), "co_names", ())
            if method is not None and (name != "forward" or "super" not in names):
                return f"its {name} does not go through nn.{base.__name__}'s"
    return ""


@torch.no_grad()
def transposed(layer: Any) -> bool:
    """Say whether a layer computes x @ weight + bias, by trying it on one small input."""
    weight, bias = layer._parameters.get("weight"), layer._parameters.get("bias")
    if weight is None or bias is None or weight.ndim != 2 or bias.shape != weight.shape[1:]:
        return False
    x = torch.linspace(-1, 1, 2 * len(weight)).reshape(2, -1).to(weight)
    try:
        return weight.is_meta or torch.allclose(layer.forward(x), x @ weight + bias, atol=1e-4)
    except (RuntimeError, TypeError, ValueError):
        return False
