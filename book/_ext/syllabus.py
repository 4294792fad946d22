"""Sphinx extension: a course from the chapters, for as many sessions as a page asks for.

``<!-- syllabus: 12 -->`` becomes a table of twelve sessions of about equal length, and
``<!-- exercises -->`` one of all exercises by chapter. Nothing of it is written by hand: the
minutes are measured on the chapters; what a chapter builds on are the earlier ones that it links
to; and the exercises say themselves what they train.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from math import ceil
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

from exercises import Exercise, read_exercises
from notebooks import BOOK, read, toc_notebooks

SYLLABUS = re.compile(r"^<!-- syllabus: (\d+) -->$", re.MULTILINE)
EXERCISES = re.compile(r"^<!-- exercises -->$", re.MULTILINE)

# What a reader takes: words of prose a minute, seconds for a figure and for a line of open code.
WORDS_A_MINUTE = 230
SECONDS_A_FIGURE = 20
SECONDS_A_LINE = 3
# Minutes for an exercise of each level.
MINUTES = {"easy": 10, "medium": 20, "hard": 40}

FENCES = re.compile(r"^(`{3,}).*?^\1 *$|\$\$.*?\$\$", re.MULTILINE | re.DOTALL)
INSTRUMENT = re.compile(r"^:{3,}\{instrument\} (\S+)", re.MULTILINE)
LINK = re.compile(r"\]\(((?:\.\./)?[\w./-]+)\.ipynb(?:#[\w-]*)?\)")
CLOSING = re.compile(r"^## Exercises$", re.MULTILINE)


@dataclass(frozen=True)
class Chapter:
    """What a teacher asks of a chapter.

    Parameters
    ----------
    name : str
        Its page, such as ``3-swat/01-the-algorithm``.
    title : str
    reading : float
        Minutes, without the exercises.
    builds_on : tuple of str
        Earlier chapters that it links to.
    instruments : tuple of str
    exercises : tuple of Exercise
    """

    name: str
    title: str
    reading: float
    builds_on: tuple[str, ...]
    instruments: tuple[str, ...]
    exercises: tuple[Exercise, ...]

    @property
    def working(self) -> int:
        """Minutes for the exercises."""
        return sum(MINUTES[one.level] for one in self.exercises)


def reading_minutes(cells: Sequence[Any]) -> float:
    """Return the minutes that prose, figures and open code take."""
    words = lines = figures = 0
    for cell in cells:
        if cell.cell_type == "markdown":
            words += len(FENCES.sub(" ", cell.source).split())
            continue
        figures += any("image/png" in output.get("data", {}) for output in cell.outputs)
        if not {"hide-input", "hide-cell"} & set(cell.metadata.get("tags", [])):
            lines += sum(bool(line.strip()) for line in cell.source.split("\n"))
    return words / WORDS_A_MINUTE + (figures * SECONDS_A_FIGURE + lines * SECONDS_A_LINE) / 60


@cache
def chapters() -> tuple[Chapter, ...]:
    """Return all chapters in reading order."""
    found: list[Chapter] = []
    for path in toc_notebooks():
        notebook = read(path)
        text = "\n\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")
        end = next(
            (n for n, cell in enumerate(notebook.cells) if CLOSING.search(cell.source)),
            len(notebook.cells),
        )
        linked = {
            (path.parent / f"{target}.ipynb").resolve().relative_to(BOOK).with_suffix("").as_posix()
            for target in LINK.findall(text)
        }
        found.append(
            Chapter(
                name=path.relative_to(BOOK).with_suffix("").as_posix(),
                title=notebook.cells[0].source.split("\n")[0].removeprefix("# "),
                reading=reading_minutes(notebook.cells[:end]),
                builds_on=tuple(one.name for one in found if one.name in linked),
                instruments=tuple(INSTRUMENT.findall(text)),
                exercises=tuple(read_exercises(notebook)),
            )
        )
    return tuple(found)


def divide(minutes: Sequence[float], sessions: int) -> list[range]:
    """Divide chapters in their order into sessions, so that the longest is as short as it can be.

    Raises
    ------
    ValueError
        If there are more sessions than chapters, or none.

    Examples
    --------
    >>> divide([10, 10, 30, 10], 2)
    [range(0, 2), range(2, 4)]
    """
    if not 0 < sessions <= len(minutes):
        raise ValueError(f"sessions must be between 1 and {len(minutes)}; got {sessions}")
    count = len(minutes)

    @cache
    def best(start: int, left: int) -> tuple[float, int]:
        """Return the length of the longest session from here on, and where the first one ends."""
        if left == 1:
            return sum(minutes[start:]), count
        ends = range(start + 1, count - left + 2)
        return min((max(sum(minutes[start:end]), best(end, left - 1)[0]), end) for end in ends)

    parts, start = [], 0
    for left in range(sessions, 0, -1):
        end = best(start, left)[1]
        parts.append(range(start, end))
        start = end
    return parts


def page(name: str) -> str:
    """Return a link to a chapter that shows its title."""
    return f"{{doc}}`/{name}`"


def rounded(minutes: float) -> int:
    """Return minutes, up to the next five."""
    return 5 * ceil(minutes / 5)


def levels(exercises: Sequence[Exercise]) -> str:
    """Return how many exercises have which level, in words."""
    counted = Counter(one.level for one in exercises)
    return ", ".join(f"{counted[level]} {level}" for level in MINUTES if counted[level])


def table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table as a directive."""
    lines = [f":::{{list-table}} {title}", ":header-rows: 1", ""]
    for row in (head, *rows):
        lines += [f"{'* -' if n == 0 else '  -'} {cell}".rstrip() for n, cell in enumerate(row)]
    return "\n".join([*lines, ":::"])


def course(book: Sequence[Chapter], sessions: int) -> str:
    """Return the table of a course."""
    rows = []
    for number, part in enumerate(divide([one.reading for one in book], sessions), start=1):
        chosen = [book[position] for position in part]
        inside = {one.name for one in chosen}
        needed = dict.fromkeys(n for one in chosen for n in one.builds_on if n not in inside)
        tried = [name.replace("-", " ") for one in chosen for name in one.instruments]
        rows.append(
            [
                str(number),
                "; ".join(page(one.name) for one in chosen),
                str(rounded(sum(one.reading for one in chosen))),
                str(sum(one.working for one in chosen)),
                "; ".join(map(page, needed)) or "none",
                levels([e for one in chosen for e in one.exercises]),
                ", ".join(tried) or "none",
            ]
        )
    head = ["session", "chapters", "reading, minutes", "exercises, minutes"]
    head += ["builds on", "exercises", "instruments"]
    return table(f"A course of {sessions} sessions", head, rows)


def listed(book: Sequence[Chapter]) -> str:
    """Return the table of all exercises."""
    rows = [
        [page(one.name) if n == 0 else "", f"{{ref}}`{e.label}`", e.trains, e.level, e.kind]
        for one in book
        for n, e in enumerate(one.exercises)
    ]
    return table("All exercises", ["chapter", "exercise", "trains", "level", "how"], rows)


def fill(app: Sphinx, docname: str, source: list[str]) -> None:
    """Replace the comments of a page."""
    makers: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...] = (
        (SYLLABUS, lambda found: course(chapters(), int(found[1]))),
        (EXERCISES, lambda found: listed(chapters())),
    )
    for comment, make in makers:
        if comment.search(source[0]):
            for path in toc_notebooks():
                app.env.note_dependency(str(Path(path)))
            source[0] = comment.sub(make, source[0])


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.connect("source-read", fill)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
