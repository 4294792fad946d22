"""torch's fast path of transformer encoders, which reads ``linear1.weight`` past the layer.

In evaluation without gradients an ``nn.TransformerEncoderLayer`` hands its weights to one fused
kernel and calls none of its layers: a sparse one would be evaluated dense. Such an encoder layer is
taken off the fast path, by the condition that torch itself asks for, until it is dense again.
"""

from typing import Any

from torch import nn

from swatlib.checked import checked
from swatlib.core.layers import SparseLayer

_SWITCHES = (
    (nn.TransformerEncoderLayer, "activation_relu_or_gelu", 0),
    (nn.TransformerEncoder, "use_nested_tensor", False),
)


@checked
def settle_fast_path(model: nn.Module) -> None:
    """Close the fast path of every encoder with a sparse layer inside; open it where none is."""
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
