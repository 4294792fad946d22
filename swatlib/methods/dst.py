"""DST: dynamic sparse training with trainable masked layers (Liu et al. 2020).

Every row of every weight has a threshold, trained by the gradient of the loss like a weight. A
weight below its row's threshold is masked in the products. The derivative of this step is estimated
by a function with long tails, so that masked weights are updated and can return. A
penalty on small thresholds, alpha * sum(exp(-threshold)), makes the network
sparse. How sparse is found, and not set.

What autograd would do is written out, because it needs only the gradient D of the masked weight,
which every sparse layer has, averaged over ranks. With Q the magnitude less the threshold, m the
mask of positive Q, and H(Q) the estimate, the gradient of the weight is D * (m + abs(W) * H), and
that of a threshold is minus the row's sum of D * W * H, less alpha * exp(-threshold).

Thresholds are no parameters of the module: keys of the state dict and optimizers made earlier stay
as they are. They follow SGD's rule with the learning rate, momentum and weight decay of the
optimizer's group that has the layer's weight, and are saved by ``sparsity_state``.

Where paper and public code differ:

- The code's flag has alpha = 1e-6; we take 5e-6, as its runs on CIFAR have.
- Both decay thresholds as weights, which the paper does not say.
- If a layer has kept 1 % or less, its thresholds return to zero. The code does so in every forward
  pass, in evaluation too; here it follows the step.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from swatlib import checks
from swatlib.checked import checked, checked_fields
from swatlib.core.recipe import Recipe
from swatlib.core.selector_state import SelectorState
from swatlib.methods.method import Between, Method, Progress
from swatlib.selectors.row_threshold import RowThreshold, beside
from swatlib.surgery.sparsify import sparse_layers

LEAST_KEPT = 0.01
"""A layer that keeps no larger share of its weights begins anew with thresholds of zero."""

not_negative = partial(checks.number, least=0)


@checked(q=checks.tensor)
def long_tailed(q: Tensor) -> Tensor:
    """Return the estimate of a unit step's derivative: 2 - 4 abs(q) to 0.4, 0.4 to 1, then 0.

    Examples
    --------
    >>> import torch
    >>> from swatlib.methods.dst import long_tailed
    >>> long_tailed(torch.tensor([0.0, -0.25, 0.4, 0.8, 1.5]))
    tensor([2.0000, 1.0000, 0.4000, 0.4000, 0.0000])
    """
    far = q.abs()
    tail = torch.where(far <= 1, 0.4, 0.0).to(q.dtype)
    return torch.where(far <= 0.4, 2 - 4 * far, tail)


@checked(alpha=not_negative)
@torch.no_grad()
def gradients_through(
    weight: Tensor, thresholds: Tensor, grad: Tensor, alpha: float
) -> tuple[Tensor, Tensor]:
    """Return the gradients of a weight and of its thresholds.

    Parameters
    ----------
    weight : Tensor
    thresholds : Tensor
        One a row.
    grad : Tensor
        Of the masked weight, for all entries.
    alpha : float
        Strength of the penalty on small thresholds.
    """
    q = weight.abs() - beside(thresholds, weight)
    slope = long_tailed(q)
    to_weight = grad * ((q > 0) + weight.abs() * slope)
    to_thresholds = -(grad * weight * slope).flatten(1).sum(1) - alpha * (-thresholds).exp()
    return to_weight, to_thresholds


@checked(alpha=not_negative)
@torch.no_grad()
def learn_thresholds_(
    model: nn.Module, optimizer: torch.optim.Optimizer, alpha: float
) -> nn.Module:
    """Move the thresholds one step, and let gradients of weights pass through the masks.

    Call it between ``backward`` and the optimizer's step.

    Parameters
    ----------
    model : nn.Module
        Made sparse by :func:`dst`.
    optimizer : torch.optim.Optimizer
        Layers whose weights it does not have, or that have no gradient, are passed over.
    alpha : float
        Strength of the penalty on small thresholds.

    Examples
    --------
    >>> import swatlib, torch
    >>> from swatlib.methods.dst import learn_thresholds_
    >>> layer = swatlib.sparsify_(torch.nn.Linear(4, 4), swatlib.method("dst"))
    >>> optimizer = torch.optim.SGD(layer.parameters(), 0.1)
    >>> layer(torch.zeros(3, 4)).sum().backward()
    >>> layer = learn_thresholds_(layer, optimizer, alpha=0.5)
    >>> layer.recipe.forward_weight.thresholds(layer.states["forward_weight"])
    tensor([0.0500, 0.0500, 0.0500, 0.0500])
    """
    groups = {id(p): group for group in optimizer.param_groups for p in group["params"]}
    for weight, states in _learners(model):
        group = groups.get(id(weight))
        if group is None or weight.grad is None:
            continue
        values = _values(states[0], weight)
        to_weight, grad = gradients_through(weight, values[0], weight.grad, alpha)
        weight.grad.copy_(to_weight)
        sgd_step_(values[0], values[1], grad, group)
        _share(states)
    return model


@checked
@torch.no_grad()
def sgd_step_(parameter: Tensor, buffer: Tensor, grad: Tensor, group: dict[str, Any]) -> None:
    """Take one step of SGD, as torch does, by the settings of an optimizer's group.

    Parameters
    ----------
    parameter, buffer, grad : Tensor
        ``buffer`` is the momentum, zero at first.
    group : dict
        ``lr``; ``momentum``, ``weight_decay`` and ``nesterov`` count if they are there.
    """
    momentum = group.get("momentum", 0.0)
    grad = grad + group.get("weight_decay", 0.0) * parameter
    buffer.mul_(momentum).add_(grad)
    step = grad + momentum * buffer if group.get("nesterov") else buffer
    parameter.sub_(group["lr"] * step)


@checked
@torch.no_grad()
def restart_empty_(model: nn.Module) -> nn.Module:
    """Set the thresholds of layers that keep 1 % or less of their weights to zero again."""
    for weight, states in _learners(model):
        thresholds = _values(states[0], weight)[0]
        kept = weight.abs() > beside(thresholds, weight)
        if int(kept.sum()) <= LEAST_KEPT * kept.numel():
            thresholds.zero_()
            _share(states)
    return model


def _learners(model: nn.Module) -> Iterator[tuple[Tensor, list[SelectorState]]]:
    """Yield every weight that has thresholds, once, with the states of all layers that share it."""
    found: dict[int, tuple[Tensor, list[SelectorState]]] = {}
    for _, layer in sparse_layers(model):
        if isinstance(layer.recipe.forward_weight, RowThreshold):
            key = layer.weight.data_ptr() or id(layer.weight)
            found.setdefault(key, (layer.weight, []))[1].append(layer.states["forward_weight"])
    yield from found.values()


def _values(state: SelectorState, weight: Tensor) -> Tensor:
    if state.values is None:  # forgotten, because other weights took the place of its own
        state.values = state.threshold.new_zeros(2, len(weight))
    state.steps.fill_(1)
    return state.values


def _share(states: list[SelectorState]) -> None:
    first = states[0].values
    assert first is not None
    for other in states[1:]:
        other.values = first if other.values is None else other.values.copy_(first)
        other.steps.fill_(1)


@dataclass(frozen=True)
class LearnThresholds(Between):
    """Train the thresholds with the weights, see :func:`learn_thresholds_`.

    Parameters
    ----------
    alpha : float
        Strength of the penalty on small thresholds.
    """

    alpha: float
    own_sparsity: ClassVar[bool] = True
    own_allocation: ClassVar[bool] = True

    def __post_init__(self) -> None:
        checked_fields(self, alpha=not_negative)

    def after_backward(
        self, model: nn.Module, optimizer: torch.optim.Optimizer, progress: Progress
    ) -> None:
        """Move the thresholds."""
        learn_thresholds_(model, optimizer, self.alpha)

    def after_step(
        self, model: nn.Module, optimizer: torch.optim.Optimizer, progress: Progress
    ) -> None:
        """Let layers that have become empty begin anew."""
        restart_empty_(model)

    def dense_steps(self, progress: Progress) -> float:
        """Return 1: masked weights are updated in every step."""
        return 1.0


@checked(alpha=not_negative)
def dst(alpha: float = 5e-6, first_layer_dense: bool = False) -> Method:
    """Return DST, which learns a threshold for every row of weights and finds its own sparsity.

    Parameters
    ----------
    alpha : float
        Strength of the penalty on small thresholds: the larger, the sparser; the shorter a run, the
        larger it has to be.
    first_layer_dense : bool
        Leave the first layer dense.

    Examples
    --------
    >>> import swatlib
    >>> print(swatlib.method("dst"))
    DST (every layer)
    forward W             forward X  input-grad W  input-grad G  weight-grad X  weight-grad G
    above row thresholds  dense      same mask     dense         dense          dense
    between steps: LearnThresholds(alpha=5e-06)
    """
    above = RowThreshold()
    recipe = Recipe(
        "DST",
        forward_weight=above,
        input_grad_weight=above,
        first_layer_dense=first_layer_dense,
    )
    return Method(recipe, between=(LearnThresholds(alpha),))
