"""Whether a notebook cell still gives what was committed.

Everything is compared to the letter, except the numbers of a cell that says, in a comment of its
own, how far they may move::

    # live: within 0.02
    # live: within 5 %
    # live: within 5 % or 0.02
    # live: within a factor of 4
    # live: accuracy within 3
    # live: norm, papers; norm, matched; ratio within 5 %; accuracy within 3

Such numbers come from training or from a clock. Processors round differently, and training
multiplies what they round. The first four lines speak of every number that the cell shows, the
last two of the columns of a table. The words between the numbers, the order and the number of rows,
the headings of a table and the presence of a figure stay as they are. A whole number is a count:
``5 %`` does not loosen it, ``3`` does. A number that is part of a name (``layer1.0``, ``2:4``),
that carries its unit without a space (``5x``) or that a colon follows (``seed 0:``) is a word.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

LIVE = re.compile(r"^# live:(.*)$", re.MULTILINE)
LIMIT = re.compile(r"(?P<factor>a factor of )?(?P<value>\d+(?:\.\d+)?)(?P<percent> ?%)?")

NUMBER = re.compile(
    r"""
    (?<![\w.:])                                   # not within a name, not after a colon: 2:4
    (?:
        [-+−]?(?:\d{1,3}(?:,\d{3})+|\d+)          # 12 or 1,234
        (?:\.\d*)?(?:[eE][-+]?\d+)?               # 0.5, 1. and 1e-4
        (?!\w|\.\d|\ ?%?['"]?:)                   # not 5x, not a key: seed 0: or '50%':
      | [-+−]?(?:nan|NaN|inf)(?!\w)
    )
    """,
    re.VERBOSE,
)
ROW = re.compile(r"<tr\b.*?</tr>", re.DOTALL)
CELL = re.compile(r"<(?P<tag>t[dh])\b[^>]*>(?P<text>.*?)</(?P=tag)>", re.DOTALL)
DATA = re.compile(r"(<td\b[^>]*>)(.*?)(?=</td>)", re.DOTALL)

IMAGES = ("image/png", "image/jpeg")


@dataclass(frozen=True)
class Tolerance:
    """How far a number may move from the committed one; the widest limit counts."""

    absolute: float = 0.0
    relative: float = 0.0
    factor: float = 1.0

    def allows(self, stored: str, fresh: str) -> bool:
        """Return whether a fresh number, as printed, may stand for the stored one."""
        a, b = value(stored), value(fresh)
        if not (math.isfinite(a) and math.isfinite(b)):
            return a == b or (math.isnan(a) and math.isnan(b))
        if a == b:
            return True
        whole = not re.search(r"[.eE]", stored + fresh)
        room = max(self.absolute, 0.0 if whole else self.relative * abs(a))
        if abs(a - b) <= room * (1 + 1e-9) + 1e-12:
            return True
        return a * b > 0 and max(a / b, b / a) <= self.factor

    def __or__(self, other: Tolerance) -> Tolerance:
        """Return what either of two tolerances allows."""
        return Tolerance(
            max(self.absolute, other.absolute),
            max(self.relative, other.relative),
            max(self.factor, other.factor),
        )


@dataclass(frozen=True)
class Declaration:
    """What a cell declares: one tolerance for all its numbers, or one for each named column."""

    everywhere: Tolerance | None = None
    columns: Mapping[str, Tolerance] = field(default_factory=dict)

    @property
    def widest(self) -> Tolerance:
        """The union of all tolerances of the cell."""
        found = self.everywhere or Tolerance()
        for tolerance in self.columns.values():
            found |= tolerance
        return found


def value(number: str) -> float:
    """Return the value of a printed number.

    >>> value("−1,234.5")
    -1234.5
    """
    return float(number.replace(",", "").replace("−", "-"))


def limits(text: str) -> Tolerance:
    """Read ``0.02``, ``5 %``, ``a factor of 4``, or several of them joined by ``or``.

    Raises
    ------
    ValueError
        If it is none of them, or if it allows nothing.
    """
    tolerance = Tolerance()
    for part in text.split(" or "):
        found = LIMIT.fullmatch(part.strip())
        if found is None or (found["factor"] and found["percent"]):
            raise ValueError(f"a limit is like 0.02, 5 % or a factor of 4, got {part.strip()!r}")
        number = float(found["value"])
        if number <= (1 if found["factor"] else 0):
            raise ValueError(f"a limit must leave room, got {part.strip()!r}")
        if found["factor"]:
            tolerance |= Tolerance(factor=number)
        elif found["percent"]:
            tolerance |= Tolerance(relative=number / 100)
        else:
            tolerance |= Tolerance(absolute=number)
    return tolerance


def declaration(source: str) -> Declaration | None:
    """Return what the source of a cell declares, or None if it is compared to the letter.

    Raises
    ------
    ValueError
        If the comment cannot be read, or if there are two.
    """
    comments = LIVE.findall(source)
    if not comments:
        return None
    if len(comments) > 1:
        raise ValueError(f"a cell has one comment '# live:', got {len(comments)}")
    columns: dict[str, Tolerance] = {}
    everywhere, waiting = None, []
    for clause in comments[0].split(";"):
        name, within, room = (part.strip() for part in f" {clause} ".partition(" within "))
        waiting += [name] if name else []
        if not within:
            continue
        if waiting:
            columns |= dict.fromkeys(waiting, limits(room))
        elif everywhere is None:
            everywhere = limits(room)
        else:
            raise ValueError("'# live:' has two limits for the same numbers")
        waiting = []
    if waiting or not (columns or everywhere):
        raise ValueError(f"'# live:' ends with 'within ...', got {comments[0].strip()!r}")
    if columns and everywhere:
        raise ValueError("'# live:' speaks of every number or of columns, not of both")
    return Declaration(everywhere, columns)


def squeeze(text: str) -> str:
    """Return text with its padding made the same: the width of a number moves what is beside it."""
    text = re.sub(r"[ \t]*\n[ \t]*", "\n", re.sub(r"[ \t]+", " ", text))
    return re.sub(r"-{3,}", "---", text).strip(" ")


def text_difference(stored: str, fresh: str, tolerance: Tolerance) -> str | None:
    """Return how two texts differ beyond a tolerance of their numbers, or None."""
    words = [[squeeze(part) for part in NUMBER.split(text)] for text in (stored, fresh)]
    numbers = [NUMBER.findall(text) for text in (stored, fresh)]
    if len(numbers[0]) != len(numbers[1]):
        return f"{len(numbers[0])} numbers were committed, {len(numbers[1])} came:\n{fresh}"
    for a, b in zip(*words, strict=True):
        if a != b:
            return f"committed {a!r}, came {b!r}"
    for a, b in zip(*numbers, strict=True):
        if not tolerance.allows(a, b):
            return f"committed {a}, came {b}: further than the cell declares"
    return None


def table_columns(html: str) -> list[set[str]]:
    """Return, for every data cell of the tables in a piece of HTML, the headings above it."""
    columns: list[set[str]] = []
    headings: dict[int, set[str]] = {}
    for row in ROW.findall(html):
        cells = list(CELL.finditer(row))
        if all(cell["tag"] == "th" for cell in cells):
            for position, cell in enumerate(cells):
                headings.setdefault(position, set()).add(cell["text"].strip())
        columns += [
            headings.get(position, set())
            for position, cell in enumerate(cells)
            if cell["tag"] == "td"
        ]
    return columns


def html_difference(stored: str, fresh: str, declared: Declaration) -> str | None:
    """Return how two pieces of HTML differ; only what stands in a table's data cells is loose."""
    frames = [DATA.sub(r"\1", text) for text in (stored, fresh)]
    if frames[0] != frames[1]:
        return f"the table around the numbers changed: {first_change(*frames)}"
    columns = table_columns(stored)
    missing = set(declared.columns) - set().union(*columns)
    if missing:
        return f"'# live:' names no column of the table: {', '.join(sorted(missing))}"
    cells = [[found[1] for found in DATA.findall(text)] for text in (stored, fresh)]
    for names, a, b in zip(columns, *cells, strict=True):
        named = [declared.columns[name] for name in names if name in declared.columns]
        tolerance = declared.everywhere or (named[0] if named else None)
        problem = text_difference(a, b, tolerance) if tolerance else first_change(a, b)
        if problem:
            return f"column {' '.join(sorted(names)) or '?'}: {problem}"
    return None


def first_change(stored: str, fresh: str) -> str | None:
    """Return the first line in which two texts differ, or None if they are the same."""
    if stored == fresh:
        return None
    before, after = stored.splitlines(), fresh.splitlines()
    for a, b in zip(before, after, strict=False):
        if a != b:
            return f"committed {a!r}, came {b!r}"
    return f"{len(before)} lines were committed, {len(after)} came"


def kind(output: Mapping[str, Any]) -> str:
    """Return what an output is: a stream by its name, anything else by its renderings."""
    if output["output_type"] == "stream":
        return str(output["name"])
    return f"{output['output_type']} of {', '.join(sorted(output.get('data', {})))}"


def joined(outputs: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Join neighbouring pieces of one stream; where a kernel cuts them is chance."""
    merged: list[dict[str, Any]] = []
    for output in outputs:
        last = merged[-1] if merged else None
        if last and output["output_type"] == "stream" and kind(last) == kind(output):
            last["text"] += output["text"]
        else:
            merged.append(dict(output))
    return merged


def difference(
    stored: Iterable[Mapping[str, Any]],
    fresh: Iterable[Mapping[str, Any]],
    source: str,
    clean: Callable[[str], str] = str,
) -> str | None:
    """Return how the fresh outputs of a cell differ from the committed ones.

    Parameters
    ----------
    stored, fresh
        Outputs as in a notebook file.
    source
        The source of the cell, which may declare a tolerance.
    clean
        Takes out of a text what never means anything: addresses, ids of styled tables.

    Returns
    -------
    str or None
        What changed first, in words; None if the cell gives what was committed.
    """
    try:
        declared = declaration(source)
    except ValueError as error:
        return str(error)
    before, after = joined(stored), joined(fresh)
    kinds = [[kind(output) for output in outputs] for outputs in (before, after)]
    if kinds[0] != kinds[1]:
        return f"committed {kinds[0]}, came {kinds[1]}"
    for old, new in zip(before, after, strict=True):
        texts = [o["data"] if "data" in o else {"text": o.get("text", "")} for o in (old, new)]
        for mime in texts[0]:
            if mime in IMAGES:
                problem = None if texts[1][mime] else "the figure is empty"
            else:
                a, b = clean(str(texts[0][mime])), clean(str(texts[1][mime]))
                if declared is None:
                    problem = first_change(a, b)
                elif mime == "text/html":
                    problem = html_difference(a, b, declared)
                elif "text/html" in texts[0]:
                    # The same table for readers without HTML, where columns have no edges.
                    problem = text_difference(a, b, declared.widest)
                elif declared.everywhere is None:
                    problem = first_change(a, b)
                else:
                    problem = text_difference(a, b, declared.everywhere)
            if problem:
                return f"{kind(old)}, {mime}: {problem}"
    return None
