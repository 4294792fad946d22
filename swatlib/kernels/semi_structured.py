"""The forward product on the 2:4 units of a GPU, where there are any.

Ampere's sparse tensor cores multiply a matrix whose rows keep two of four entries at up to twice
the dense rate (FST section 1). PyTorch reaches them by ``torch.sparse.to_sparse_semi_structured``.
Linear layers and 1x1 convolutions are such products already; wider kernels would need im2col.

No recipe calls these functions: call them yourself. ``swatlib gpu two-to-four`` measures the
products of whole networks. They were written from PyTorch's documentation.
On a CPU they fall back to the dense product, and only this fallback was tested. The GPU path has
not been run, and the book claims no time of it.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from swatlib import checks
from swatlib.checked import checked

ROWS, COLUMNS = 32, 64
"""What both sizes of a half-precision weight must be multiples of, for either of PyTorch's
backends."""


@checked
def available(device: torch.device | str, dtype: torch.dtype, shape: tuple[int, ...]) -> bool:
    """Say whether a weight can go through 2:4 units.

    It can on a CUDA device of compute capability 8.0 or higher, in float16 or bfloat16, as a matrix
    (out, in), or the weight of a 1x1 convolution without groups, of ``out`` divisible by 32 and
    ``in`` by 64.
    """
    device = checks.device("device", device)
    if device.type != "cuda" or not torch.cuda.is_available():
        return False
    matrix = len(shape) == 2 or (len(shape) == 4 and tuple(shape[2:]) == (1, 1))
    fits = matrix and shape[0] > 0 < shape[1] and not (shape[0] % ROWS or shape[1] % COLUMNS)
    half = dtype in (torch.float16, torch.bfloat16)
    return fits and half and torch.cuda.get_device_capability(device) >= (8, 0)


@checked(x=checks.tensor, weight=checks.tensor, bias=checks.optional(checks.tensor))
def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return x W^T + b for a weight that is 2:4 along its rows; without gradient.

    Parameters
    ----------
    x : Tensor, shape (..., in)
    weight : Tensor, shape (out, in)
        Two of every four consecutive entries of a row must be zero, as
        :func:`~swatlib.kernels.nm.nm_mask` leaves it.
    bias : Tensor, shape (out,), optional

    Returns
    -------
    Tensor, shape (..., out)
        The same numbers on every device, up to rounding.
    """
    with torch.no_grad():
        return F.linear(x, converted(weight), bias)


@checked(weight=checks.tensor)
def converted(weight: Tensor) -> Tensor:
    """Return a weight that is 2:4 along its rows in the form of 2:4 units, itself without them.

    Convert once what is multiplied several times: ``torch.nn.functional.linear`` takes either.
    """
    if not available(weight.device, weight.dtype, tuple(weight.shape)):
        return weight
    form: Tensor = torch.sparse.to_sparse_semi_structured(weight.detach().contiguous())
    return form


@checked(x=checks.tensor, weight=checks.tensor, bias=checks.optional(checks.tensor))
def pointwise(
    x: Tensor, weight: Tensor, bias: Tensor | None = None, stride: tuple[int, int] = (1, 1)
) -> Tensor:
    """Return a 1x1 convolution without padding, whose weight is 2:4 along Cin; without gradient.

    ``x`` has shape (N, Cin, H, W), ``weight`` (Cout, Cin, 1, 1); the result (N, Cout, Ho, Wo) is
    channels-last. ValueError for a wider kernel.
    """
    if weight.ndim != 4 or tuple(weight.shape[2:]) != (1, 1):
        raise ValueError(f"weight must have shape (Cout, Cin, 1, 1), got {tuple(weight.shape)}")
    pixels = x[:, :, :: stride[0], :: stride[1]].permute(0, 2, 3, 1)
    return linear(pixels, weight.flatten(1), bias).permute(0, 3, 1, 2)
