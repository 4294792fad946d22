"""Reuse: an output gradient computed anew only where it differs from that of the last batch.

ReSprop (Goli and Aamodt, CVPR 2020) takes the output gradient P of one sample of the previous batch
and computes G - P only where it is large. Elsewhere the products use P, and what P contributes to
them is computed once for the whole batch.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from swatlib import checks
from swatlib.checked import checked_fields, explained
from swatlib.core.selector import Selector
from swatlib.core.selector_state import SelectorState
from swatlib.kernels.keep import keep
from swatlib.kernels.steps import is_new_step

FIRST_THRESHOLD = 1e-7
"""Where the threshold starts; it doubles to what is needed in some twenty steps."""


def differs(grad: Tensor, previous: Tensor, threshold: Tensor) -> Tensor:
    """Return the mask of where ``grad`` is further from ``previous`` than the threshold.

    What is not finite differs.

    Parameters
    ----------
    grad : Tensor, shape (N, ...)
    previous : Tensor, shape (...)
        Of one sample.
    threshold : Tensor, shape ()

    Examples
    --------
    >>> import torch
    >>> from swatlib.selectors.reuse import differs
    >>> previous, grad = torch.tensor([1, -1, 0.5, 0]), torch.tensor([[1.2, -1, -0.4, 0.3]])
    >>> differs(grad, previous, torch.tensor(0.25)).tolist()
    [[False, False, True, True]]
    """
    return ~((grad - previous).abs() <= threshold)


@dataclass(frozen=True)
class Reuse(Selector):
    """Use the output gradient where it has changed most, and the last batch's elsewhere (ReSprop).

    It is for both output gradients of a recipe. The layer's state keeps the threshold and, as its
    ``values``, two samples of output gradients: P, of the previous optimizer step, and one of the
    present step, which is the next P. Micro-batches of one step see the same P. The threshold is
    doubled after a step in which more than 1 - s of the entries were further from P, and halved
    after one with fewer. Steps without a P of the right shape use all of G, as the first one does.

    Which sample is P depends on the number of steps alone: it is the same for all layers and ranks.
    It is drawn from all samples. (The public code draws from as many as the network has layers, and
    aims at five hundredths more than 1 - s.)

    Parameters
    ----------
    sparsity : float
        Fraction of entries for which P is used, in [0, 1): "reuse-sparsity".

    Examples
    --------
    >>> import torch
    >>> from swatlib.core.selector_state import SelectorState
    >>> from swatlib.selectors import Reuse
    >>> weight, selector = torch.zeros(4), Reuse(0.5)
    >>> state = SelectorState(weight)
    >>> for step, grad in enumerate([[[1, -1, 0.5, 0]], [[1.2, -1, -0.4, 0.3]]]):
    ...     _ = weight.fill_(step)  # an optimizer's step
    ...     _ = state.threshold.fill_(0.25)
    ...     grad = torch.tensor(grad)
    ...     used = selector.operand(grad, selector.choose(grad, state, True, weight), state)
    >>> used.tolist() == [[1.0, -1.0, grad[0, 2].item(), grad[0, 3].item()]]
    True
    """

    sparsity: float
    period: ClassVar[int | None] = None
    changes_values: ClassVar[bool] = True

    def __post_init__(self) -> None:
        checked_fields(self, sparsity=checks.sparsity)

    @explained(x=checks.tensor, weight=checks.optional(checks.tensor))
    def choose(
        self,
        x: Tensor,
        state: SelectorState | None = None,
        training: bool = True,
        weight: Tensor | None = None,
    ) -> Tensor:
        """Return the mask of what of the output gradient ``x`` is used itself."""
        x = x.detach()
        whole = torch.ones_like(x, dtype=torch.bool)
        if state is None or not x.numel():
            return whole
        told_by = x if weight is None else weight.detach()
        new = training and is_new_step(told_by, state.version, state.entries)
        if new:
            state.steps.add_(1)
            self._turn(x, state, told_by.dtype)
        previous = self.previous(x, state)
        if previous is None:
            return whole
        threshold = state.threshold.nan_to_num(FIRST_THRESHOLD)
        mask = differs(x, previous, threshold)
        if new:
            share = mask.to(torch.float64).mean()
            wanted = 1 - self.sparsity
            step = torch.where(share > wanted, 2.0, torch.where(share < wanted, 0.5, 1.0))
            state.threshold.copy_(threshold * step)
        return mask

    def previous(self, x: Tensor, state: SelectorState | None) -> Tensor | None:
        """Return P, of the shape of a sample of ``x``; None if there is none yet."""
        values = None if state is None else state.values
        # In the first step there is only the sample of that step itself.
        if state is None or values is None or state.steps < 2 or values.shape[1:] != x.shape[1:]:
            return None
        return values[0].to(x.dtype)

    def _turn(self, x: Tensor, state: SelectorState, dtype: torch.dtype) -> None:
        """Make the sample of the last step P, and take one of this step."""
        generator = torch.Generator().manual_seed(int(state.steps))
        drawn = int(torch.randint(len(x), (), generator=generator))
        latest = x[drawn].to(dtype)
        fits = state.values is not None and state.values.shape[1:] == latest.shape
        if not fits:
            state.steps.fill_(1)  # as in the first step
        before = state.values[1] if fits and state.values is not None else latest
        state.values = torch.stack([before, latest]).contiguous()

    def operand(self, x: Tensor, choice: Tensor, state: SelectorState | None = None) -> Tensor:
        """Return G where it is used, P elsewhere.

        Without a state it is zero elsewhere: what a machine multiplies beside P's own part.
        """
        previous = self.previous(x, state)
        if state is None:
            return keep(x, choice)
        if previous is None:
            return x
        return torch.empty_like(x).copy_(torch.where(choice, x, previous))

    def __str__(self) -> str:
        return f"reuse {self.sparsity:g}"
