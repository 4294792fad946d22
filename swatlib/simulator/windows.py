"""Windows: from where an idle multiplier may pull a weight that is due later.

A processing element reads one row of weights per cycle, one weight per lane. Where the weight is
zero the lane idles, unless it may take a non-zero one from a later row (look-ahead) or from
another lane of a later row (look-aside). The window says which. The patterns L and T are those of
Bit-Tactical (Delmas Lascorz et al., ASPLOS 2019), the machine SWAT's section 4.4 builds on.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial

from swatlib import checks
from swatlib.checked import checked, checked_fields


@dataclass(frozen=True)
class Window:
    """A promotion window.

    Attributes
    ----------
    shape : str
        ``"L"``, ``"T"``, ``"X"`` (any lane of the next h rows) or ``"inf"``.
    ahead : int
        Look-ahead h in rows: at most ``h + 1`` rows are finished per cycle.
    aside : int
        Look-aside positions d of L and T; 0 otherwise.
    """

    shape: str
    ahead: int = 0
    aside: int = 0

    def __post_init__(self) -> None:
        checked_fields(
            self,
            shape=partial(checks.one_of, allowed=("L", "T", "X", "inf")),
            ahead=checks.at_least_0,
            aside=checks.at_least_0,
        )

    def __str__(self) -> str:
        if self.shape == "inf":
            return "inf"
        if self.shape == "X":
            return f"X{self.ahead}"
        return f"{self.shape}{self.ahead},{self.aside}"

    @checked(lanes=checks.count)
    def offsets(self, lanes: int, by_place: bool = False) -> list[tuple[int, int]]:
        """Places an idle lane looks at, as (rows ahead, lanes aside), best first.

        L<h,d> is the same lane of the next h rows, then d lanes to the left in the next row.
        T<2,5> is Bit-Tactical's (1,-1) (1,0) (1,1) (1,3) (2,-2) (2,0) (2,2). Any other T<h,d>
        carries its rule on: row r gets lanes -r, +r, +(r+h), -(r+h), ... until d are placed.

        Parameters
        ----------
        lanes : int
            Lanes of the machine; offsets wrap around and places that coincide are kept once.
        by_place : bool
            Order the places as DNNsim does: nearest row first, in a row from the left to the right
            before wrapping around. For L<h,d> these are the d lanes aside, farthest first, then the
            same lane, row by row; T has this order anyway. Places that coincide are kept.

        Returns
        -------
        list of tuple
            Lane offsets are in ``[0, lanes)``.
        """
        rows = range(1, self.ahead + 1)
        if self.shape == "L":
            wanted = [(r, 0) for r in rows]
            if self.ahead:
                wanted += [(1, -d) for d in range(1, self.aside + 1)]
        elif self.shape == "T":
            wanted = [(r, 0) for r in rows]
            for i in range(self.aside if self.ahead else 0):
                lap, r = divmod(i, self.ahead)
                sign = (-1, 1, 1, -1)[lap % 4]
                wanted.append((r + 1, sign * (r + 1 + self.ahead * (lap // 2))))
            wanted.sort()
        else:
            raise ValueError(f"window {self} has no list of offsets")
        if by_place:
            return [(r, lane % lanes) for r, lane in sorted(wanted)]
        return list(dict.fromkeys((r, lane % lanes) for r, lane in wanted))

    @checked(lanes=checks.count)
    def selector_bits(self, lanes: int) -> int:
        """Bits beside a weight that say where it was promoted from.

        ``ceil(log2(h + d + 1))`` for L and T; X chooses among ``h * lanes + 1`` places. An
        unlimited window is charged as 16, a full coordinate.
        """
        if self.shape == "inf":
            return 16
        places = self.ahead * lanes if self.shape == "X" else self.ahead + self.aside
        return places.bit_length()


UNLIMITED = Window("inf")
DEFAULT_WINDOW = Window("X", 9)


@checked
def parse_window(text: str) -> Window:
    """Read a window from text: ``X9``, ``T2,5``, ``L1,6``, with or without <>, or ``inf``.

    Raises
    ------
    ValueError
        If the text is none of these.
    """
    cleaned = re.sub(r"[<>\s]", "", text)
    if cleaned.lower() in ("inf", "unlimited"):
        return UNLIMITED
    if match := re.fullmatch(r"[Xx]([0-9]+)", cleaned):
        return Window("X", int(match[1]))
    if match := re.fullmatch(r"([LlTt])([0-9]+),([0-9]+)", cleaned):
        return Window(match[1].upper(), int(match[2]), int(match[3]))
    raise ValueError(f"window must look like X9, T2,5, L1,6 or inf, got {text!r}")
