"""Compressed saving: what a training step keeps between its forward and its backward pass.

SWAT needs of an activation only its K largest entries once the forward product has used it
(section 3.3), so it is enough to keep K values and their places. Two things stand in the way. A
masked activation is stored as a dense tensor, as large as before. And a ReLU saves its own output,
which stays in memory beside any compressed copy. Here sparse layers save compressed copies, and a
ReLU saves one bit per entry, so its output is freed once the layers after it have their copies.
"""

from collections.abc import Callable
from copy import deepcopy
from functools import partial
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn
from torch.autograd import Function

from swatlib import checks
from swatlib.checked import checked
from swatlib.core.maker import maker, remake
from swatlib.core.products import WHOLE, Saving
from swatlib.core.sparse_layer import SparseLayer
from swatlib.kernels.packing import VALUES, as_it_lies, pack_bits, unpack_bits
from swatlib.storage.batch_norm import ThriftyBatchNorm2d


def _batch_norm(name: str, value: Any) -> str | float:
    if isinstance(value, str):
        return checks.one_of(name, value, ("kept", "recomputed"))
    return checks.sparsity(name, value)


@checked(values=partial(checks.one_of, allowed=VALUES), batch_norm=_batch_norm)
def compress_(
    model: nn.Module,
    share: bool = True,
    values: str = "exact",
    batch_norm: str | float = "kept",
) -> nn.Module:
    """Let the layers of ``model`` save what backward needs, compressed.

    In place and, unless asked for less, lossless: outputs and gradients stay the same, to the bit.
    Sparse layers choose for each input, at each call, the smallest form
    (:func:`swatlib.kernels.packing.compress`); those that sparsify the same input alike share a
    copy; and they sparsify their weights a second time in backward instead of keeping the sparse
    ones. ReLUs keep a bit per entry. Parameters, state-dict keys and the layers' identity stay as
    they are.

    Parameters
    ----------
    model : nn.Module
        Made sparse by :func:`swatlib.sparsify_`, by any recipe. Sparsifying again, or densifying,
        ends compression in the layers it changes until this is called again.
    share : bool
        False gives every layer a copy of its own.
    values : str
        "exact"; or rounded, in what sparse layers and batch norms keep, to "bfloat16" or to "int8",
        a multiple of the tensor's largest / 127. Rounded values change gradients, not outputs.
    batch_norm : str or float
        "kept": batch norms keep their inputs. "recomputed": every convolution that follows a batch
        norm (and a ReLU) is run once more in backward, so that neither its input nor that of the
        batch norm behind it is kept; gradients stay the same, to the bit. A sparsity in [0, 1): the
        normalised input is kept with so many zeros (Back Razor, Jiang et al. 2022), which changes
        gradients, not outputs.

    Returns
    -------
    nn.Module
        ``model`` itself.

    Raises
    ------
    TypeError
        If ``model`` is no module.
    ValueError
        If ``model`` has no sparse layer, or for another value of an option.

    Notes
    -----
    Only modules of class ``nn.ReLU`` and, with the last two options, ``nn.BatchNorm2d`` change. A
    ReLU called as a function keeps its output, and the
    compressed copies come on top. Sizes depend on the data: the host waits for a GPU at each layer,
    and ``torch.compile`` breaks its graph there.

    Examples
    --------
    >>> import swatlib, torch
    >>> layer = torch.nn.Linear(10, 10)
    >>> layer = swatlib.sparsify_(layer, swatlib.swat(0.9, first_layer_dense=False))
    >>> layer = swatlib.compress_(layer)
    >>> layer(torch.randn(4, 10)).sum().backward()
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"model must be an nn.Module, got {type(model).__name__}")
    layers = [m for m in model.modules() if isinstance(m, SparseLayer)]
    if not layers:
        raise ValueError(
            f"model must have a sparse layer, {type(model).__name__} has none: "
            "call sparsify_(model, recipe) first"
        )
    decompress_(model)
    saving = Saving(True, share, values, remakes=batch_norm == "recomputed")
    sparsity = 0.0 if isinstance(batch_norm, str) else batch_norm
    whole = batch_norm == "kept" and values == "exact"
    for module in model.modules():
        if type(module) is nn.ReLU:
            module.__class__ = BitReLU
        elif type(module) is nn.BatchNorm2d and not whole:
            module.__class__ = ThriftyBatchNorm2d
        if isinstance(module, SparseLayer | BitReLU | ThriftyBatchNorm2d):
            module.saving = saving
        if isinstance(module, ThriftyBatchNorm2d):
            module.sparsity = sparsity
    return model


@checked
def decompress_(model: nn.Module) -> nn.Module:
    """Undo :func:`compress_`, in place; return ``model``.

    Examples
    --------
    >>> import swatlib, torch
    >>> layer = torch.nn.Linear(10, 10)
    >>> layer = swatlib.sparsify_(layer, swatlib.swat(0.9, first_layer_dense=False))
    >>> layer = swatlib.decompress_(swatlib.compress_(layer))
    """
    for module in model.modules():
        if isinstance(module, BitReLU):
            module.__class__ = nn.ReLU  # type: ignore[assignment]
        elif isinstance(module, ThriftyBatchNorm2d):
            module.__class__ = nn.BatchNorm2d  # type: ignore[assignment]
        elif not isinstance(module, SparseLayer):
            continue
        for name in ("saving", "sparsity"):
            module.__dict__.pop(name, None)
    return model


class BitReLU(nn.ReLU):
    """A ReLU that keeps, for backward, one bit per entry: whether it was positive."""

    saving: Saving = WHOLE

    @checked
    def __init__(self, inplace: bool = False) -> None:
        super().__init__(inplace)

    def forward(self, input: Tensor) -> Tensor:
        """Return max(0, x), of any shape; in place if the ReLU was."""
        if not (torch.is_grad_enabled() and input.requires_grad):
            return super().forward(input)
        made_by = maker(input) if self.saving.remakes else None
        y: Tensor = KeepSign.apply(input, self.inplace, made_by)
        if made_by is not None:
            y.grad_fn.version = y._version  # type: ignore[union-attr]  # the last one in place
        return y


class KeepSign(Function):
    """ReLU, whose backward pass needs one bit an entry."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, inplace: bool, made_by: Any = None) -> Tensor:
        if inplace:
            ctx.mark_dirty(x)
        y = x.relu_() if inplace else x.relu()
        # Not y > 0: like torch's ReLU, let the gradient through at NaN.
        positive = ~(y <= 0)
        ctx.save_for_backward(pack_bits(as_it_lies(positive).reshape(-1)))
        ctx.shape, ctx.stride = y.shape, positive.stride()
        if made_by is not None:
            ctx.maker, ctx.length = made_by, made_by.length
            ctx.remake = _made_again
        return y

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        (bits,) = ctx.saved_tensors
        positive = unpack_bits(bits, ctx.shape.numel()).as_strided(ctx.shape, ctx.stride)
        # threshold_backward only compares ReLU's output with 0. A tensor of zeros and ones gives
        # the same gradient, to the bit.
        return torch.ops.aten.threshold_backward(grad, positive.to(grad.dtype), 0), None, None


def _made_again(ctx: Any) -> Tensor:
    """Return ReLU's output."""
    return remake(ctx.maker).relu()


@checked
def saved_bytes(model: nn.Module, x: Tensor) -> pd.DataFrame:
    """Measure what the forward pass keeps for the backward pass.

    Counted are the storages of all tensors that autograd saves: each storage once, in full, for the
    layer that saved it first. The model's parameters and buffers are left out, because they are in
    memory in any case.

    Parameters
    ----------
    model : nn.Module
        In training mode, as a rule. A copy of it runs, so nothing of it changes.
    x : Tensor
        A batch; copied, too, so that a slice does not count as the whole it was cut from.

    Returns
    -------
    DataFrame
        ``layer`` (name in the model), ``kind`` (its class), ``dtype``, ``bytes``, in the order of
        saving; the sum of ``bytes`` is what stands between forward and backward.
    """
    model = deepcopy(model)
    own = {t.untyped_storage().data_ptr() for t in [*model.parameters(), *model.buffers()]}
    running = [("", model)]
    rows: dict[int, dict[str, object]] = {}

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own | rows.keys():
            name, module = running[-1]
            rows[storage.data_ptr()] = {
                "layer": name,
                "kind": type(module).__name__,
                "dtype": str(tensor.dtype).removeprefix("torch."),
                "bytes": storage.nbytes(),
            }
        return tensor.detach()  # returning a saved output itself would make a reference cycle

    def enter(name: str) -> Callable[..., None]:
        return lambda module, inputs: running.append((name, module))

    def leave(module: nn.Module, inputs: Any, output: Any) -> None:
        running.pop()

    for name, module in model.named_modules():
        module.register_forward_pre_hook(enter(name))
        module.register_forward_hook(leave)
    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        output = model(x.clone())  # keeps saved memory from being freed and reused
    del output
    return pd.DataFrame(list(rows.values()), columns=["layer", "kind", "dtype", "bytes"])
