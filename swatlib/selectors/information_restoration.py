"""Information restoration: a weight gradient from every other column, with the gradient shifted.

FST section 5.3 prunes X^T at fixed positions. Of two horizontally adjacent output pixels only the
first keeps its column of im2col(X) (Eq. 7). As neighbours look alike, the second pixel's gradient
is multiplied with the first one's column instead of being lost (Eqs. 9 and 10):

    dW = (G + G T) S(X^T)

Keeping every other output pixel of a row is a convolution of twice the horizontal stride. At the
pixels kept, G + G T is the sum of the pair. So the weight gradient needs neither im2col nor sparse
hardware: half the gradient and half the work give the same numbers.

The paper does not say what happens at the end of a row. Here pairs are formed within an image row,
from its left end. The last pixel of an odd row has no partner, so it keeps its own column and
gradient. For even rows this is exactly Eq. 7, and 2:4 along H W. For odd rows more than two of four
consecutive columns may stay, which matters to sparse hardware but not here.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import ClassVar
from warnings import warn

import torch
from torch import Tensor
from torch.nn import functional

from swatlib import checks
from swatlib.checked import checked, checked_fields, explained
from swatlib.core.selector import ColumnSelector
from swatlib.kernels import fastest
from swatlib.kernels.convolution import PLAIN, Geometry, unfold


@checked
def kept_pixels(height: int, width: int) -> Tensor:
    """Return which columns of im2col(X) Eq. 7 keeps: bool, shape (H W,), in reading order."""
    _check_size(height, width)
    return (torch.arange(width) % 2 == 0).repeat(height)


@checked
def shift_matrix(height: int, width: int) -> Tensor:
    """Return T of Eq. 9: shape (H W, H W), 1 where a pruned pixel takes its left neighbour's
    column.

    ``T @ S`` moves the kept rows of S(X^T) down by one pixel, ``G @ T`` moves G left by one.
    """
    _check_size(height, width)
    pruned = (~kept_pixels(height, width)).nonzero().flatten()
    shift = torch.zeros(height * width, height * width)
    shift[pruned, pruned - 1] = 1
    return shift


@checked(grad=partial(checks.tensor, shape=(checks.MORE, None)))
def pair_sum(grad: Tensor) -> Tensor:
    """Return the sum of horizontally adjacent pairs: G + G T at the pixels kept.

    Parameters
    ----------
    grad : Tensor, shape (..., W)

    Returns
    -------
    Tensor, shape (..., ceil(W / 2))
        In the memory format of ``grad``; the last entry of an odd row is ``grad``'s own.
    """
    first, second = grad[..., ::2], grad[..., 1::2]
    if first.shape == second.shape:
        return first + second
    total = first.clone()
    total[..., :-1] += second
    return total


@checked
def weight_gradient(
    grad: Tensor,
    x: Tensor,
    weight_shape: torch.Size,
    geometry: Geometry = PLAIN,
    restore: bool = True,
) -> Tensor:
    """Return the weight gradient of a convolution with every other column of X pruned.

    Parameters
    ----------
    grad : Tensor, shape (N, Cout, Ho, Wo)
        The output gradient G.
    x : Tensor, shape (N, Cin, H, W)
        The input, dense.
    weight_shape : torch.Size
        (Cout, Cin / groups, kh, kw).
    geometry : Geometry
        Any stride, padding, dilation and groups. The fast form would slow down a depthwise kernel
        under a stride. Such a kernel takes the dense product's time and warns of it once.
    restore : bool
        True: (G + G T) S(X^T), Eq. 10. False: G S(X^T), what the fixed mask alone leaves.

    Returns
    -------
    Tensor, shape ``weight_shape``

    Raises
    ------
    ValueError
        If the shapes do not belong to one convolution.
    """
    _check_shapes(grad, x, weight_shape, geometry)
    if grad.dtype != x.dtype or not x.is_floating_point():
        raise TypeError(f"grad and x must have one floating dtype, got {grad.dtype} and {x.dtype}")
    return gradient_from_columns(
        grad, columns_needed(x, weight_shape, geometry), weight_shape, geometry, restore
    )


@explained(x=checks.tensor)
def columns_needed(x: Tensor, weight_shape: torch.Size, geometry: Geometry) -> Tensor:
    """Return the part of ``x`` that the kept columns read.

    A 1x1 kernel reads only the kept pixels, half of them or, under a stride, fewer: they are cut
    out, a copy. Wider kernels overlap and read every pixel: ``x`` itself.
    """
    if not _pointwise(weight_shape):
        return x
    (down, across), (above, left) = geometry.stride, geometry.padding
    padded = functional.pad(x, (left, left, above, above)) if above or left else x
    cut = padded[:, :, ::down, :: 2 * across]
    channels_last = x.is_contiguous(memory_format=torch.channels_last) and not x.is_contiguous()
    layout = torch.channels_last if channels_last else torch.contiguous_format
    return cut.clone(memory_format=layout)


def gradient_from_columns(
    grad: Tensor, needed: Tensor, weight_shape: torch.Size, geometry: Geometry, restore: bool
) -> Tensor:
    """Return what :func:`weight_gradient` does, from what :func:`columns_needed` returned.

    There are up to four ways, which agree up to rounding; :func:`swatlib.products` says who
    chooses.

        "dense"           the dense layer's product, with zeros for the gradients of pruned pixels
        "doubled stride"  a convolution's weight gradient at twice the horizontal stride
        "unfolded"        a matrix product with the kept columns of im2col(X), NCHW
        "windows"         the same with the pixels first, as channels-last tensors lie in memory
    """
    g, pointwise = geometry, _pointwise(weight_shape)
    if pointwise:  # the stride and the padding are cut out already
        g = Geometry(groups=g.groups)
    halved = replace(g, stride=(g.stride[0], g.stride[1] * (1 if pointwise else 2)))

    def kept() -> Tensor:
        return pair_sum(grad) if restore else grad[..., ::2]

    def spread() -> Tensor:
        zeros = torch.zeros_like(grad)
        zeros[..., ::2] = kept()
        whole = needed
        if pointwise:
            whole = needed.new_zeros(*needed.shape[:3], grad.shape[3])
            whole[..., ::2] = needed
        return _convolved(zeros, whole, weight_shape, g)

    ways: dict[str, Callable[[], Tensor]] = {
        fastest.DENSE: spread,
        "doubled stride": lambda: _convolved(kept(), needed, weight_shape, halved),
    }
    if g.groups == 1:
        ways["unfolded"] = lambda: _unfolded(kept(), needed, weight_shape, halved)
        ways["windows"] = lambda: _windows(kept(), needed, weight_shape, halved)
    rule = "doubled stride"
    if not pointwise and _slow(weight_shape, geometry):
        rule = fastest.DENSE
        if not torch.compiler.is_compiling():
            _say_once()
    elif _unfolds(grad, weight_shape, g.groups):
        rule = "unfolded"
    case = f"weight {'x'.join(map(str, weight_shape))}, {geometry}, {restore=}"
    return ways[fastest.way("weight gradient", (grad, needed), ways, rule, case)]()


def _convolved(grad: Tensor, x: Tensor, weight_shape: torch.Size, g: Geometry) -> Tensor:
    dw: Tensor = torch.ops.aten.convolution_backward(
        grad,
        x,
        grad.new_empty(1).expand(weight_shape),  # only its shape counts
        None,
        g.stride,
        g.padding,
        g.dilation,
        False,
        [0, 0],
        g.groups,
        [False, True, False],
    )[1]
    return dw


def _unfolded(grad: Tensor, x: Tensor, weight_shape: torch.Size, g: Geometry) -> Tensor:
    columns = functional.unfold(x, weight_shape[2:], g.dilation, g.padding, g.stride)
    columns = columns.transpose(0, 1).reshape(columns.shape[1], -1)
    pixels = grad.transpose(0, 1).reshape(weight_shape[0], -1)
    return (pixels @ columns.T).reshape(weight_shape)


def _windows(grad: Tensor, x: Tensor, weight_shape: torch.Size, g: Geometry) -> Tensor:
    outputs, inputs, *kernel = weight_shape
    above, left = g.padding
    rows = x.permute(0, 2, 3, 1)
    if above or left:
        rows = functional.pad(rows, (0, 0, left, left, above, above))
    for dim, k, step, apart in zip((1, 2), kernel, g.stride, g.dilation, strict=True):
        rows = rows.unfold(dim, apart * (k - 1) + 1, step)[..., ::apart]
    columns = rows.permute(0, 1, 2, 4, 5, 3).reshape(-1, kernel[0] * kernel[1] * inputs)
    pixels = grad.permute(0, 2, 3, 1).reshape(-1, outputs)
    dw = (pixels.T @ columns).reshape(outputs, *kernel, inputs).permute(0, 3, 1, 2)
    return dw.contiguous() if x.is_contiguous() else dw


def _pointwise(weight_shape: torch.Size) -> bool:
    return tuple(weight_shape[2:]) == (1, 1)


def _slow(weight_shape: torch.Size, geometry: Geometry) -> bool:
    # Measured on a CPU (python -m swatlib.bench weight_gradient): a depthwise kernel under a stride
    # loses its fast path when the two strides differ, and takes twice as long. Everything else that
    # takes long enough to matter gains from fewer columns.
    depthwise = geometry.groups > 1 and weight_shape[1] == 1
    return depthwise and max(geometry.stride) > 1


@cache
def _say_once() -> None:
    warn(
        "a depthwise convolution under a stride gains nothing from fewer columns: its weight "
        "gradient is computed as densely as without",
        stacklevel=2,
    )


def _unfolds(grad: Tensor, weight_shape: torch.Size, groups: int) -> bool:
    # Measured likewise: with fewer kept pixels than output channels, as in the last stage of a
    # ResNet, the unfolded X is smaller than the weight, and one plain matrix product is up to twice
    # as fast.
    pixels = grad.shape[0] * grad.shape[2] * ((grad.shape[3] + 1) // 2)
    return grad.device.type == "cpu" and groups == 1 and 0 < pixels <= weight_shape[0]


def _check_size(height: int, width: int) -> None:
    checks.count("height", height)
    checks.count("width", width)


def _check_shapes(grad: Tensor, x: Tensor, weight_shape: torch.Size, geometry: Geometry) -> None:
    for name, shape in (("grad", grad.shape), ("x", x.shape), ("weight_shape", weight_shape)):
        if len(shape) != 4:
            raise ValueError(f"{name} must have 4 dimensions, got {tuple(shape)}")
    groups = geometry.groups
    if weight_shape[1] * groups != x.shape[1] or weight_shape[0] % groups:
        raise ValueError(
            f"weight_shape {tuple(weight_shape)} does not fit {x.shape[1]} input channels "
            f"in {groups} groups"
        )
    sizes = zip(
        x.shape[2:],
        weight_shape[2:],
        geometry.stride,
        geometry.padding,
        geometry.dilation,
        strict=True,
    )
    output = [(n + 2 * p - d * (k - 1) - 1) // s + 1 for n, k, s, p, d in sizes]
    expected = (x.shape[0], weight_shape[0], *output)
    if tuple(grad.shape) != expected:
        raise ValueError(f"grad must have shape {expected}, got {tuple(grad.shape)}")


@dataclass(frozen=True)
class FixedColumns(ColumnSelector):
    """Compute the weight gradient from every other column of the unfolded X (FST section 5.3).

    It is a recipe's ``weight_grad_activation``. A linear layer has no neighbouring pixels, so its
    weight gradient stays dense.

    Parameters
    ----------
    restore : bool
        With information restoration (Eq. 10), or without (Eq. 7 alone).
    """

    restore: bool = True
    sparsity: ClassVar[float] = 0.5

    def __post_init__(self) -> None:
        checked_fields(self)

    @explained(x=checks.tensor)
    def saved(self, x: Tensor, weight_shape: torch.Size, geometry: Geometry) -> Tensor:
        """Return what of ``x`` the backward pass needs, see :func:`columns_needed`."""
        return columns_needed(x, weight_shape, geometry)

    @explained(grad=checks.tensor, saved=checks.tensor)
    def weight_gradient(
        self, grad: Tensor, saved: Tensor, weight_shape: torch.Size, geometry: Geometry
    ) -> Tensor:
        """Return dW, shape ``weight_shape``, from what :meth:`saved` returned."""
        return gradient_from_columns(grad, saved, weight_shape, geometry, self.restore)

    def operands(
        self, grad: Tensor, x: Tensor, weight_shape: torch.Size, geometry: Geometry
    ) -> tuple[Tensor, Tensor]:
        """Return G, shifted and added, and im2col(X), with zeros for what is pruned.

        Their product over samples and pixels is dW. G keeps its shape; im2col(X) has that of
        :func:`swatlib.kernels.convolution.unfold`.
        """
        kept = kept_pixels(*grad.shape[2:])
        spread = torch.zeros_like(grad)
        spread[..., ::2] = pair_sum(grad) if self.restore else grad[..., ::2]
        return spread, unfold(x, weight_shape, geometry) * kept.to(x.device)

    def __str__(self) -> str:
        return "fixed columns" + (", restored" if self.restore else "")
