"""The zeros that ReLU leaves by itself, measured on a run."""

import torch
from torch import Tensor, nn

from swatlib.accounting.record import watch
from swatlib.accounting.trace import passed_over, weight_ids
from swatlib.checked import checked
from swatlib.surgery.twin import Example, call_of, copied, tensors_in


@checked
def natural_zeros(model: nn.Module, x: Example) -> dict[str, float]:
    """Measure which fraction of each convolution's and linear layer's input is exactly zero.

    SWAT's tables call it "DS", the default sparsity of activations that no method induced. The
    model runs in the mode it is in and is left unchanged: a copy of it runs.

    Parameters
    ----------
    model : nn.Module
        With weights, not on the meta device.
    x : tensor, tuple or mapping
        A batch of inputs; for several, as in :func:`~swatlib.accounting.trace.trace`.

    Returns
    -------
    dict of str to float
        Fraction of zeros in [0, 1] by layer name, for
        :func:`~swatlib.accounting.density.densities`. A layer used more than once is
        named ``name``, ``name@2``, ... as in :func:`~swatlib.accounting.trace.trace`.

    Raises
    ------
    ValueError
        If model or input are on the meta device, where nothing has a value, or the model does not
        take the input.
    """
    args, kwargs = call_of(x, model)
    tensors = [*tensors_in([args, kwargs]), *model.parameters(), *model.buffers()]
    if any(t.is_meta for t in tensors):
        raise ValueError("model and x must hold values to be measured, got meta tensors")
    zeros: dict[str, float] = {}

    def measure(label: str, module: nn.Module, input: Tensor, output: Tensor) -> None:
        zeros[label] = 1.0 - int(torch.count_nonzero(input)) / input.numel()

    twin = copied(model)
    with (
        torch.random.fork_rng(devices=[]),
        watch(twin, passed_over(model), weight_ids(model), measure, grad=False),
    ):
        try:
            twin(*args, **kwargs)
        except Exception as error:  # whatever a stranger's forward pass raises
            reason = str(error).partition("\n")[0] or type(error).__name__
            raise ValueError(f"model cannot take x: {reason}") from error
    return zeros
