"""A sparse training method as one value: recipe, allocation, start, and what happens between steps.

A training loop knows no method by name. It makes the model sparse and calls three hooks::

    swatlib.sparsify_(model, method)
    method.start(model, lambda: loss(model))
    for step in range(steps):
        loss(model).backward()
        method.after_backward(model, optimizer, Progress(step, steps, epoch_steps))
        optimizer.step()
        method.after_step(model, optimizer, Progress(step, steps, epoch_steps))
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, NamedTuple
from warnings import warn

import torch
from torch import Tensor, nn

from swatlib import checks
from swatlib.checked import checked, checked_fields
from swatlib.core.recipe import Plan, Recipe
from swatlib.surgery.first_layer import first_layer
from swatlib.surgery.sparsify import sparsifiable

Allocation = Callable[[Sequence[tuple[int, ...]], float], list[float]]
"""A function from the weights' shapes and one sparsity for them all to a density per layer."""


class Progress(NamedTuple):
    """How far a run has come.

    Parameters
    ----------
    step : int
        Optimizer steps before the present one: 0 in both hooks of the first step.
    steps : int
        Optimizer steps of the whole run.
    epoch_steps : int
        Optimizer steps of an epoch.

    Examples
    --------
    >>> import swatlib
    >>> progress = swatlib.Progress(step=250, steps=1000, epoch_steps=100)
    >>> progress.step // progress.epoch_steps
    2
    """

    step: int
    steps: int
    epoch_steps: int


class Between:
    """Something that happens between two steps; a subclass gives one or more of the three hooks.

    Those of this library are frozen dataclasses. Each calls a function that works in any training
    loop by itself.

    Examples
    --------
    >>> import swatlib
    >>> class Halve(swatlib.Between):
    ...     def after_step(self, model, optimizer, progress):
    ...         for group in optimizer.param_groups:
    ...             group["lr"] /= 2
    >>> swatlib.Method(swatlib.swat(0.9), between=(Halve(),)).name
    'SWAT'
    """

    own_sparsity: ClassVar[bool] = False
    """Whether it decides in the course of the run how sparse the model is."""
    own_allocation: ClassVar[bool] = False
    """Whether it moves active weights from layer to layer."""
    own_start: ClassVar[bool] = False
    """Whether it makes the first masks of all layers itself, whatever their own sparsities."""

    @property
    def sparse_until(self) -> float:
        """Share of the run after which it leaves the model dense; 1 for the whole run."""
        return 1.0

    def start(self, model: nn.Module, loss: Callable[[], Tensor]) -> None:
        """Act on the model before its first step.

        Parameters
        ----------
        model : nn.Module
            Sparse, on its device.
        loss : callable
            Returns the loss of the first batch, as the first step will compute it. Calling it
            moves no random state and no running statistics.
        """

    def after_backward(
        self, model: nn.Module, optimizer: torch.optim.Optimizer, progress: Progress
    ) -> None:
        """Act on gradients, before the optimizer's step."""

    def after_step(
        self, model: nn.Module, optimizer: torch.optim.Optimizer, progress: Progress
    ) -> None:
        """Act on weights and masks, after the optimizer's step."""

    def dense_steps(self, progress: Progress) -> float:
        """Return the share of a run's steps in which it reads the gradients of inactive weights.

        They must not be masked then, and dW is computed whole, whatever the masks are.
        """
        return 0.0

    def check(self, epochs: int, momentum: float) -> None:
        """Raise an error, before anything is computed, for a run that it cannot work in.

        Raises
        ------
        ValueError
            For such a run.
        """


@dataclass(frozen=True)
class Method(Plan):
    """One row of the table of methods.

    Parameters
    ----------
    recipe : Recipe
        Which operand of which product is sparsified.
    sparsity : float
        Of all weights, for the allocation.
    allocation : callable, optional
        Spreads the sparsity over the layers, see :mod:`swatlib.core.allocation`. If not given, each
        layer has the recipe's own sparsity.
    linear : Recipe, optional
        The recipe of linear layers, where ``recipe`` is for convolutions only.
    classifier_dense : bool
        Leave the last layer dense.
    pretrain_epochs : int
        Epochs of dense training before the sparse ones, by the run's own schedule.
    between : tuple of Between
        What happens between steps, in this order.
    smaller : float
        Sparsity of a network that has as many parameters as the run's is built with, see
        :mod:`swatlib.models.narrow`.
    only : str
        Leave layers dense whose name does not contain this text; all contain the empty one.

    Examples
    --------
    >>> import swatlib
    >>> print(swatlib.method("swat", 0.9, allocation="erk", freeze_epoch=2))
    SWAT (every layer), erk
    forward W  forward X  input-grad W  input-grad G  weight-grad X  weight-grad G
    TopK 0.9   dense      same mask     dense         TopK 0.9       dense
    between steps: FreezeAt(epoch=2)
    """

    recipe: Recipe
    sparsity: float = 0.0
    allocation: Allocation | None = None
    linear: Recipe | None = None
    classifier_dense: bool = False
    pretrain_epochs: int = 0
    between: tuple[Between, ...] = ()
    smaller: float = 0.0
    only: str = ""

    def __post_init__(self) -> None:
        checked_fields(
            self,
            sparsity=checks.sparsity,
            classifier_dense=checks.flag,
            pretrain_epochs=checks.at_least_0,
            smaller=checks.sparsity,
        )
        if self.only and self.allocation is not None:
            raise ValueError(f"only must not be set with an allocation, got {self.only!r}")

    @property
    def name(self) -> str:
        """The recipe's name, that of the papers."""
        return self.recipe.name

    @checked
    def recipes(self, model: nn.Module) -> Recipe | Mapping[str, Recipe]:
        """Return the one recipe of all layers, or one for each by the layer's name.

        A method that asks for a smaller network warns: this one has been built already.
        """
        if self.smaller:
            warn(
                f"{self.name} leaves the model as large as it is: build it smaller, as "
                f"swatlib.models.build_network(..., smaller={self.smaller:g}) does, or with "
                "swatlib.models.narrow.narrow_to_",
                stacklevel=4,
            )
        layers = list(sparsifiable(model))
        special = self.allocation or self.linear or self.classifier_dense or self.only
        if not layers or not special:
            return self.recipe
        names = [name for name, _ in layers]
        left_out = {name for name in names if self.only not in name}
        if len(left_out) == len(names):
            raise ValueError(f"only must be in a layer's name, got {self.only!r}: {names}")
        if self.classifier_dense:
            left_out.add(names[-1])
        if self.recipe.first_layer_dense:
            left_out.add(first_layer(model, names))
        densities: dict[str, float] = {}
        if self.allocation is not None:
            shapes = [tuple(layer.weight.shape) for _, layer in layers]
            densities = dict(zip(names, self.allocation(shapes, self.sparsity), strict=True))
        found = {}
        for name, layer in layers:
            if name in left_out:
                continue
            linear = isinstance(layer, nn.Linear)
            own = self.linear if linear and self.linear is not None else self.recipe
            found[name] = own.at_sparsity(1 - densities[name]) if densities else own
        return found

    @checked
    def dense_steps(self, progress: Progress) -> float:
        """Return the share of a run's steps in which the gradients of all weights are read."""
        return max((one.dense_steps(progress) for one in self.between), default=0.0)

    @checked(epochs=checks.count, momentum=partial(checks.number, least=0))
    def check(self, epochs: int, momentum: float) -> None:
        """Raise an error for a number of epochs or a momentum that the method cannot work with."""
        for one in self.between:
            one.check(epochs, momentum)

    @checked
    def start(self, model: nn.Module, loss: Callable[[], Tensor]) -> None:
        """Do what the method does before the first step; ``loss()`` is that of the first batch."""
        for one in self.between:
            one.start(model, loss)

    @checked
    def after_backward(
        self, model: nn.Module, optimizer: torch.optim.Optimizer, progress: Progress
    ) -> None:
        """Do what the method does between ``backward`` and the optimizer's step."""
        for one in self.between:
            one.after_backward(model, optimizer, progress)

    @checked
    def after_step(
        self, model: nn.Module, optimizer: torch.optim.Optimizer, progress: Progress
    ) -> None:
        """Do what the method does after the optimizer's step."""
        for one in self.between:
            one.after_step(model, optimizer, progress)

    def __str__(self) -> str:
        title, *rows = str(self.recipe).split("\n")
        more = [self.allocation.__name__] if self.allocation else []
        more += ["classifier dense"] if self.classifier_dense else []
        more += [f"only {self.only}"] if self.only else []
        more += [f"after {self.pretrain_epochs} dense epochs"] if self.pretrain_epochs else []
        more += [f"as small as at sparsity {self.smaller:g}"] if self.smaller else []
        then = ", ".join(map(str, self.between))
        return "\n".join(
            [", ".join([title, *more]), *rows, *([f"between steps: {then}"] if then else [])]
        )
