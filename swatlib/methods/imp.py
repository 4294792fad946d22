"""IMP: iterative magnitude pruning, by retraining (Han et al. 2015) or rewinding (Frankle and
Carbin 2019), and one-shot pruning, which is one round of it.

A run is cut into parts of equal length: train, prune, train again, and so on. Every round drops the
same share of what is left of each layer, so that the last one reaches the sparsity; without a
number of rounds given, so many that a round drops a fifth at most.

In the papers every round is a whole training with a learning rate of its own. Here all rounds are
one run, whose cost is that of the other methods, and its learning rate falls once. Rewinding sets
the weights of sparse layers back to their start, and not biases and norms.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import ceil, log
from typing import ClassVar

import torch
from torch import Tensor, nn

from swatlib import checks
from swatlib.checked import checked, checked_fields
from swatlib.methods.held_weight import Hold, held, zero_
from swatlib.methods.method import Between, Method, Progress
from swatlib.methods.rising import resize_, resized
from swatlib.methods.static import held_recipe

SHARE = 0.2
"""What a round drops of what is left, at most, if the number of rounds is not given."""


@checked(sparsity=checks.sparsity, share=partial(checks.number, above=0, below=1))
def rounds_for(sparsity: float, share: float = SHARE) -> int:
    """Return in how many rounds, each dropping an equal share, a sparsity is reached.

    Examples
    --------
    >>> from swatlib.methods.imp import rounds_for
    >>> rounds_for(0.2), rounds_for(0.36), rounds_for(0.9)
    (1, 2, 11)
    """
    return max(1, ceil(round(log(1 - sparsity) / log(1 - share), 9)))


@checked(sparsity=checks.sparsity, k=partial(checks.count, least=0), rounds=checks.count)
def after_rounds(sparsity: float, k: int, rounds: int) -> float:
    """Return the sparsity after ``k`` of so many rounds.

    Examples
    --------
    >>> from swatlib.methods.imp import after_rounds
    >>> [round(after_rounds(0.75, k, 2), 10) for k in range(3)]
    [0.0, 0.5, 0.75]
    """
    return float(1 - (1 - sparsity) ** (k / rounds))


@checked
@torch.no_grad()
def rewind_(model: nn.Module, optimizer: torch.optim.Optimizer) -> nn.Module:
    """Set active weights back to the values the layers keep, their optimizer state to zero.

    Raises
    ------
    ValueError
        If the layers keep none, because the method's ``start`` was not called.
    """
    for one in held(model):
        start = one.states[0].values
        if start is None:
            raise ValueError("rewinding needs method.start(model, loss) before the first step")
        zero_(one, torch.ones_like(one.mask), optimizer)
        one.weight.detach().copy_(torch.where(one.mask, start, one.weight))
    return model


@dataclass(frozen=True)
class Rounds(Between):
    """Prune in rounds, see :func:`after_rounds`.

    Parameters
    ----------
    method : Method
        As it is after the last round.
    rounds : int
    rewind : bool
        Set weights back to their start after every round, see :func:`rewind_`.
    """

    method: Method
    rounds: int
    rewind: bool = False
    own_sparsity: ClassVar[bool] = True

    def __post_init__(self) -> None:
        checked_fields(self, rounds=checks.count)

    @torch.no_grad()
    def start(self, model: nn.Module, loss: Callable[[], Tensor]) -> None:
        """Keep the weights to rewind to."""
        if self.rewind:
            for one in held(model):
                one.states[0].values = one.weight.detach().clone()

    def after_step(
        self, model: nn.Module, optimizer: torch.optim.Optimizer, progress: Progress
    ) -> None:
        """Prune, if a round is over."""
        done = progress.step + 1
        ends = [progress.steps * (k + 1) // (self.rounds + 1) for k in range(self.rounds)]
        if done not in ends:
            return
        k = sum(end <= done for end in ends)
        resize_(model, resized(self.method, lambda s: after_rounds(s, k, self.rounds)), optimizer)
        if self.rewind:
            rewind_(model, optimizer)

    def __str__(self) -> str:
        return f"Rounds({self.rounds}{', rewind' if self.rewind else ''})"


@checked(sparsity=checks.sparsity, rounds=checks.optional(checks.count))
def imp(
    sparsity: float,
    rounds: int | None = None,
    rewind: bool = False,
    first_layer_dense: bool = True,
) -> Method:
    """Return iterative magnitude pruning: train, prune each layer, train on, in rounds.

    Parameters
    ----------
    sparsity : float
        Of the weights at the end, in [0, 1).
    rounds : int, optional
        If not given, so many that a round drops a fifth of what is left at most.
    rewind : bool
        Set weights back to their start after every round.
    first_layer_dense : bool
        Leave the first layer dense.

    Examples
    --------
    >>> import swatlib
    >>> print(swatlib.method("imp", 0.9, rewind=True).between[1])
    Rounds(11, rewind)
    """
    return _in_rounds("IMP", sparsity, rounds or rounds_for(sparsity), rewind, first_layer_dense)


@checked(sparsity=checks.sparsity)
def one_shot(sparsity: float, rewind: bool = False, first_layer_dense: bool = True) -> Method:
    """Return one-shot pruning: half of the run dense, then pruned at once and trained on.

    Parameters
    ----------
    sparsity : float
        Of the weights at the end, in [0, 1).
    rewind : bool
        Set weights back to their start after the pruning.
    first_layer_dense : bool
        Leave the first layer dense.

    Examples
    --------
    >>> import swatlib
    >>> print(swatlib.method("one-shot", 0.9).between[1])
    Rounds(1)
    """
    return _in_rounds("one-shot pruning", sparsity, 1, rewind, first_layer_dense)


def _in_rounds(
    name: str, sparsity: float, rounds: int, rewind: bool, first_layer_dense: bool
) -> Method:
    recipe = held_recipe(name, sparsity, "dense", first_layer_dense)
    between = (Hold(), Rounds(Method(recipe, sparsity), rounds, rewind))
    return Method(recipe, sparsity, between=between)
