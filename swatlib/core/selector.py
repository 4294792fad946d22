"""What a selector is: a frozen value that says which entries of a tensor survive.

Asked to *choose*, it looks at a tensor and returns a choice: a threshold (float) or a mask (bool).
Asked for the *operand*, it applies the choice. Splitting the two lets a layer choose once, in the
forward pass, and apply the choice later, in the backward pass, without storing a mask.
"""

from dataclasses import replace
from math import ceil
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor, nn

from swatlib import checks
from swatlib.checked import explained
from swatlib.core.selector_state import SelectorState
from swatlib.kernels.convolution import Geometry
from swatlib.kernels.keep import as_mask, keep

FORMER = {"criterion": "choose", "keeps_mask": "mask", "only_convolutions": "layers"}
"""Former names of a selector's members, and the present ones.

A subclass that still defines a former name is refused.
"""


class Selector:
    """What a recipe holds for an operand: a frozen value that says what of a tensor survives.

    A subclass defines ``sparsity``, the fraction of entries set to zero, and :meth:`choose`. All
    else has a default here. A selector that also changes the values it keeps, as stochastic pruning
    scales them, overrides :meth:`operand` as well.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> import torch
    >>> from swatlib import Selector
    >>> @dataclass(frozen=True)
    ... class Positive(Selector):
    ...     sparsity: float = 0.5
    ...     def choose(self, x, state=None, training=True, weight=None):
    ...         return x > 0
    >>> x = torch.tensor([1.0, -2.0, 3.0])
    >>> Positive().operand(x, Positive().choose(x))
    tensor([1., 0., 3.])
    """

    if TYPE_CHECKING:  # a field or a property in a subclass

        @property
        def sparsity(self) -> float:
            """Fraction of entries set to zero."""
            ...

        @property
        def period(self) -> int | None:
            """Optimizer steps between two fresh choices; None: the first choice stays."""
            ...

    else:
        period = 1
    mask: ClassVar[bool] = False
    """Whether a choice kept between steps is a mask; else it is a threshold."""
    draws: ClassVar[bool] = False
    """Whether choosing uses torch's random numbers."""
    fixed_sparsity: ClassVar[bool] = False
    """Whether the sparsity cannot be set, as that of 2:4 cannot."""
    layers: ClassVar[tuple[type[nn.Module], ...]] = (nn.Conv2d, nn.Linear)
    """The kinds of layers it can be used in."""
    frozen: ClassVar[bool] = False
    """Whether it repeats one choice of another selector, as
    :class:`~swatlib.selectors.frozen.Frozen` does."""
    own_weight_gradient: ClassVar[bool] = False
    """Whether it computes dW itself, see :class:`ColumnSelector`."""
    changes_values: ClassVar[bool] = False
    """Whether :meth:`operand` changes what survives, so that a mask does not say all of it."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for old, new in FORMER.items():
            if old in cls.__dict__:
                raise TypeError(f"{cls.__name__}.{old} is now called {new}")

    @explained(x=checks.tensor, weight=checks.optional(checks.tensor))
    def choose(
        self,
        x: Tensor,
        state: SelectorState | None = None,
        training: bool = True,
        weight: Tensor | None = None,
    ) -> Tensor:
        """Return the threshold or the mask by which ``x`` is sparsified.

        Parameters
        ----------
        x : Tensor
            Floating.
        state : SelectorState, optional
            What the layer keeps for a selector that remembers.
        training : bool
            With False the state is read and never written.
        weight : Tensor, optional
            The layer's weight, whose changes mark the optimizer steps; ``x`` if not given.
        """
        raise NotImplementedError

    def operand(self, x: Tensor, choice: Tensor, state: SelectorState | None = None) -> Tensor:
        """Return what the product is computed with: ``x`` where it survives, zero elsewhere.

        Parameters
        ----------
        x : Tensor
        choice : Tensor
            From :meth:`choose`.
        state : SelectorState, optional
            What the layer keeps for the selector. It is given for output gradients only.
        """
        return keep(x, choice)

    def kept(self, x: Tensor, choice: Tensor) -> Tensor:
        """Return the mask, of the shape of ``x``, of what survives by a choice; a new tensor."""
        return as_mask(x, choice)

    @property
    def thawed(self) -> "Selector":
        """The selector itself or, of a frozen one, the selector that made the choice."""
        return self

    @property
    def remembers(self) -> bool:
        """Whether a layer keeps a state for it from one step to the next."""
        return self.period != 1

    def new_state(self, weight: Tensor) -> SelectorState | None:
        """Return the state that a layer with this weight keeps for it; None if it keeps none."""
        return SelectorState(weight, mask=self.mask) if self.remembers else None

    def acts_on(self, ndim: int) -> bool:
        """Say whether an operand with ``ndim`` dimensions has anything to choose from.

        A selector of pixels leaves a matrix whole, because a matrix has no H and W.
        """
        return True

    def at_sparsity(self, sparsity: float) -> "Selector":
        """Return the same selector with another sparsity.

        Raises
        ------
        ValueError
            If its sparsity is fixed.
        """
        if self.fixed_sparsity:
            raise ValueError(f"sparsity of {self} is {self.sparsity:g} and cannot be set")
        changed: Selector = replace(self, sparsity=sparsity)  # type: ignore[type-var]
        return changed


class ColumnSelector(Selector):
    """A selector of entries of im2col(X), which a mask on X cannot express.

    It is for ``weight_grad_activation`` of convolutions only. It decides what of X is saved and
    computes dW itself. ``sparsity`` is the fraction of entries of im2col(X) set to zero.
    """

    fixed_sparsity = True
    own_weight_gradient = True

    def acts_on(self, ndim: int) -> bool:
        """Say whether it acts: im2col(X) exists for convolutions only."""
        return ndim == 4

    def saved(self, x: Tensor, weight_shape: torch.Size, geometry: Geometry) -> Tensor:
        """Return what of ``x`` the backward pass needs."""
        raise NotImplementedError

    def weight_gradient(
        self, grad: Tensor, saved: Tensor, weight_shape: torch.Size, geometry: Geometry
    ) -> Tensor:
        """Return dW from the output gradient and what was saved."""
        raise NotImplementedError

    def operands(
        self, grad: Tensor, x: Tensor, weight_shape: torch.Size, geometry: Geometry
    ) -> tuple[Tensor, Tensor]:
        """Return G and im2col(X) with zeros for what is dropped; dW is their product.

        G keeps its shape, im2col(X) has that of :func:`swatlib.kernels.convolution.unfold`. The
        simulator needs these operands, because it looks at their zeros. Training does not.
        """
        raise NotImplementedError


class OutputSelector(Selector):
    """A selector of entries of Y, chosen from X and W before Y is computed.

    It is for the ``output`` of a recipe only. What it drops is zero in Y, and so in G in both
    backward products. ``sparsity`` is the fraction of Y that is not computed.
    """

    def choose(
        self,
        x: Tensor,
        state: SelectorState | None = None,
        training: bool = True,
        weight: Tensor | None = None,
        geometry: Geometry | None = None,
    ) -> Tensor:
        """Return the mask, of the shape of Y, of what is computed.

        Parameters
        ----------
        x : Tensor, shape (N, Cin, H, W) or (..., in)
            The layer's input.
        state, training, weight
            As in :meth:`Selector.choose`.
        geometry : Geometry, optional
            Of a convolution.
        """
        raise NotImplementedError

    def search(self, weight_shape: tuple[int, ...]) -> float:
        """Return what choosing multiplies, over the multiply-accumulates of the dense product."""
        return 0.0


@explained(sparsity=checks.sparsity)
def kept_count(n: int, sparsity: float) -> int:
    """Return K = ceil((1 - s) n), the number of entries that survive out of ``n``.

    At least one entry of a non-empty tensor survives. The product is rounded at the tenth digit
    first, so that 1000 entries at sparsity 0.9 keep 100 and not 101.
    """
    if type(n) is not int:
        n = checks.at_least_0("n", n)
    return ceil(round((1 - checks.sparsity("sparsity", sparsity)) * n, 10))
