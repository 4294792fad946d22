"""What a count, a simulation or a measurement decides: numbers of ours beside the paper's."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from swatlib.checked import checked


class MissingRecords(ValueError):
    """Records that a claim needs are not there; the message names them."""


@dataclass(frozen=True)
class Quantity:
    """One number of ours and how it stands to the paper's.

    Attributes
    ----------
    name : str
        Empty if the claim has one quantity only.
    ours : float
    says : str
        The paper's number or statement.
    holds : bool
        Whether ours agrees, within what the claim allows.
    direction : bool
        Whether ours at least has the paper's direction.
    unit : str
    """

    name: str
    ours: float
    says: str
    holds: bool
    direction: bool = False
    unit: str = ""

    def __post_init__(self) -> None:
        if self.holds:
            object.__setattr__(self, "direction", True)


@checked
def close(
    name: str, ours: float, paper: float, within: float, unit: str = "", relative: bool = False
) -> Quantity:
    """Compare with a number of the paper.

    Parameters
    ----------
    name : str
    ours, paper : float
    within : float
        The largest difference that counts as agreement; with ``relative``, as a share of the
        paper's number.
    unit : str
    relative : bool

    Returns
    -------
    Quantity
        With the paper's direction where both have one sign.
    """
    allowed = within * abs(paper) if relative else within
    same = ours * paper > 0
    # A difference in the last bit of a decimal number decides nothing.
    holds = abs(ours - paper) <= allowed * (1 + 1e-9)
    return Quantity(name, ours, f"{paper:g}", holds, same, unit)


@checked
def fact(
    name: str, ours: float, says: str, holds: bool, direction: bool = False, unit: str = ""
) -> Quantity:
    """State a number of ours and whether the paper's sentence holds with it."""
    return Quantity(name, ours, says, bool(holds), direction, unit)


@checked
def cells(name: str, found: Iterable[bool], says: str, least: float = 1.0) -> Quantity:
    """Count the cells of a table that agree; it holds if the share is at least ``least``."""
    every = [bool(one) for one in found]
    share = sum(every) / len(every)
    return Quantity(name, float(sum(every)), says, share >= least, share >= 0.5, f"of {len(every)}")
