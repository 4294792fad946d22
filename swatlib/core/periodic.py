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

    To ``torch.compile`` the operator is one opaque call. It takes ``x``, the layer's weight, the
    ``arguments``, a period, and the mask, steps, version and entries of a
    :class:`~swatlib.core.selector_state.SelectorState`. These last four it updates in place.

    Parameters
    ----------
    name : str
        The operator's, "namespace::name".
    arguments : str
        What ``choose`` takes after ``x``, in the syntax of an operator's schema: "int n, int m".
    choose : callable
        Takes ``x`` and those arguments, returns a mask.
    """

    def refreshed(x: Tensor, weight: Tensor, *rest: Any) -> Tensor:
        *chosen_by, period, mask, steps, version, entries = rest
        if is_new_step(weight, version, entries):
            # Period 0 stands for None: the first choice stays.
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
    """Return the mask for ``x``: chosen now or, with a period, the one kept between steps.

    ``choose`` chooses from ``x`` and ``arguments``; ``refreshed`` is what :func:`periodic` made of
    it. ``state`` holds the mask between steps. Evaluation reads the mask and never writes it.
    Before the first training call evaluation chooses afresh.

    Raises
    ------
    ValueError
        If the state holds no mask, or one of another shape.
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
    """Return a period as a recipe's row prints it; "" for a period of 1."""
    if period == 1:
        return ""
    return " (fixed)" if period is None else f" (period {period})"
