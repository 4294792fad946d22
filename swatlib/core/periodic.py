"""Periods: a mask that is chosen on every so many optimizer steps and kept in between."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from swatlib import checks
from swatlib.checked import checked, explained
from swatlib.core.selector_state import SelectorState
from swatlib.kernels.steps import is_new_step


@checked
def periodic(name: str, arguments: str, choose: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Return ``choose`` as an operator that chooses on every ``period``-th optimizer step only.

    One opaque call for ``torch.compile``. Its arguments are ``x``, the layer's weight, those of
    ``arguments``, a period and, updated in place, the mask, steps, version and entries of a
    :class:`~swatlib.core.selector_state.SelectorState`.

    Parameters
    ----------
    name : str
        Of the operator, "namespace::name".
    arguments : str
        Between the weight and the period, as an operator's schema has them: "int n, int m".
    choose : callable
        Takes ``x`` and those arguments, returns a mask.
    """

    def refreshed(x: Tensor, weight: Tensor, *rest: Any) -> Tensor:
        *chosen_by, period, mask, steps, version, entries = rest
        if is_new_step(weight, version, entries):
            # Period 0 never ends: the first choice stays.
            if steps.item() % period == 0 if period else not steps.item():
                mask.copy_(choose(x, *chosen_by))
            steps.add_(1)
        kept: Tensor = mask.clone()
        return kept

    operator = torch.library.custom_op(
        name,
        refreshed,
        mutates_args=("mask", "steps", "version", "entries"),
        schema=f"(Tensor x, Tensor weight, {arguments}, int period, Tensor(a!) mask, "
        "Tensor(b!) steps, Tensor(c!) version, Tensor(d!) entries) -> Tensor",
    )
    operator.register_fake(lambda x, *rest: torch.empty_like(rest[-4]))
    return operator


@explained(x=checks.tensor, weight=checks.optional(checks.tensor))
def chosen_mask(
    choose: Callable[..., Tensor],
    refreshed: Callable[..., Tensor],
    arguments: tuple[Any, ...],
    period: int | None,
    x: Tensor,
    state: SelectorState | None,
    training: bool,
    weight: Tensor | None,
) -> Tensor:
    """Return the mask for ``x`` from ``choose``, or with a period from what :func:`periodic` made.

    ``state`` holds the mask between steps. Evaluation reads it and never writes it; before the
    first training call it uses a fresh one.

    Raises
    ------
    ValueError
        If the mask kept was made for another shape.
    """
    x = x.detach()
    if period == 1 or state is None:
        return choose(x, *arguments)
    if state.mask is None or state.mask.shape != x.shape:
        kept = None if state.mask is None else tuple(state.mask.shape)
        raise ValueError(
            f"a mask with a period is for weights: kept shape {kept}, got {tuple(x.shape)}"
        )
    if training:
        told_by = x if weight is None else weight.detach()
        kept_in = (state.mask, state.steps, state.version, state.entries)
        return refreshed(x, told_by, *arguments, period or 0, *kept_in)
    return torch.where((state.steps > 0).to(x.device), state.mask, choose(x, *arguments))


@checked
def period_text(period: int | None) -> str:
    """Say a period in a recipe's row."""
    if period == 1:
        return ""
    return " (fixed)" if period is None else f" (period {period})"
