"""Row thresholds: a weight survives if its magnitude is above a number that its row has (DST).

A row is what makes one output: a filter, or a row of a matrix (Liu et al. 2020). The
thresholds begin at zero and are moved by the method. They lie in the layer's state, so that a state
dict keeps the keys of the dense model.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from swatlib import checks
from swatlib.checked import checked, explained
from swatlib.core.selector import Selector
from swatlib.core.selector_state import SelectorState


@checked(weight=checks.tensor, thresholds=checks.tensor)
def beside(thresholds: Tensor, weight: Tensor) -> Tensor:
    """Return one number a row in the shape that broadcasts over a weight."""
    return thresholds.reshape(-1, *[1] * (weight.ndim - 1))


@dataclass(frozen=True)
class RowThreshold(Selector):
    """Keep the weights whose magnitude is above the threshold of their row.

    The state's ``values`` hold the thresholds and, in a second row, their momentum. How many
    weights survive is found in training, so there is no sparsity to set.

    Examples
    --------
    >>> import torch
    >>> from swatlib.selectors import RowThreshold
    >>> weight = torch.tensor([[0.5, -0.1], [0.2, -0.4]])
    >>> state = RowThreshold().new_state(weight)
    >>> RowThreshold.thresholds(state).copy_(torch.tensor([0.05, 0.3]))
    tensor([0.0500, 0.3000])
    >>> RowThreshold().choose(weight, state)
    tensor([[ True,  True],
            [False,  True]])
    """

    period: ClassVar[int | None] = None
    fixed_sparsity: ClassVar[bool] = True

    @property
    def sparsity(self) -> float:
        """Zero, as training begins; what it will be is not known."""
        return 0.0

    def new_state(self, weight: Tensor) -> SelectorState:
        """Return a state with thresholds of zero, at rest."""
        state = SelectorState(weight)
        with torch.inference_mode(False):
            state.values = state.threshold.new_zeros(2, len(weight))
        return state

    @staticmethod
    def thresholds(state: SelectorState) -> Tensor:
        """Return the thresholds that a state holds, to be read or written to."""
        assert state.values is not None
        return state.values[0]

    @explained(x=checks.tensor, weight=checks.optional(checks.tensor))
    def choose(
        self,
        x: Tensor,
        state: SelectorState | None = None,
        training: bool = True,
        weight: Tensor | None = None,
    ) -> Tensor:
        """Return the mask of what is above the thresholds; without any, of what is not zero."""
        x = x.detach()
        if state is None or state.values is None:
            return x != 0
        return x.abs() > beside(state.values[0], x)

    def __str__(self) -> str:
        return "above row thresholds"
