"""Held masks: the weights that are active stay so until the method itself changes the mask.

SET, RigL and the methods after them choose in no step. They keep a mask, which only an update
changes (Evci et al. 2020, section 3). The layer holds it in its state.
"""

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import torch
from torch import Tensor

from swatlib import checks
from swatlib.checked import checked, checked_fields, explained
from swatlib.core.periodic import periodic
from swatlib.core.selector import Selector
from swatlib.core.selector_state import SelectorState
from swatlib.kernels.kth_magnitude import INTEGERS
from swatlib.selectors.topk import random_mask, topk_mask

STARTS = ("random", "magnitude", "dense")
"""How the first mask is made."""

MULTIPLIER = 0x9E3779B97F4A7C15
"""2**64 over the golden ratio, odd: it spreads what is multiplied by it over all bits."""

weights = partial(checks.tensor, meta=False)
"""The check of a weight."""


@checked(weight=weights)
def seed_of(weight: Tensor, purpose: int = 0) -> int:
    """Return a seed made of a weight's own bits.

    Random choices of a method draw from it, and never from torch's global generator. Ranks that
    hold the same weights then choose alike, and a resumed run repeats what the first one chose.

    Parameters
    ----------
    weight : Tensor
        Floating, in any memory format and on any device: the same entries give the same seed.
    purpose : int
        Choices of different purpose from the same weight are different.

    Examples
    --------
    >>> import torch
    >>> from swatlib.selectors.held import seed_of
    >>> weight = torch.tensor([0.5, -1.0])
    >>> seed_of(weight) == seed_of(weight.clone()), seed_of(weight) == seed_of(weight, 1)
    (True, False)
    """
    flat = weight.detach().reshape(-1)
    bits = flat.view(INTEGERS[flat.dtype]).to(torch.int64)
    odd = 2 * torch.arange(len(bits), device=bits.device) + 1
    mixed = (int((bits * odd).sum()) + purpose * MULTIPLIER) * MULTIPLIER % 2**64
    # The CPU's generator takes the lower half of a seed only.
    return mixed >> 32 ^ mixed & 0xFFFFFFFF


@checked(weight=weights)
def random_scores(weight: Tensor, purpose: int = 0) -> Tensor:
    """Return uniform random numbers of a weight's shape, drawn from :func:`seed_of` it."""
    generator = torch.Generator().manual_seed(seed_of(weight, purpose))
    return torch.rand(weight.shape, generator=generator).to(weight.device)


@checked(x=weights, sparsity=checks.sparsity, start=partial(checks.one_of, allowed=STARTS))
def first_mask(x: Tensor, sparsity: float, start: str = "random") -> Tensor:
    """Return the mask that a layer starts with, of exactly K entries unless it starts dense.

    Parameters
    ----------
    x : Tensor
        The weight.
    sparsity : float
        Fraction to zero, in [0, 1).
    start : str
        "random": K entries drawn from :func:`seed_of` the weight; "magnitude": the K largest, the
        first ones on ties; "dense": all of them.

    Returns
    -------
    Tensor, bool, shape of ``x``
    """
    if start == "dense":
        mask = torch.ones(x.shape, dtype=torch.bool, device=x.device)
    elif start == "magnitude":
        mask = topk_mask(x, sparsity)
    else:
        generator = torch.Generator().manual_seed(seed_of(x))
        mask = random_mask(torch.empty(x.shape), sparsity, generator=generator).to(x.device)
    return mask.contiguous()


def _first(x: Tensor, sparsity: float, start: str) -> Tensor:
    return first_mask(x, sparsity, start)


opaque_first = torch.library.custom_op("swatlib::first_mask", _first, mutates_args=())
"""The first mask as one operator, because torch.compile cannot follow a generator."""

opaque_first.register_fake(lambda x, sparsity, start: x.new_empty(x.shape, dtype=torch.bool))

refreshed_held = periodic("swatlib::refreshed_held", "float sparsity, str start", first_mask)


@dataclass(frozen=True)
class Held(Selector):
    """Keep the weights of the layer's mask, which is made once and changed by the method only.

    Parameters
    ----------
    sparsity : float
        Fraction to zero, in [0, 1). A method that changes the number of active weights takes it as
        its goal.
    start : str
        How the first mask is made, see :func:`first_mask`.

    Examples
    --------
    >>> import torch
    >>> from swatlib.selectors import Held
    >>> weight = torch.randn(10, 10)
    >>> mask = Held(0.75).choose(weight)
    >>> int(mask.sum()), torch.equal(mask, Held(0.75).choose(weight))
    (25, True)
    """

    sparsity: float
    start: str = "random"
    period: ClassVar[int | None] = None
    mask: ClassVar[bool] = True

    def __post_init__(self) -> None:
        checked_fields(self, sparsity=checks.sparsity, start=partial(checks.one_of, allowed=STARTS))

    @explained(x=checks.tensor, weight=checks.optional(checks.tensor))
    def choose(
        self,
        x: Tensor,
        state: SelectorState | None = None,
        training: bool = True,
        weight: Tensor | None = None,
    ) -> Tensor:
        """Return the mask that the layer holds; the first training call makes it.

        Evaluation before that sees the mask that training will begin with.
        """
        x = x.detach()
        arguments = (self.sparsity, self.start)
        if state is None or state.mask is None:
            first: Tensor = opaque_first(x, *arguments)
            return first
        if training:
            told_by = x if weight is None else weight.detach()
            kept_in = (state.mask, state.steps, state.version, state.entries)
            kept: Tensor = refreshed_held(x, told_by, *arguments, 0, *kept_in)
            return kept
        if torch.compiler.is_compiling():
            return torch.where(
                (state.steps > 0).to(x.device), state.mask, opaque_first(x, *arguments)
            )
        return state.mask.clone() if state.steps else opaque_first(x, *arguments)

    def __str__(self) -> str:
        return f"held {self.sparsity:g} (start {self.start})"
