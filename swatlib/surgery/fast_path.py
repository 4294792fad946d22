"""torch's fast path of transformer encoders, which reads weights without calling the layers.

In evaluation without gradients an ``nn.TransformerEncoderLayer`` hands its weights to one fused
kernel and calls none of its layers: a sparse one would be evaluated dense. So an attribute that
torch checks before it takes the fast path is switched off while a layer inside is sparse.
"""

from typing import Any

from torch import nn

from swatlib.checked import checked
from swatlib.core.sparse_layer import SparseLayer

_SWITCHES = (
    (nn.TransformerEncoderLayer, "activation_relu_or_gelu", 0),
    (nn.TransformerEncoder, "use_nested_tensor", False),
)


@checked
def settle_fast_path(model: nn.Module) -> None:
    """Switch the fast path off in encoders with a sparse layer inside, and back on in others."""
    for module in model.modules():
        for cls, switch, off in _SWITCHES:
            if isinstance(module, cls) and hasattr(module, switch):
                _set(module, switch, off)


def _set(module: Any, switch: str, off: object) -> None:
    stored = f"_dense_{switch}"
    if any(isinstance(m, SparseLayer) for m in module.modules()):
        if stored not in module.__dict__:
            module.__dict__[stored] = getattr(module, switch)
        setattr(module, switch, off)
    elif stored in module.__dict__:
        setattr(module, switch, module.__dict__.pop(stored))
