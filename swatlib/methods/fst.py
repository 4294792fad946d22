"""The recipes of the FST paper, one for each line of its Tables 1, 3 (2:4 rows) and 5.

    table      line              recipe
    1          WG, WX, GG, GX    wg(), wx(), gg(), gx()
    3          ASP, SR-STE, TSM  asp(), sr_ste(), tsm()
    3          FST x2, x3        fst(activations=False), fst()
    5          1 dense           dense()
    5          2 S(W)            sr_ste()
    5          3 + S(W^T)        fst(activations=False)
    5          4 + S(X^T)        fst(restore=False)
    5          5 + IR            fst()

All are 2:4 and apply to every layer, the first one too (section 7.1 pads its weights with zeros).
The weight gradient of linear layers stays dense: they have no H W to prune along. All but ASP and
TSM decay pruned weights by 2e-4 (section 5.1). The code of SR-STE adds the decay to the gradient,
which is the default here. In the paper the decay is outside the learning rate (Eq. 6), which is
:class:`DecayPruned`.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from swatlib import checks
from swatlib.checked import checked, checked_fields
from swatlib.core.recipe import Recipe
from swatlib.methods.method import Between, Progress
from swatlib.selectors import NM, FixedColumns, Selector, UnfoldedNM
from swatlib.selectors.transposable import Transposable
from swatlib.surgery.sparsify import sparse_layers

DECAY = 2e-4
"""Section 5.1: "we set the decay coefficient as 0.0002 in all our experiments"."""

ROWS = NM(over="CHW")
"""2:4 of W along Cin kh kw, for Y = W X."""

COLUMNS = NM(over="N")
"""2:4 of W^T along Cout, for dX = W^T G."""


@checked
def fst(
    activations: bool = True,
    restore: bool = True,
    decay: float = DECAY,
) -> Recipe:
    """Return fully sparse training (section 5): S(W), S(W^T) chosen separately, fixed columns of X.

    Parameters
    ----------
    activations : bool
        False leaves the weight gradient dense (Table 5, line 3).
    restore : bool
        With information restoration (line 5) or without (line 4).
    decay : float
        Of pruned weights.

    Examples
    --------
    >>> import swatlib
    >>> print(swatlib.fst())
    FST (every layer, pruned weights decay by 0.0002)
    forward W     forward X  input-grad W  input-grad G  weight-grad X            weight-grad G
    2:4 over CHW  dense      2:4 over N    dense         fixed columns, restored  dense
    """
    if not activations:
        name = "FST, weights only"
    else:
        name = "FST" if restore else "FST without restoration"
    return _two_of_four(
        name,
        decay,
        forward_weight=ROWS,
        input_grad_weight=COLUMNS,
        weight_grad_activation=FixedColumns(restore) if activations else None,
    )


@checked
def sr_ste(decay: float = DECAY) -> Recipe:
    """Return SR-STE (Zhou et al. 2021): S(W) in Y and, the same mask, in dX; pruned weights decay.

    Line 2 of Table 5. The straight-through estimator passes the sparse network's own gradient to
    every weight, so dX uses S(W) transposed, which is not 2:4 along Cout.

    Examples
    --------
    >>> import swatlib
    >>> print(swatlib.sr_ste())
    SR-STE (every layer, pruned weights decay by 0.0002)
    forward W     forward X  input-grad W  input-grad G  weight-grad X  weight-grad G
    2:4 over CHW  dense      same mask     dense         dense          dense
    """
    return _two_of_four("SR-STE", decay, forward_weight=ROWS, input_grad_weight=ROWS)


@checked
def tsm(exact: bool = True, period: int = 40) -> Recipe:
    """Return TSM (Hubara et al. 2021): one transposable 2:4 mask for W and W^T.

    ``exact`` and ``period`` as in :class:`~swatlib.selectors.transposable.Transposable`.
    """
    mask = Transposable(exact=exact, period=period)
    return _two_of_four("TSM", forward_weight=mask, input_grad_weight=mask)


def asp() -> Recipe:
    """Return ASP (Mishra et al. 2021): a 2:4 mask, chosen once from a trained model's weights.

    Load the dense checkpoint first, because the first training call fixes the mask.
    :func:`swatlib.sparsity_state` saves it.
    """
    mask = NM(period=None)
    return _two_of_four("ASP", forward_weight=mask, input_grad_weight=mask)


@checked
def wg(decay: float = DECAY, sparse_forward: bool = True) -> Recipe:
    """Return WG of Eq. 4: S(W^T) in dX, S(G) along H W in dW.

    With ``sparse_forward`` Y uses S(W), as section 4 takes for granted. Else Y is dense, and
    ``decay`` is not used.
    """
    return _two_of_four(
        "WG",
        decay,
        forward_weight=ROWS if sparse_forward else None,
        input_grad_weight=COLUMNS,
        weight_grad_gradient=NM(over="HW"),
    )


@checked
def wx(decay: float = DECAY, sparse_forward: bool = True) -> Recipe:
    """Return WX of Eq. 4: S(W^T) in dX, S(X^T) by magnitude in dW; else as :func:`wg`."""
    return _two_of_four(
        "WX",
        decay,
        forward_weight=ROWS if sparse_forward else None,
        input_grad_weight=COLUMNS,
        weight_grad_activation=UnfoldedNM(),
    )


@checked
def gg(decay: float = DECAY, sparse_forward: bool = True, gradient_over: str = "C") -> Recipe:
    """Return GG of Eq. 4: S(G) in dX and, along H W, in dW; W^T is dense; else as :func:`wg`.

    ``gradient_over``: in dX, "C" prunes G along Cout, the axis that product sums over and so the
    only one of use to the hardware. "HW" reads Eq. 4 to the letter: one S(G), the rows of G, for
    both.
    """
    g = NM(over=gradient_over)
    return _two_of_four(
        "GG",
        decay,
        forward_weight=ROWS if sparse_forward else None,
        input_grad_gradient=g,
        weight_grad_gradient=NM(over="HW"),
    )


@checked
def gx(decay: float = DECAY, sparse_forward: bool = True, gradient_over: str = "C") -> Recipe:
    """Return GX of Eq. 4: S(G) in dX as in :func:`gg`, S(X^T) in dW as in :func:`wx`."""
    g = NM(over=gradient_over)
    return _two_of_four(
        "GX",
        decay,
        forward_weight=ROWS if sparse_forward else None,
        input_grad_gradient=g,
        weight_grad_activation=UnfoldedNM(),
    )


@checked(decay=checks.sparsity)
@torch.no_grad()
def decay_pruned_(model: nn.Module, decay: float = DECAY) -> nn.Module:
    """Apply W -= decay (W - S(W)), independent of the learning rate, and return ``model``.

    Call it after each optimizer step (FST Eq. 6, with S of the weight just updated). Layers without
    sparse forward weights are left alone.

    Examples
    --------
    >>> import swatlib, torch
    >>> layer = torch.nn.Linear(4, 1)
    >>> with torch.no_grad():
    ...     _ = layer.weight.copy_(torch.tensor([[4.0, 3.0, 2.0, 1.0]]))
    >>> layer = swatlib.sparsify_(layer, swatlib.sr_ste())
    >>> swatlib.decay_pruned_(layer, 0.5).weight.tolist()
    [[4.0, 3.0, 1.0, 0.5]]
    """
    for _, layer in sparse_layers(model):
        if layer.recipe.forward_weight is not None:
            weight = layer.weight
            weight.sub_(weight - layer.operand("forward_weight", weight), alpha=decay)
    return model


@dataclass(frozen=True)
class DecayPruned(Between):
    """Decay pruned weights after every step, see :func:`decay_pruned_`.

    Parameters
    ----------
    decay : float
        In [0, 1).
    """

    decay: float = DECAY

    def __post_init__(self) -> None:
        checked_fields(self, decay=checks.sparsity)

    def after_step(
        self, model: nn.Module, optimizer: torch.optim.Optimizer, progress: Progress
    ) -> None:
        """Decay what the next forward pass does not use."""
        decay_pruned_(model, self.decay)


def _two_of_four(name: str, decay: float = 0.0, **operands: Selector | None) -> Recipe:
    """Return a recipe for every layer; weights that the forward product uses whole do not decay."""
    prunes = operands.get("forward_weight") is not None
    selectors: dict[str, Any] = dict(operands)
    return Recipe(name, first_layer_dense=False, decay=decay if prunes else 0.0, **selectors)
