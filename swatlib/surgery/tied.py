"""Weights that several modules share, and which entries each module uses."""

from typing import NamedTuple

from torch import Tensor, nn

from swatlib.checked import checked
from swatlib.core.sparse_layer import SparseLayer
from swatlib.surgery.sparsify import active_mask


class Use(NamedTuple):
    """The entries of a weight that one module uses; ``mask`` is None for all of them."""

    name: str
    kind: str
    mask: Tensor | None


@checked
def uses(model: nn.Module) -> list[tuple[Tensor, list[Use]]]:
    """Return the weights that are sparse in a forward product, each with all modules that hold it.

    Two Parameters that share their memory are one weight.
    """
    found: dict[int, tuple[Tensor, list[Use]]] = {}
    for name, module in model.named_modules():
        for own, parameter in module._parameters.items():
            if parameter is None:
                continue
            mask = None
            if own == "weight" and _thins(module):
                mask = active_mask(module)
            key = parameter.data_ptr() or id(parameter)
            use = Use(f"{name}.{own}".lstrip("."), type(module).__name__, mask)
            found.setdefault(key, (parameter, []))[1].append(use)
    return [(w, owners) for w, owners in found.values() if any(o.mask is not None for o in owners)]


def _thins(module: nn.Module) -> bool:
    return isinstance(module, SparseLayer) and module.recipe.forward_weight is not None
