"""The static form of an instrument of the book."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Table:
    """What a reader without scripts has, and what the script is given.

    Parameters
    ----------
    title : str
    columns : list of str
    rows : list of lists of str
    values : dict
        What the script cannot compute by itself.
    """

    title: str
    columns: list[str]
    rows: list[list[str]]
    values: dict[str, Any] = field(default_factory=dict)
