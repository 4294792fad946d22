"""The exercises of a chapter: what each trains, how hard it is, its solution and its check.

An exercise begins with a line that says so; its solution ends with a check, which is a directive::

    *Trains Amdahl's law; easy, by hand.*

    ```{check}
    # limit: the most that meProp can gain
    assert abs(limit - 3) < 0.01, "a third of the work stays dense"
    # answer
    limit = 3
    ```

The first lines name what the reader's answer has to define; then come the asserts. Below
``# answer`` stands what the solution does not define itself. The book shows names and asserts in
the folded solution, and leaves the answer out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import nbformat
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

LEVELS = ("easy", "medium", "hard")
KINDS = ("by hand", "in words", "in code", "by experiment")

TRAINS = re.compile(
    rf"^\*Trains (?P<trains>[^*]+); (?P<level>{'|'.join(LEVELS)}), (?P<kind>{'|'.join(KINDS)})\.\*$"
)
FENCE = re.compile(r"^(`{3,})\{(\w[\w-]*)\} ?(.*)$")
NAMES = re.compile(r"(?:^# |; )(\w+(?:, \w+)*): ", re.MULTILINE)
ANSWER = "# answer"


@dataclass(frozen=True)
class Check:
    """What an answer must define, and what must hold of it.

    Parameters
    ----------
    names : tuple of str
    says : str
        Comments that say what the names mean.
    asserts : str
    answer : str
        What the solution's code leaves undefined.
    """

    names: tuple[str, ...]
    says: str
    asserts: str
    answer: str


@dataclass(frozen=True)
class Exercise:
    """One exercise of a chapter.

    Parameters
    ----------
    label, title, text, trains, level, kind : str
    solution : tuple of str
        The code cells of the solution, in order.
    check : Check
    """

    label: str
    title: str
    text: str
    trains: str
    level: str
    kind: str
    solution: tuple[str, ...]
    check: Check


def read_check(source: str) -> Check:
    """Read the content of a check.

    Raises
    ------
    ValueError
        If it names nothing, or asserts nothing.

    Examples
    --------
    >>> read_check("# a, b: numbers\\nassert a < b").names
    ('a', 'b')
    """
    tested, _, answer = source.strip().partition(f"\n{ANSWER}\n")
    says = "\n".join(re.findall(r"^# .*$", tested, re.MULTILINE))
    asserts = "\n".join(line for line in tested.split("\n") if not line.startswith("# "))
    names = tuple(name for found in NAMES.findall(says) for name in found.split(", "))
    if not names:
        raise ValueError(f"a check must begin with '# name: what it is', got {source.strip()!r}")
    if not re.search(r"^ *assert ", asserts, re.MULTILINE):
        raise ValueError(f"a check must assert something, got {source.strip()!r}")
    return Check(names, says, asserts, answer)


def blocks(source: str) -> list[tuple[str, str, str]]:
    """Return the outermost directives of a Markdown text: name, argument and content."""
    found, lines, at = [], source.split("\n"), 0
    while at < len(lines):
        opened = FENCE.match(lines[at])
        at += 1
        if opened is None:
            continue
        content = []
        while at < len(lines) and lines[at].strip() != opened[1]:
            content.append(lines[at])
            at += 1
        found.append((opened[2], opened[3].strip(), "\n".join(content)))
        at += 1
    return found


def read_exercises(notebook: nbformat.NotebookNode) -> list[Exercise]:
    """Return the exercises of a chapter, in order.

    Raises
    ------
    ValueError
        If an exercise does not say what it trains, or has no solution or no check.
    """
    asked: dict[str, dict[str, str]] = {}
    code: dict[str, list[str]] = {}
    checks: dict[str, str] = {}
    inside = None
    for cell in notebook.cells:
        if cell.cell_type == "code":
            if inside is not None:
                code[inside].append(cell.source)
            continue
        for name, argument, content in blocks(cell.source):
            if name == "exercise":
                label, said, text = _asked(argument, content)
                asked[label] = {"title": argument, "text": text, **said}
            elif name in ("solution", "solution-start"):
                code[argument] = []
                inside = argument if name == "solution-start" else None
                for within, _, check in blocks(content):
                    if within == "check":
                        checks[argument] = check
            elif name == "solution-end":
                inside = None
            elif name == "check" and inside is not None:
                checks[inside] = content
    missing = sorted(asked.keys() ^ (checks.keys() & code.keys()))
    if missing:
        raise ValueError(f"an exercise must have a solution with a check: {', '.join(missing)}")
    return [
        Exercise(label=label, solution=tuple(code[label]), check=read_check(checks[label]), **said)
        for label, said in asked.items()
    ]


def _asked(title: str, content: str) -> tuple[str, dict[str, str], str]:
    """Return an exercise's label, what it says of itself, and its text."""
    option, first, *text = content.split("\n")
    said = TRAINS.match(first)
    if not option.startswith(":label: ") or said is None:
        raise ValueError(
            f"an exercise must have a label and then '*Trains ...; LEVEL, KIND.*' with a level of "
            f"{LEVELS} and a kind of {KINDS}; got {title!r}: {first!r}"
        )
    return option.removeprefix(":label: ").strip(), said.groupdict(), "\n".join(text).strip()


class CheckDirective(SphinxDirective):
    """A check as the book shows it: what to define, and the asserts."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """Return a sentence and the code."""
        try:
            check = read_check("\n".join(self.content))
        except ValueError as error:
            raise self.error(str(error)) from error
        shown = f"{check.says}\n{check.asserts}"
        words = nodes.paragraph("", "A check of an answer of your own, to be run after it:")
        return [words, nodes.literal_block(shown, shown, language="python")]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive."""
    app.add_directive("check", CheckDirective)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
