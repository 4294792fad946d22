"""Weights with held masks, and what holds them.

A method of this kind is one mask a layer, see :class:`~swatlib.selectors.held.Held`. After the
optimizer's step what is not active is held at zero (:func:`hold_`); a new mask is given with
:func:`move_`.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from swatlib.checked import checked, checked_fields
from swatlib.core.selector_state import SelectorState
from swatlib.core.sparse_layer import SparseLayer
from swatlib.methods.method import Between, Progress
from swatlib.selectors.held import Held
from swatlib.surgery.sparsify import active_mask, sparse_layers


class HeldWeight(NamedTuple):
    """A weight with a held mask, once for all layers that share it.

    Parameters
    ----------
    name : str
        Of the first layer that has it.
    weight : nn.Parameter
    selector : Held
        Of the first layer that has it.
    states : tuple of SelectorState
        One for each layer.
    alone : bool
        Whether no other module uses the weight, such as an embedding. It needs all entries, so
        what is inactive keeps its value.
    """

    name: str
    weight: Tensor
    selector: Held
    states: tuple[SelectorState, ...]
    alone: bool = True

    @property
    def mask(self) -> Tensor:
        """The active weights; not to be written to, see :meth:`become`."""
        mask = self.states[0].mask
        assert mask is not None
        return mask

    @property
    def active(self) -> int:
        """The number of active weights."""
        return int(self.mask.sum())

    @torch.no_grad()
    def become(self, mask: Tensor) -> None:
        """Set the mask of all layers that share the weight, in place."""
        for state in self.states:
            assert state.mask is not None
            state.mask.copy_(mask)


@checked
@torch.no_grad()
def held(model: nn.Module, frozen: bool = False) -> list[HeldWeight]:
    """Return the weights of a model whose masks are held, in the order of the layers.

    A mask that was not made yet, because the model was not called, is made.

    Parameters
    ----------
    model : nn.Module
    frozen : bool
        Also those that :func:`swatlib.freeze_` has frozen, which no update moves.

    Examples
    --------
    >>> import swatlib, torch
    >>> from swatlib.methods.held_weight import held
    >>> model = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.Linear(4, 2))
    >>> model = swatlib.sparsify_(model, swatlib.method("static", 0.5))
    >>> [(one.name, one.active) for one in held(model)]
    [('1', 4)]
    """
    found: dict[int, HeldWeight] = {}
    elsewhere = {
        _place(parameter)
        for module in model.modules()
        for own, parameter in module._parameters.items()
        if parameter is not None and not (own == "weight" and _holds(module))
    }
    for name, layer in sparse_layers(model):
        selector = layer.recipe.forward_weight
        if selector is None or not _holds(layer) or (selector.frozen and not frozen):
            continue
        state = layer.states["forward_weight"]
        key = _place(layer.weight)
        if not state.steps:
            mask = found[key].mask if key in found else active_mask(layer)
            state.keep(mask, layer.weight)
        before = found.get(key)
        states = (*(() if before is None else before.states), state)
        selector = selector.thawed
        assert isinstance(selector, Held)
        alone = key not in elsewhere
        first = before or HeldWeight(name, layer.weight, selector, (), alone)
        found[key] = first._replace(states=states)
    return list(found.values())


def _place(weight: Tensor) -> int:
    # Two Parameters that share their memory are one weight.
    return weight.data_ptr() or id(weight)


def _holds(module: nn.Module) -> bool:
    selector = module.recipe.forward_weight if isinstance(module, SparseLayer) else None
    return selector is not None and isinstance(selector.thawed, Held)


@checked
@torch.no_grad()
def zero_(one: HeldWeight, where: Tensor, optimizer: torch.optim.Optimizer | None = None) -> None:
    """Zero entries of a weight and, if an optimizer is given, what it keeps for them.

    That is every tensor of the weight's shape: momentum of SGD, both moments of Adam. A weight
    that a dense module shares is left alone.
    """
    if not one.alone:
        return
    one.weight.detach().masked_fill_(where, 0)
    kept = {} if optimizer is None else optimizer.state.get(one.weight, {})
    for tensor in kept.values():
        if isinstance(tensor, Tensor) and tensor.shape == where.shape:
            tensor.masked_fill_(where, 0)


@checked
@torch.no_grad()
def move_(
    one: HeldWeight,
    mask: Tensor,
    optimizer: torch.optim.Optimizer | None = None,
    kept: Tensor | None = None,
) -> None:
    """Give a weight a new mask; what was or is inactive becomes 0, and its optimizer state too.

    Parameters
    ----------
    one : HeldWeight
    mask : Tensor, bool
        The new one.
    optimizer : torch.optim.Optimizer, optional
        Without, its state stays as it is.
    kept : Tensor, bool, optional
        What keeps its value. If not given, all that was active and is so now, though it may have
        been dropped and grown again in between.
    """
    zero_(one, ~(one.mask & mask if kept is None else kept), optimizer)
    one.become(mask)


@checked
@torch.no_grad()
def hold_(model: nn.Module, optimizer: torch.optim.Optimizer, momentum: bool = True) -> nn.Module:
    """Zero what is not active of weights with held masks, and what the optimizer keeps for it.

    Called after every optimizer step it is, to the bit, what masked gradients are, but leaves the
    gradients dense for an update to read.

    Parameters
    ----------
    model : nn.Module
    optimizer : torch.optim.Optimizer
    momentum : bool
        False leaves the optimizer's state dense.

    Examples
    --------
    >>> import swatlib, torch
    >>> from swatlib.methods.held_weight import hold_
    >>> layer = torch.nn.Linear(4, 4)
    >>> layer = swatlib.sparsify_(layer, swatlib.method("static", 0.75, first_layer_dense=False))
    >>> layer = hold_(layer, torch.optim.SGD(layer.parameters(), 0.1))
    >>> int(layer.weight.count_nonzero())
    4
    """
    for one in held(model, frozen=True):
        zero_(one, ~one.mask, optimizer if momentum else None)
    return model


@dataclass(frozen=True)
class Hold(Between):
    """Hold inactive weights at zero after every step, see :func:`hold_`.

    Parameters
    ----------
    momentum : bool
        False leaves the optimizer's state dense.
    """

    momentum: bool = True

    def __post_init__(self) -> None:
        checked_fields(self)

    def after_step(
        self, model: nn.Module, optimizer: torch.optim.Optimizer, progress: Progress
    ) -> None:
        """Zero what is not active."""
        hold_(model, optimizer, self.momentum)

    def __str__(self) -> str:
        return "Hold()" if self.momentum else "Hold(weights only)"
