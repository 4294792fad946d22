"""Projected outputs: which entries of Y will be largest, estimated before Y is computed (DSG).

Liu et al. (2019) multiply X and W by one random matrix R of k rows. The short products
f(X) f(W) rank the outputs; how short they may be is a bound of Johnson and Lindenstrauss. R has two
values and many zeros, so that to project is to add (Achlioptas 2003).
"""

from dataclasses import dataclass
from math import floor, log, prod, sqrt

import torch
from torch import Tensor, nn

from swatlib import checks
from swatlib.checked import checked, checked_fields, explained
from swatlib.core.periodic import period_text
from swatlib.core.selector import OutputSelector, kept_count
from swatlib.core.selector_state import SelectorState
from swatlib.kernels.convolution import PLAIN, Geometry
from swatlib.kernels.steps import is_new_step
from swatlib.selectors.held import seed_of

TOLERANCE = 0.5
"""By how much a projection may change a length: what DSG takes."""

PROJECTION = 4
"""What R draws from a weight's bits for, see :func:`~swatlib.selectors.held.seed_of`."""


@checked(weight_shape=checks.counts, projection=checks.optional(checks.count))
def projected_length(weight_shape: tuple[int, ...], projection: int | None = None) -> int:
    """Return k, the length of a projected filter.

    Parameters
    ----------
    weight_shape : tuple of int
        (Cout, Cin / groups, kh, kw), or (out, in).
    projection : int, optional
        k itself. If not given, it is 4 ln(Cout) / (e^2 / 2 - e^3 / 3) with e = 0.5, rounded down,
        and never longer than the filter.

    Raises
    ------
    ValueError
        If the weight has no filters, because it has fewer than two dimensions.

    Examples
    --------
    >>> from swatlib.selectors.projected import projected_length
    >>> projected_length((512, 512, 3, 3)), projected_length((16, 4, 3, 3))
    (299, 36)
    """
    if len(weight_shape) < 2:
        raise ValueError(f"weight_shape must be of two dimensions at least, got {weight_shape}")
    if projection is not None:
        return projection
    bound = 4 * log(weight_shape[0]) / (TOLERANCE**2 / 2 - TOLERANCE**3 / 3)
    return max(1, min(floor(bound), prod(weight_shape[1:])))


@checked(weight=checks.tensor, k=checks.count)
def random_projection(weight: Tensor, k: int) -> Tensor:
    """Return R over sqrt(k), drawn from a weight's bits.

    The entries of R are +sqrt(3) and -sqrt(3) with probability 1/6 each, else 0.

    Parameters
    ----------
    weight : Tensor, shape (Cout, ...)
    k : int

    Returns
    -------
    Tensor, shape (k, K), float32 (float64 for a float64 weight)
        K is the length of a filter.

    Examples
    --------
    >>> import torch
    >>> from swatlib.selectors.projected import random_projection
    >>> projection = random_projection(torch.randn(8, 1000), 3)
    >>> projection.unique().tolist(), round(float((projection != 0).float().mean()), 1)
    ([-1.0, 0.0, 1.0], 0.3)
    """
    generator = torch.Generator().manual_seed(seed_of(weight, PROJECTION))
    drawn = torch.randint(6, (k, prod(weight.shape[1:])), generator=generator).to(weight.device)
    dtype = torch.float64 if weight.dtype == torch.float64 else torch.float32
    return ((drawn == 0).to(dtype) - (drawn == 1).to(dtype)) * sqrt(3 / k)


def _projected(projection: Tensor, weight: Tensor) -> Tensor:
    return projection @ weight.detach().flatten(1).to(projection.dtype).T


def _first(weight: Tensor, k: int) -> Tensor:
    projection = random_projection(weight, k)
    return torch.cat([projection, _projected(projection, weight)], 1)


def short_products(
    x: Tensor, values: Tensor, weight: Tensor, geometry: Geometry | None = None
) -> Tensor:
    """Return f(X) f(W), of the shape of Y, from R and f(W) side by side."""
    length = values.shape[1] - len(weight)
    projection, short = values.to(x.dtype).split([length, len(weight)], 1)
    if weight.ndim == 2:
        return nn.functional.linear(nn.functional.linear(x, projection), short.T)
    g = PLAIN if geometry is None else geometry
    # Projecting im2col(X) is a convolution by R, with each group of channels as with the others.
    filters = projection.reshape(-1, *weight.shape[1:]).repeat(g.groups, 1, 1, 1)
    projected = torch.conv2d(x, filters, None, g.stride, g.padding, g.dilation, g.groups)
    return torch.conv2d(projected, short.T[:, :, None, None], groups=g.groups)


def _refresh(
    weight: Tensor, period: int, values: Tensor, steps: Tensor, version: Tensor, entries: Tensor
) -> None:
    if not is_new_step(weight, version, entries):
        return
    done = int(steps)
    if not done:
        values.copy_(_first(weight, len(values)))
    elif period and done % period == 0:
        length = values.shape[1] - len(weight)
        values[:, length:] = _projected(values[:, :length], weight)
    steps.add_(1)


opaque_first = torch.library.custom_op("swatlib::first_projection", _first, mutates_args=())
"""R and f(W) as one operator, because torch.compile cannot follow a generator."""

opaque_first.register_fake(
    lambda weight, k: weight.new_empty(
        (k, prod(weight.shape[1:]) + len(weight)),
        dtype=torch.float64 if weight.dtype == torch.float64 else torch.float32,
    )
)

refresh = torch.library.custom_op(
    "swatlib::refresh_projection",
    _refresh,
    mutates_args=("values", "steps", "version", "entries"),
)
"""What a training call does to a state, as one operator. Period 0 stands for None."""

refresh.register_fake(lambda *_: None)


@dataclass(frozen=True)
class Projected(OutputSelector):
    """Compute the entries of Y whose short products f(X) f(W) are largest (DSG).

    At each place of the output the 1 - s largest of Cout survive, at least one, by the signed
    product: what is negative would end at ReLU, however large its magnitude. Equal ones survive
    together, as where all of X is zero.

    The state's ``values`` hold R, which stays, and beside it f(W), which is projected anew every so
    many steps.

    Parameters
    ----------
    sparsity : float
        Fraction of Y that is not computed, in [0, 1).
    projection : int, optional
        k, see :func:`projected_length`.
    period : int, optional
        Optimizer steps between two projections of W; None: the first one stays.
    shared : bool
        Find the threshold of each place in the first sample, for the whole batch. The other samples
        then keep about as many. False: each sample has its own.

    Examples
    --------
    >>> import torch
    >>> from swatlib.selectors import Projected
    >>> weight, x = torch.randn(8, 20), torch.randn(5, 20)
    >>> Projected(0.75, shared=False).choose(x, weight=weight).sum(1).tolist()
    [2, 2, 2, 2, 2]
    """

    sparsity: float
    projection: int | None = None
    period: int | None = 50
    shared: bool = True

    def __post_init__(self) -> None:
        checked_fields(
            self,
            sparsity=checks.sparsity,
            projection=checks.optional(checks.count),
            period=checks.optional(checks.count),
        )

    @property
    def remembers(self) -> bool:
        """True: R stays from the first step on."""
        return True

    def new_state(self, weight: Tensor) -> SelectorState:
        """Return a state with room for R and f(W)."""
        state = SelectorState(weight)
        with torch.inference_mode(False):
            self._make_room(state, weight)
        return state

    def _make_room(self, state: SelectorState, weight: Tensor) -> Tensor:
        k, length = projected_length(tuple(weight.shape), self.projection), prod(weight.shape[1:])
        state.values = state.threshold.new_zeros(k, length + len(weight))
        return state.values

    @explained(x=checks.tensor, weight=checks.optional(checks.tensor))
    def choose(
        self,
        x: Tensor,
        state: SelectorState | None = None,
        training: bool = True,
        weight: Tensor | None = None,
        geometry: Geometry | None = None,
    ) -> Tensor:
        """Return the mask of the entries of Y that are computed.

        Parameters
        ----------
        x : Tensor, shape (N, Cin, H, W) or (..., in)
            The layer's input.
        state, training, weight
            As for every selector; the weight is needed.
        geometry : Geometry, optional
            Of a convolution; stride 1 and no padding if not given.

        Raises
        ------
        ValueError
            If there is no weight.
        """
        if weight is None:
            raise ValueError("weight must be given: outputs are made of x and the weight")
        values = self._values(state, training, weight.detach())
        scores = short_products(x.detach(), values, weight, geometry)
        places = 1 if weight.ndim == 4 else scores.ndim - 1
        kept = kept_count(len(weight), self.sparsity)
        ranked = scores[:1] if self.shared else scores
        threshold = ranked.topk(kept, places, sorted=False).values.amin(places, keepdim=True)
        return ~(scores < threshold)  # what is not a number is computed

    def _values(self, state: SelectorState | None, training: bool, weight: Tensor) -> Tensor:
        """Return R and f(W), side by side."""
        k = projected_length(tuple(weight.shape), self.projection)
        if state is None:
            first: Tensor = opaque_first(weight, k)
            return first
        values = self._make_room(state, weight) if state.values is None else state.values
        if training:
            refresh(weight, self.period or 0, values, state.steps, state.version, state.entries)
            return values
        if torch.compiler.is_compiling():
            return torch.where((state.steps > 0).to(weight.device), values, opaque_first(weight, k))
        return values if state.steps else opaque_first(weight, k)

    def search(self, weight_shape: tuple[int, ...]) -> float:
        """Return k over the length of a filter: what the short products cost.

        Examples
        --------
        >>> from swatlib.selectors import Projected
        >>> Projected(0.5, projection=16).search((32, 64))
        0.25
        """
        return projected_length(weight_shape, self.projection) / prod(weight_shape[1:])

    def __str__(self) -> str:
        length = "" if self.projection is None else f" to {self.projection}"
        own = "" if self.shared else ", each sample"
        period = "" if self.period == 50 else period_text(self.period)
        return f"projected{length} {self.sparsity:g}{own}{period}"
