"""Tensors with many zeros, stored as their other entries and where these stand.

A mask costs one bit per entry. Positions cost 16 bits per survivor, as gaps from one to the next.
So positions are smaller below a density of 1/16 and bits above it; near density 1 the tensor itself
is smallest. That is lossless, to the bit. Values may also be rounded to 16 or 8 bits. Everything
runs on the tensor's own device.
"""

from functools import partial
from math import inf, prod
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import pad
from torch.utils.weak import WeakTensorKeyDictionary

from swatlib import checks
from swatlib.checked import explained

# Multiplying eight bytes of 0 or 1, read as one integer, by GATHER moves their bits side by side
# into the highest byte; no two products meet in one bit, so nothing carries.
GATHER = 0x0102040810204080
SPREAD = 0x0101010101010101  # a copy of one byte in each of eight
DIAGONAL = 0x8040201008040201 - 2**64  # bit i of byte i, as a signed integer

VALUES = ("exact", "bfloat16", "int8")
"""How values are stored: as they are, in 16 bits, or as whole multiples of the largest / 127."""

_INTEGERS = {1: torch.int8, 2: torch.int16, 4: torch.int32, 8: torch.int64}


@explained(x=checks.dense)
def as_it_lies(x: Tensor) -> Tensor:
    """Return a view of ``x`` with its dimensions in the order of memory, outermost first."""
    return x.permute(sorted(range(x.ndim), key=x.stride, reverse=True))


@explained(mask=checks.mask)
def pack_bits(mask: Tensor) -> Tensor:
    """Pack a mask into bits.

    Parameters
    ----------
    mask : Tensor, bool, shape (n,)

    Returns
    -------
    Tensor, uint8, shape (ceil(n / 8),)
    """
    eights = pad(mask, (0, -len(mask) % 8)).view(torch.int64)
    return ((eights * GATHER) >> 56).to(torch.uint8)


@explained(bits=partial(checks.tensor, dtypes=(torch.uint8,)))
def unpack_bits(bits: Tensor, n: int) -> Tensor:
    """Return the mask of ``n`` entries that :func:`pack_bits` packed."""
    eights = (bits.to(torch.int64) * SPREAD) & DIAGONAL
    return eights.view(torch.uint8)[:n] != 0


@explained(like=checks.tensor)
def pack_choice(choice: Tensor | None, like: Tensor) -> Tensor | None:
    """Return a mask of ``like`` as bits.

    A threshold, None, and a mask that does not lie in memory as ``like`` does come back as they
    are.
    """
    if choice is None or choice.dtype != torch.bool or choice.shape != like.shape:
        return choice
    if choice.stride() != like.stride() or not as_it_lies(choice).is_contiguous():
        return choice
    return pack_bits(as_it_lies(choice).reshape(-1))


@explained(like=checks.tensor)
def unpack_choice(choice: Tensor | None, like: Tensor) -> Tensor | None:
    """Return the choice that :func:`pack_choice` was given."""
    if choice is None or choice.dtype != torch.uint8:
        return choice
    return unpack_bits(choice, like.numel()).as_strided(like.shape, like.stride())


class Compressed(NamedTuple):
    """A tensor as its survivors, in the order of memory, and where they stand.

    Attributes
    ----------
    values : Tensor, shape (K,)
        The survivors, or the whole tensor where that is smallest; rounded if asked for.
    where : Tensor or None
        uint8: the packed mask. int16 or int32: the distance from each survivor to the one before.
        None: ``values`` is the whole tensor.
    shape, stride : tuple of int
        Of the whole tensor.
    dtype : torch.dtype
        Of the whole tensor; that of ``values`` is narrower if they were rounded.
    scale : float
        What ``values`` are multiples of.
    """

    values: Tensor
    where: Tensor | None
    shape: tuple[int, ...]
    stride: tuple[int, ...]
    dtype: torch.dtype
    scale: float = 1.0

    @property
    def nbytes(self) -> int:
        """Bytes of memory it takes."""
        return self.values.nbytes + (0 if self.where is None else self.where.nbytes)


@explained(x=checks.tensor)
def uncompressed(x: Tensor) -> Compressed:
    """Return ``x`` itself in the form of a :class:`Compressed`."""
    return Compressed(x, None, x.shape, x.stride(), x.dtype)


@explained(x=checks.tensor, values=partial(checks.one_of, allowed=VALUES))
def compress(x: Tensor, values: str = "exact") -> Compressed:
    """Store a tensor in the fewest bytes: values and bits, values and gaps, or as it is.

    An entry is left out if all its bits are zero, so NaN and -0.0 come back. A tensor with gaps or
    overlaps in memory, such as a slice, is stored as it is: its layout would not come back.

    Parameters
    ----------
    x : Tensor
        Of any shape and memory format.
    values : str
        One of :data:`VALUES`. "bfloat16" and "int8" round to nearest; a tensor that is no wider, or
        is to be "int8" and has infinities or NaN, stays exact.
    """
    laid_out = as_it_lies(x.detach())
    if not laid_out.is_contiguous():
        return _rounded(uncompressed(x), values)
    flat = laid_out.reshape(-1)
    survives = flat.view(_INTEGERS[x.itemsize]) != 0
    survivors = flat[survives]
    where = pack_bits(survives)
    # Gaps are looked for only where they may be smaller, as they cost another pass.
    if len(survivors) * torch.int16.itemsize < where.nbytes:
        gaps = _gaps(survives)
        where = min(where, gaps, key=lambda stored: stored.nbytes)
    sparse = _rounded(Compressed(survivors, where, x.shape, x.stride(), x.dtype), values)
    if sparse.nbytes < x.numel() * sparse.values.itemsize:
        return sparse
    return _rounded(uncompressed(x), values)


def _rounded(stored: Compressed, values: str) -> Compressed:
    exact = stored.values
    if values == "exact" or not exact.numel():
        return stored
    narrow = torch.bfloat16 if values == "bfloat16" else torch.int8
    if narrow.itemsize >= exact.itemsize or not exact.dtype.is_floating_point:
        return stored
    if narrow is torch.bfloat16:
        return stored._replace(values=exact.to(narrow))
    scale = float(exact.abs().max()) / torch.iinfo(narrow).max
    if not 0 < scale < inf:
        return stored
    return stored._replace(values=(exact / scale).round_().to(narrow), scale=scale)


@explained()
def restore(stored: Compressed) -> Tensor:
    """Return the tensor that :func:`compress` stored, in its dtype and memory format."""
    values, where, shape, stride, dtype, scale = stored
    values = values.to(dtype)
    if scale != 1:
        values.mul_(scale)
    if where is None:
        return values
    flat = values.new_zeros(prod(shape))
    if where.dtype == torch.uint8:
        flat.masked_scatter_(unpack_bits(where, len(flat)), values)
    else:
        flat[where.cumsum(0, dtype=torch.int64) - 1] = values
    return flat.as_strided(shape, stride)


def _gaps(mask: Tensor) -> Tensor:
    positions = mask.nonzero()[:, 0]
    gaps = positions.diff(prepend=positions.new_full((1,), -1))
    short = torch.iinfo(torch.int16).max
    return gaps.to(torch.int16 if not len(gaps) or gaps.max() <= short else torch.int32)


# Compressed copies of tensors that are still in use, so that layers with a common input (a block
# and its shortcut; query, key and value) share one. An entry is removed when its tensor is freed.
copies = WeakTensorKeyDictionary()


@explained(x=checks.tensor)
def compress_once(
    x: Tensor,
    choice: Tensor | None,
    survivors: Tensor | None,
    share: bool = True,
    values: str = "exact",
) -> Compressed:
    """Compress what of ``x`` survives; a second call with the same choice returns the first copy.

    Parameters
    ----------
    x : Tensor
    choice : Tensor or None
        Threshold or mask; None for all of ``x``.
    survivors : Tensor or None
        ``x`` with zeros where the choice drops; None if there is no choice.
    share : bool
        False makes a copy of its own.
    values : str
        As in :func:`compress`.
    """
    sparse = x if survivors is None else survivors
    if not share or not x.requires_grad:
        return compress(sparse, values)
    version, chosen, precision, stored = copies.get(x, (None,) * 4)
    if (version, precision) == (x._version, values) and same_choice(chosen, choice):
        earlier: Compressed = stored
        return earlier
    stored = compress(sparse, values)
    # A tensor stored as it is would be the value of its own entry, and never be freed.
    if stored.where is not None:
        copies[x] = (x._version, choice, values, stored)
    return stored


def same_choice(a: Tensor | None, b: Tensor | None) -> bool:
    """Say whether two choices drop the same."""
    return a is b or (a is not None and b is not None and torch.equal(a, b))
