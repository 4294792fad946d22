"""Frozen: the weights that were active at one moment stay the active ones (SWAT Figure 8)."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from swatlib import checks
from swatlib.checked import checked_fields, explained
from swatlib.core.selector import Selector
from swatlib.core.selector_state import SelectorState


@dataclass(frozen=True)
class Frozen(Selector):
    """Keep the weights that ``selector`` chose when ``freeze_`` was called, for good."""

    selector: Selector
    period: ClassVar[int | None] = None
    mask: ClassVar[bool] = True
    frozen: ClassVar[bool] = True
    fixed_sparsity: ClassVar[bool] = True

    def __post_init__(self) -> None:
        checked_fields(self)
        if self.selector.changes_values:
            raise ValueError(
                f"selector of a frozen topology must leave values as they are, got {self.selector}"
            )

    @property
    def layers(self) -> tuple[type[nn.Module], ...]:  # type: ignore[override]
        """Those of what chose before."""
        return self.selector.layers

    @property
    def thawed(self) -> Selector:
        """The selector that made the choice."""
        return self.selector

    @property
    def sparsity(self) -> float:
        """Fraction of weights set to zero."""
        return self.selector.sparsity

    def acts_on(self, ndim: int) -> bool:
        """Say whether an operand of so many dimensions has anything to choose from."""
        return self.selector.acts_on(ndim)

    @explained(x=checks.tensor, weight=checks.optional(checks.tensor))
    def choose(
        self,
        x: Tensor,
        state: SelectorState | None = None,
        training: bool = True,
        weight: Tensor | None = None,
    ) -> Tensor:
        """Return the frozen mask.

        The state is void if other weights have replaced those it was made for. ``selector`` then
        chooses anew, and in training that choice is frozen.

        Raises
        ------
        ValueError
            If there is no state for a mask.
        """
        if state is None or state.mask is None:
            raise ValueError("a frozen topology belongs to its layer: call freeze_(model)")
        if torch.compiler.is_compiling() or state.steps:
            return state.mask
        mask = self.selector.kept(x, self.selector.choose(x))
        if training:
            state.keep(mask, x if weight is None else weight)
        return mask

    def __str__(self) -> str:
        return f"{self.selector} (frozen)"
