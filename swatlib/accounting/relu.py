"""The zeros that ReLU leaves by itself, measured on a run."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from swatlib.accounting.trace import COUNTED


def natural_zeros(model: nn.Module, x: Tensor) -> dict[str, float]:
    """Measure which fraction of each convolution's and linear layer's input is exactly zero.

    SWAT's tables call it "DS", the default sparsity of activations that no method induced. The
    model runs in the mode it is in and is left unchanged, its batch-norm statistics included.

    Parameters
    ----------
    model : nn.Module
        With weights, not on the meta device.
    x : Tensor
        A batch of inputs.

    Returns
    -------
    dict of str to float
        Fraction of zeros in [0, 1] by layer name, for
        :func:`~swatlib.accounting.density.densities`. A layer used more than once is
        named ``name``, ``name@2``, ... as in :func:`~swatlib.accounting.trace.trace`.

    Raises
    ------
    ValueError
        If model or input are on the meta device, where nothing has a value.
    """
    tensors = [x, *model.parameters(), *model.buffers()]
    if any(t.is_meta for t in tensors):
        raise ValueError("model and x must hold values to be measured, got meta tensors")
    zeros: dict[str, float] = {}
    uses: dict[str, int] = {}

    def watch(name: str) -> Callable[[nn.Module, tuple[Any, ...]], None]:
        def hook(module: nn.Module, inputs: tuple[Any, ...]) -> None:
            uses[name] = uses.get(name, 0) + 1
            label = name if uses[name] == 1 else f"{name}@{uses[name]}"
            zeros[label] = 1.0 - int(torch.count_nonzero(inputs[0])) / inputs[0].numel()

        return hook

    handles = [
        module.register_forward_pre_hook(watch(name))
        for name, module in model.named_modules()
        if isinstance(module, COUNTED)
    ]
    before = {name: buffer.clone() for name, buffer in model.named_buffers()}
    try:
        with torch.no_grad():
            model(x)
            for name, buffer in model.named_buffers():
                buffer.copy_(before[name])
    finally:
        for handle in handles:
            handle.remove()
    return zeros
