"""2:4 in all three products of a transformer's pre-training (Hu et al. 2024, 2404.01847).

One transposable mask serves Y and dX, G in dW is drawn by MVUE. Masks flip too often in the
beginning; a decay of the pruned weights, added to their gradient before the optimizer scales it,
calms them (section 4). Training ends densely (section 4.4).
"""

from dataclasses import dataclass
from functools import partial

import torch
from torch import nn

from swatlib import checks
from swatlib.checked import checked, checked_fields
from swatlib.core.recipe import Recipe
from swatlib.methods.method import Between, Method, Progress
from swatlib.selectors.mvue import MVUE
from swatlib.selectors.transposable import Transposable
from swatlib.surgery.sparsify import sparse_layers
from swatlib.surgery.tied import uses

DECAY = 6e-5
"""Of GPT-2 with 124 and 774 million weights; 2e-4 with 350 and 1558 million."""

DENSE_END = 1 / 6
"""Of GPT-2: the last 50,000 of 300,000 steps."""


@checked(
    decay=checks.sparsity,
    period=checks.count,
    dense_end=partial(checks.number, least=0, below=1),
)
def hu_2to4(
    decay: float = DECAY,
    period: int = 40,
    dense_end: float = DENSE_END,
    first_layer_dense: bool = True,
) -> Method:
    """Return 2:4 in all three products: transposable masks, MVUE, masked decay, a dense end.

    The paper makes the two linear layers of feed-forward blocks sparse; choose them by
    ``filter_fn`` of :func:`swatlib.sparsify_`. Masks are of the best of 90 patterns per block.

    Parameters
    ----------
    decay : float
        Of pruned weights, added to their gradient.
    period : int
        Optimizer steps between two choices of the masks. Micro-batches do not count as steps.
    dense_end : float
        Share of the run, at its end, that is trained densely; 0: none of it.
    first_layer_dense : bool
        Leave the first layer dense.

    Examples
    --------
    >>> import swatlib
    >>> print(swatlib.method("hu-2to4", 0.5, dense_end=0.25))
    Hu 2:4 (first layer dense)
    forward W                     forward X  input-grad W  input-grad G  ...
    2:4 transposable (period 40)  dense      same mask     dense         ...
    between steps: MaskedDecay(decay=6e-05), DenseEnd(share=0.25)
    """
    mask = Transposable(period=period)
    recipe = Recipe(
        "Hu 2:4",
        forward_weight=mask,
        input_grad_weight=mask,
        weight_grad_gradient=MVUE(),
        first_layer_dense=first_layer_dense,
    )
    between: list[Between] = [MaskedDecay(decay)] if decay else []
    return Method(recipe, between=(*between, *([DenseEnd(dense_end)] if dense_end else [])))


@checked(decay=checks.sparsity)
@torch.no_grad()
def masked_decay_(model: nn.Module, decay: float = DECAY) -> nn.Module:
    """Add decay (1 - m) W to the gradients, where m is what the forward product uses of W.

    Call it between ``backward`` and the optimizer's step, once however many micro-batches there
    were; gradients must not be scaled then. Layers without gradients are passed over. A weight that
    several layers share decays where none of them uses it.

    Examples
    --------
    >>> import swatlib, torch
    >>> layer = torch.nn.Linear(4, 1)
    >>> with torch.no_grad():
    ...     _ = layer.weight.copy_(torch.tensor([[4.0, 3.0, 2.0, 1.0]]))
    >>> layer = swatlib.sparsify_(layer, swatlib.sr_ste(decay=0.0))
    >>> layer(torch.zeros(1, 4)).sum().backward()
    >>> swatlib.methods.hu.masked_decay_(layer, 0.5).weight.grad.tolist()
    [[0.0, 0.0, 1.0, 0.5]]
    """
    for weight, owners in uses(model):
        if weight.grad is None or any(owner.mask is None for owner in owners):
            continue
        used = torch.stack([owner.mask for owner in owners]).any(0)  # type: ignore[misc]
        weight.grad.add_(weight * ~used, alpha=decay)
    return model


@checked
def end_densely_(model: nn.Module) -> nn.Module:
    """Let go of all selectors: the layers are dense from here on, and stay layers of their method.

    :func:`swatlib.sparsity_state` saves that they are.

    Examples
    --------
    >>> import swatlib, torch
    >>> layer = swatlib.sparsify_(torch.nn.Linear(4, 4), swatlib.sr_ste())
    >>> int(swatlib.active_mask(swatlib.methods.hu.end_densely_(layer)).sum())
    16
    """
    for _, layer in sparse_layers(model):
        if layer.recipe != layer.recipe.without_selectors:
            layer.follow(layer.recipe.without_selectors)
    return model


@dataclass(frozen=True)
class MaskedDecay(Between):
    """Decay pruned weights in every step, see :func:`masked_decay_`.

    Parameters
    ----------
    decay : float
        In [0, 1).
    """

    decay: float = DECAY

    def __post_init__(self) -> None:
        checked_fields(self, decay=checks.sparsity)

    def after_backward(
        self, model: nn.Module, optimizer: torch.optim.Optimizer, progress: Progress
    ) -> None:
        """Add the decay to the gradients, which the optimizer then scales."""
        masked_decay_(model, self.decay)


@dataclass(frozen=True)
class DenseEnd(Between):
    """Train the last part of a run densely, see :func:`end_densely_`.

    Parameters
    ----------
    share : float
        Of the run's steps, in (0, 1).
    """

    share: float = DENSE_END
    own_sparsity = True

    def __post_init__(self) -> None:
        checked_fields(self, share=partial(checks.number, above=0, below=1))

    @property
    def sparse_until(self) -> float:
        """What is left of the run before the dense end."""
        return 1 - self.share

    def after_step(
        self, model: nn.Module, optimizer: torch.optim.Optimizer, progress: Progress
    ) -> None:
        """Become dense when only the share is left."""
        if progress.step + 1 >= round(self.sparse_until * progress.steps):
            end_densely_(model)

    @checked
    def dense_steps(self, progress: Progress) -> float:
        """Return the share: in the end no gradient is masked."""
        return self.share

    def __str__(self) -> str:
        return f"DenseEnd(share={self.share:.3g})"
