"""Channels: structured Top-K, which keeps or drops whole kh x kw slices of a weight.

Section 3.3.1 of SWAT: a slice is kept by its L1 norm. A convolution that loses a whole input
channel, in every filter, is a smaller dense convolution.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from swatlib import checks
from swatlib.checked import checked, checked_fields, explained
from swatlib.core.selector import Selector
from swatlib.core.selector_state import SelectorState
from swatlib.selectors.topk import topk_mask

PER = ("filter", "layer", "input")


@dataclass(frozen=True)
class TopChannels(Selector):
    """Keep the channels of largest L1 norm of a convolution's weight (SWAT section 3.3.1).

    Parameters
    ----------
    sparsity : float
        Fraction of channels to zero, in [0, 1).
    per : str
        What competes. "filter", the paper's: each filter keeps its own top input channels. "layer":
        all Cout Cin slices of the layer, so that a filter may keep more than another. "input": the
        input channels of the layer, by their norm over all filters; what falls away then falls away
        for every filter.
    period : int
        Always 1.

    Raises
    ------
    ValueError
        For a sparsity out of range, an unknown ``per``, or a period.

    Notes
    -----
    A slice of a 1x1 convolution is a single weight: there "filter" and "layer" are unstructured.

    Examples
    --------
    >>> import torch
    >>> from swatlib import TopChannels
    >>> weight = torch.ones(1, 2, 3, 3)
    >>> weight[0, 1] = 2
    >>> TopChannels(0.5).choose(weight).sum((2, 3))
    tensor([[0, 1]])
    """

    sparsity: float
    per: str = "filter"
    period: int = 1
    layers: ClassVar[tuple[type[nn.Module], ...]] = (nn.Conv2d,)

    def __post_init__(self) -> None:
        checked_fields(self, sparsity=checks.sparsity, period=checks.count)
        object.__setattr__(self, "per", checks.one_of("structured", self.per, PER))
        if self.period != 1:
            raise ValueError(f"period of a structured selector must be 1, got {self.period}")

    @explained(x=checks.tensor, weight=checks.optional(checks.tensor))
    def choose(
        self,
        x: Tensor,
        state: SelectorState | None = None,
        training: bool = True,
        weight: Tensor | None = None,
    ) -> Tensor:
        """Return the mask of the kept channels of a weight (Cout, Cin / groups, kh, kw).

        Returns
        -------
        Tensor, bool, shape (Cout, Cin / groups, 1, 1) or, per input, (1, Cin / groups, 1, 1)
            Ties are broken by position.

        Raises
        ------
        ValueError
            If ``x`` has not four dimensions.
        """
        norms = channel_norms(x)
        if self.per == "input":
            norms = norms.sum(0, keepdim=True)
        return topk_mask(norms, self.sparsity, over="CHW" if self.per == "filter" else "NCHW")

    def __str__(self) -> str:
        return f"TopK {self.sparsity:g} channels per {self.per}"


@explained(weight=checks.tensor)
def channel_norms(weight: Tensor) -> Tensor:
    """Return the L1 norm of every kh x kw slice of a weight: (Cout, Cin, kh, kw) to (.., 1, 1).

    Half precision is summed in float32.

    Raises
    ------
    ValueError
        If ``weight`` has not four dimensions.
    """
    if weight.ndim != 4:
        raise ValueError(
            f"structured selection needs a weight (Cout, Cin, kh, kw), got {tuple(weight.shape)}"
        )
    magnitude = weight.detach().abs()
    if magnitude.dtype != torch.float64:
        magnitude = magnitude.float()
    return magnitude.sum((2, 3), keepdim=True)


@checked(weight=checks.tensor)
def used_inputs(weight: Tensor) -> Tensor:
    """Return the indices of the input channels that some filter of a sparse weight still uses.

    Parameters
    ----------
    weight : Tensor, shape (Cout, Cin, kh, kw)
        With its zeros in place.

    Returns
    -------
    Tensor, int64
        In ascending order. ``conv2d(x[:, used], weight[:, used])`` equals ``conv2d(x, weight)`` for
        one convolution group: the narrower, dense convolution that structured sparsity can save
        real time with.
    """
    return channel_norms(weight).sum((0, 2, 3)).nonzero().flatten()
