"""Which modules of a model multiply by weights, and why a recipe cannot apply to some of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod

from torch import nn
from torch.nn.parameter import UninitializedParameter, is_lazy
from torch.nn.utils.parametrize import ParametrizationList

from swatlib.core.layers import SparseConv2d, SparseLinear
from swatlib.core.sparse_layer import SparseLayer
from swatlib.surgery.adopted import misfit, transposed

LAYERS = (nn.Conv2d, nn.Linear)
"""The classes of layers that a recipe applies to without ``also``."""

FROZEN = "frozen"
SHARDED = "sharded: its weight is in pieces, on several processes"
MISFIT = "cannot be opted in: "
_LOOKED_UP_OR_SCALED = (
    nn.Embedding,
    nn.EmbeddingBag,
    nn.modules.batchnorm._NormBase,
    nn.LayerNorm,
    nn.RMSNorm,
    nn.GroupNorm,
    nn.PReLU,
    ParametrizationList,
)


@dataclass(frozen=True)
class Multiplying:
    """A module that multiplies by weights of its own.

    Parameters
    ----------
    name : str
    layer : nn.Module
    shape : tuple of int
        Of its weight; of the largest, if it has several. Empty if not known yet.
    weights : int
        How many it has, bias left out.
    obstacle : str
        Why it is passed over; "" if it can be made sparse.
    """

    name: str
    layer: nn.Module
    shape: tuple[int, ...]
    weights: int
    obstacle: str

    @property
    def kind(self) -> str:
        """Return "conv", "linear" or the name of another class."""
        exact = (*LAYERS, SparseConv2d, SparseLinear)
        cls = type(self.layer)
        if cls not in exact:
            return getattr(cls, "dense", cls).__name__
        return "conv" if isinstance(self.layer, nn.Conv2d) else "linear"


def multiplying(model: nn.Module, also: Sequence[type] = ()) -> Iterator[Multiplying]:
    """Yield every module that multiplies by weights of its own, in the order of definition.

    Any module counts that holds a parameter with two dimensions or more, except embeddings, which
    look up, and normalisation, which scales.
    """
    attentions = [m for m in model.modules() if isinstance(m, nn.MultiheadAttention)]
    inside = {id(child) for attention in attentions for child in attention.children()}
    for name, layer in model.named_modules():
        if isinstance(layer, _LOOKED_UP_OR_SCALED):
            continue
        shapes = _shapes(layer)
        if shapes:
            largest = max(shapes, key=prod)
            obstacle = _obstacle(layer, also)
            if id(layer) in inside:
                obstacle = "its attention reads the weight itself"
            yield Multiplying(name, layer, largest, sum(map(prod, shapes)), obstacle)


def computed(layer: nn.Module) -> bool:
    """Say whether a layer's weight is no Parameter of its own but computed at each call."""
    return "weight" not in layer._parameters


def sharded(layer: nn.Module) -> bool:
    """Say whether this process holds only a shard of the weight (FSDP1 or FSDP2)."""
    # FSDP1 by default keeps views of one flat Parameter as plain attributes.
    weight = layer._parameters.get("weight", layer.__dict__.get("weight"))
    if weight is None or is_lazy(weight) or not isinstance(layer, nn.Conv2d | nn.Linear):
        return False
    whole = 4 if isinstance(layer, nn.Conv2d) else 2
    freed = not weight.is_meta and weight.numel() > 0 == weight.untyped_storage().size()
    return hasattr(weight, "placements") or weight.ndim != whole or freed


def _shapes(layer: nn.Module) -> list[tuple[int, ...]]:
    own = [p for p in layer._parameters.values() if p is not None]
    if any(is_lazy(p) for p in own):
        return [()]
    if isinstance(layer, nn.Conv2d) and computed(layer):
        return [(layer.out_channels, layer.in_channels // layer.groups, *layer.kernel_size)]
    if isinstance(layer, nn.Linear) and computed(layer):
        return [(layer.out_features, layer.in_features)]
    if isinstance(layer, nn.Conv2d | nn.Linear):
        return [tuple(layer.weight.shape)]
    if hasattr(layer, "parametrizations"):
        own += layer.parametrizations.parameters()  # type: ignore[union-attr]
    # A vector with extra dimensions of size 1, such as a class token, is no matrix.
    return [tuple(p.shape) for p in own if p.ndim >= 2 and sum(n > 1 for n in p.shape) >= 2]


def _obstacle(layer: nn.Module, also: Sequence[type]) -> str:
    if sharded(layer):
        return SHARDED
    cls = type(layer)
    sparse = isinstance(layer, SparseLayer)
    if any(isinstance(p, UninitializedParameter) for p in layer._parameters.values()):
        return "lazy: call the model once first"
    if not sparse and cls not in LAYERS and cls not in also:
        if computed(layer) and isinstance(layer, LAYERS):
            return "computed weight"
        return "of a class that is not asked for"
    if computed(layer):
        return "computed weight"
    if not sparse and cls in also:
        reason = misfit(cls)
        if not reason and not issubclass(cls, LAYERS) and not transposed(layer):
            reason = "it does not compute x @ weight + bias"
        if reason:
            return MISFIT + reason
    weight = layer._parameters["weight"]
    assert weight is not None
    if not weight.is_floating_point():
        return f"weights of {weight.dtype}"
    return "" if weight.requires_grad else FROZEN
