"""Soft filter pruning: filters are zeroed after every epoch and go on being trained.

SFP (He et al. 2018, Algorithm 1) zeroes the same share of each convolution's filters every time,
those of least L2 norm. ASFP (He et al. 2019, section 3.3) lets the share rise in the course of the
run. All of a step is dense, so training costs what dense training costs. What is saved is saved
after it, when the filters that are zero at the end are removed.

Where paper and public code differ:

- The first zeroing is before training in the code; in the paper's algorithm it follows the first
  epoch. We follow the code, which its results are from. A filter that is zero from the start is
  revived on a shortcut's sum, but not before a batch norm, whose bias is still zero, and a ReLU:
  nothing flows back to it.
- Both leave the convolutions on shortcuts whole, here told by their names, and linear layers.
- The code's rate is the share that is kept, and its product is cut to a whole number with float
  errors and all. Here the sparsity is the share that is zeroed, rounded down.
- Momentum and batch norm stay as they are, as in both: momentum moves a filter away from zero in
  the next step, and batch norm puts its bias in the place of a zero map.
"""

from dataclasses import dataclass
from math import exp, log
from typing import ClassVar

import torch
from torch import nn

from swatlib import checks
from swatlib.checked import checked, checked_fields
from swatlib.core.recipe import Recipe
from swatlib.methods.keep import part
from swatlib.methods.method import Between, Method, Progress
from swatlib.methods.ramp import share
from swatlib.surgery.sparsify import sparse_layers

STEEP = 8 * log(4)
"""Of ASFP's rise: three quarters of the goal after an eighth of the run. The paper prints 11.09."""


@checked(fraction=share)
def asymptotic(fraction: float) -> float:
    """Return what share of its goal ASFP's rate has reached when a share of the run is over.

    Examples
    --------
    >>> from swatlib.methods.soft_filter import asymptotic
    >>> [round(asymptotic(done), 3) for done in (0.0, 0.125, 0.5, 1.0)]
    [0.0, 0.75, 0.996, 1.0]
    """
    return (1 - exp(-STEEP * fraction)) / (1 - exp(-STEEP))


@checked
def on_shortcut(name: str) -> bool:
    """Say by its name whether a layer is on the shortcut of a residual block."""
    return any(piece in ("downsample", "shortcut") for piece in name.split("."))


@checked(rate=checks.sparsity)
@torch.no_grad()
def zero_filters_(model: nn.Module, rate: float) -> nn.Module:
    """Zero the filters of least L2 norm in every convolution but those on shortcuts.

    Parameters
    ----------
    model : nn.Module
        Made sparse by :func:`sfp`, say; other layers stay as they are.
    rate : float
        Share of the filters, in [0, 1), rounded down. On ties the first filters go.

    Examples
    --------
    >>> import swatlib, torch
    >>> from swatlib.methods.soft_filter import zero_filters_
    >>> layer = torch.nn.Conv2d(1, 4, 3)
    >>> layer = swatlib.sparsify_(layer, swatlib.method("sfp", 0.5))
    >>> int(zero_filters_(layer, 0.5).weight.flatten(1).any(1).sum())
    2
    """
    for name, layer in sparse_layers(model):
        if not isinstance(layer, nn.Conv2d) or on_shortcut(name):
            continue
        norms = layer.weight.flatten(1).norm(dim=1)
        least = norms.argsort(stable=True)[: part(rate, len(norms))]
        layer.weight[least] = 0
    return model


@dataclass(frozen=True)
class ZeroFilters(Between):
    """Zero filters before the first step and after every epoch, see :func:`zero_filters_`.

    Parameters
    ----------
    rate : float
        Share of the filters, in [0, 1).
    rising : bool
        Let it rise to that as :func:`asymptotic` does.
    """

    rate: float
    rising: bool = False
    own_sparsity: ClassVar[bool] = True

    def __post_init__(self) -> None:
        checked_fields(self, rate=checks.sparsity)

    def start(self, model: nn.Module, loss: object) -> None:
        """Zero the first filters; none if the rate rises, from zero."""
        if not self.rising:
            zero_filters_(model, self.rate)

    def after_step(
        self, model: nn.Module, optimizer: torch.optim.Optimizer, progress: Progress
    ) -> None:
        """Zero filters if an epoch is over."""
        done = progress.step + 1
        if done % progress.epoch_steps == 0:
            over = asymptotic(min(1.0, done / progress.steps)) if self.rising else 1.0
            zero_filters_(model, self.rate * over)


@checked(sparsity=checks.sparsity)
def sfp(sparsity: float) -> Method:
    """Return SFP: after every epoch the same share of filters is zeroed, and trained on.

    Parameters
    ----------
    sparsity : float
        Share of each convolution's filters, in [0, 1); 0.3 in the paper.

    Examples
    --------
    >>> import swatlib
    >>> print(swatlib.method("sfp", 0.3).between[0])
    ZeroFilters(rate=0.3, rising=False)
    """
    recipe = Recipe("SFP", first_layer_dense=False)
    return Method(recipe, between=(ZeroFilters(sparsity),))


@checked(sparsity=checks.sparsity)
def asfp(sparsity: float) -> Method:
    """Return ASFP: after every epoch filters are zeroed, more of them as the run goes on.

    Parameters
    ----------
    sparsity : float
        Share of each convolution's filters at the end, in [0, 1).

    Examples
    --------
    >>> import swatlib
    >>> print(swatlib.method("asfp", 0.3).between[0])
    ZeroFilters(rate=0.3, rising=True)
    """
    recipe = Recipe("ASFP", first_layer_dense=False)
    return Method(recipe, between=(ZeroFilters(sparsity, rising=True),))
