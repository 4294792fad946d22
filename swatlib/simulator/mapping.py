"""One form for all three products: a convolution whose filters are the sparse operand.

The machine knows one operation, a standard convolution that keeps a sparse operand in place and
streams the other one past it. SWAT's section 4.4 turns the backward pass into it by rotating the
tensor; the same is done here for both backward products.

=============  =====================  =======================  ==========================
product        stays, plays filters   reduced over             streams, one value a window
=============  =====================  =======================  ==========================
forward        W, one per filter      kernel, channels         X, images x output pixels
input_grad     W rotated by 180       kernel, filters          G, images x input pixels
               degrees, one per
               channel
weight_grad    X, one per channel     images, output pixels    G, one per filter
               and kernel position
=============  =====================  =======================  ==========================

A stride s spreads the input gradient over s x s interleaved images, and each needs only the
kernel positions that reach it: it becomes s x s small convolutions of stride 1.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from swatlib import checks
from swatlib.checked import checked, checked_fields
from swatlib.simulator.geometry import Layer


@dataclass(frozen=True)
class Convolution:
    """What a machine computes: a sparse stationary operand and a stream.

    Attributes
    ----------
    mask : numpy.ndarray
        Non-zeros of the stationary operand, boolean ``(groups, filters, channels, kh, kw)``.
    plane : tuple of int
        Height and width of the streamed image.
    offset : tuple of int
        Rows and columns of zero padding above and left of it (negative crops).
    out : tuple of int
        Height and width of the output.
    stride : tuple of int
        Step of the window.
    batch : int
        Streamed images.
    stream : numpy.ndarray or None
        Non-zeros of the stream, boolean ``(batch, groups * channels, *plane)``; None is dense.
    """

    mask: np.ndarray
    plane: tuple[int, int]
    offset: tuple[int, int]
    out: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    batch: int = 1
    stream: np.ndarray | None = None

    def __post_init__(self) -> None:
        checked_fields(
            self,
            mask=partial(checks.array, kinds="b", shape=(None,) * 5),
            batch=checks.count,
            stream=checks.optional(checks.array, kinds="b", shape=(None,) * 4),
        )

    @property
    def windows(self) -> int:
        """Positions at which every filter is applied."""
        return self.batch * self.out[0] * self.out[1]

    @property
    def kernel(self) -> tuple[int, int]:
        """Height and width of the stationary operand."""
        return self.mask.shape[3], self.mask.shape[4]


@checked
def forward(layer: Layer, weight: np.ndarray, stream: np.ndarray | None = None) -> Convolution:
    """Map Y = W * X.

    Parameters
    ----------
    layer : Layer
        The shape.
    weight : numpy.ndarray
        Boolean mask of W, `Layer.weight_shape`.
    stream : numpy.ndarray, optional
        Boolean mask of X, `Layer.input_shape`; a machine that skips zero activations uses it.
    """
    mask = weight.reshape(layer.groups, -1, *weight.shape[1:])
    if _is_matrix(layer):  # the batch is the plane
        plane = _near_square(layer.batch)
        if stream is not None:
            stream = stream.reshape(layer.batch, -1).T.reshape(1, layer.channels, *plane)
        return Convolution(mask, plane, (0, 0), plane, stream=stream)
    return Convolution(
        mask, layer.image, layer.padding, layer.output, layer.stride, layer.batch, stream
    )


@checked
def input_grad(
    layer: Layer, weight: np.ndarray, stream: np.ndarray | None = None
) -> Iterator[Convolution]:
    """Map dL/dX = W rotated * G, one convolution per residue of the stride.

    Parameters
    ----------
    layer : Layer
        The shape.
    weight : numpy.ndarray
        Boolean mask of W, `Layer.weight_shape`.
    stream : numpy.ndarray, optional
        Boolean mask of G, `Layer.output_shape`.
    """
    grouped = weight.reshape(layer.groups, -1, *weight.shape[1:]).swapaxes(1, 2)
    if _is_matrix(layer):
        plane = _near_square(layer.batch)
        if stream is not None:
            stream = stream.reshape(layer.batch, -1).T.reshape(1, layer.filters, *plane)
        yield Convolution(grouped, plane, (0, 0), plane, stream=stream)
        return
    (sh, sw), (ph, pw), (kh, kw) = layer.stride, layer.padding, layer.kernel
    for a in range(min(sh, kh)):
        for b in range(min(sw, kw)):
            # Kernel row r brings output row (y + p - r) / s to input row y, if s divides y + p - r.
            # So an input row with (y + p) mod s = a needs the kernel rows a, a + s, a + 2 s, ...
            # These input rows are every s-th one from `top` on; they share that sub-kernel.
            top, left = (a - ph) % sh, (b - pw) % sw
            out = (len(range(top, layer.image[0], sh)), len(range(left, layer.image[1], sw)))
            if min(out) == 0:
                continue
            mask = grouped[:, :, :, a::sh, b::sw][:, :, :, ::-1, ::-1]
            offset = (
                mask.shape[3] - 1 - (top + ph - a) // sh,
                mask.shape[4] - 1 - (left + pw - b) // sw,
            )
            yield Convolution(mask, layer.output, offset, out, batch=layer.batch, stream=stream)


@checked
def weight_grad(
    layer: Layer, inputs: np.ndarray, stream: np.ndarray | None = None, unfolded: bool = False
) -> Convolution:
    """Map dL/dW = X * G as one matrix product over images and output pixels.

    Parameters
    ----------
    layer : Layer
        The shape.
    inputs : numpy.ndarray
        Boolean mask of X, `Layer.input_shape`. Padding counts as zero.
    stream : numpy.ndarray, optional
        Boolean mask of G, `Layer.output_shape`.
    unfolded : bool
        `inputs` is a mask of the unfolded X, `Layer.columns_shape`.
    """
    pixels = layer.batch * math.prod(layer.output)
    plane = _near_square(layer.filters // layer.groups)
    if stream is not None:
        per_group = stream.reshape(layer.batch, layer.groups, -1, math.prod(layer.output))
        stream = per_group.transpose(1, 0, 3, 2).reshape(1, layer.groups * pixels, *plane)
    if unfolded:
        columns = inputs.transpose(1, 2, 0, 3).reshape(layer.groups, -1, pixels, 1, 1)
        return Convolution(columns, plane, (0, 0), plane, stream=stream)
    (ph, pw), (kh, kw), (sh, sw) = layer.padding, layer.kernel, layer.stride
    padded = np.pad(inputs, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    views = np.lib.stride_tricks.sliding_window_view(padded, (kh, kw), axis=(2, 3))
    views = views[:, :, ::sh, ::sw]  # (batch, channels, oh, ow, kh, kw)
    columns = views.transpose(1, 4, 5, 0, 2, 3).reshape(layer.groups, -1, pixels, 1, 1)
    return Convolution(columns, plane, (0, 0), plane, stream=stream)


@checked
def convolutions(
    layer: Layer,
    product: str,
    stationary: np.ndarray,
    stream: np.ndarray | None = None,
    unfolded: bool = False,
) -> list[Convolution]:
    """The convolutions that compute one product of one layer.

    Parameters
    ----------
    layer : Layer
        The shape.
    product : str
        ``"forward"``, ``"input_grad"`` or ``"weight_grad"``.
    stationary : numpy.ndarray
        Non-zeros of the operand that stays: W for the first two products, X for the last.
    stream : numpy.ndarray, optional
        Non-zeros of the operand that streams: X for the forward product, else G.
    unfolded : bool
        The X that stays in the weight gradient is unfolded, `Layer.columns_shape`.

    Raises
    ------
    ValueError
        If a mask does not have the layer's shape, naming the layer.
    """
    wanted = {
        "forward": (layer.weight_shape, layer.input_shape),
        "input_grad": (layer.weight_shape, layer.output_shape),
        "weight_grad": (
            layer.columns_shape if unfolded else layer.input_shape,
            layer.output_shape,
        ),
    }
    if product not in wanted:
        raise ValueError(f"product must be one of {', '.join(wanted)}, got {product!r}")
    for what, mask, shape in zip(
        ("stationary", "stream"), (stationary, stream), wanted[product], strict=True
    ):
        if mask is not None and mask.shape != shape:
            raise ValueError(
                f"layer {layer.name!r}: the {what} mask of {product} must have shape {shape}, "
                f"got {mask.shape}"
            )
    if product == "input_grad":
        return list(input_grad(layer, stationary, stream))
    if product == "forward":
        return [forward(layer, stationary, stream)]
    return [weight_grad(layer, stationary, stream, unfolded)]


@checked
def fold_stride(conv: Convolution, by_place: bool = False) -> Convolution:
    """Space to depth: an image of 3 channels and stride s becomes 3 s^2 channels of stride 1.

    A 7x7 kernel of stride 2 over RGB turns into a 4x4 kernel over 12 channels, which fills 12 of
    16 lanes instead of 3. Only the stationary mask is rearranged; the stream is dropped, because
    the machine that needs this does not look at it. The new channels are all places of the first
    old channel, then of the next; with `by_place` all old channels of the first place, then of the
    next, which is DNNsim's order. A window that looks aside sees the difference.
    """
    (sh, sw), (groups, filters, channels, kh, kw) = conv.stride, conv.mask.shape
    tall, wide = -(-kh // sh), -(-kw // sw)
    padded = np.zeros((groups, filters, channels, tall * sh, wide * sw), bool)
    padded[..., :kh, :kw] = conv.mask
    blocks = padded.reshape(groups, filters, channels, tall, sh, wide, sw)
    order = (0, 1, 4, 6, 2, 3, 5) if by_place else (0, 1, 2, 4, 6, 3, 5)
    mask = blocks.transpose(order).reshape(groups, filters, -1, tall, wide)
    return Convolution(mask, conv.plane, conv.offset, conv.out, batch=conv.batch)


def _is_matrix(layer: Layer) -> bool:
    """Say whether a layer multiplies a matrix by its weight: a linear layer, or one like it."""
    return layer.image == layer.kernel == layer.output == (1, 1) and layer.padding == (0, 0)


def _near_square(n: int) -> tuple[int, int]:
    """Two factors of n, as close to each other as n allows."""
    low = next(f for f in range(math.isqrt(n), 0, -1) if n % f == 0)
    return low, n // low
