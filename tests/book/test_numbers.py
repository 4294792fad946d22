"""A number in the prose is one that a cell above prints or takes, or that a paper states."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import nbformat
import pandas as pd
import pytest
from bs4 import BeautifulSoup

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "book" / "_ext"))

import notebooks as book  # noqa: E402
from questions import read_question, read_quiz  # noqa: E402

SETTINGS = {"10", "20", "30", "50", "60", "70", "80", "90", "95", "98", "99", "100"}
"""Sparsities and the like: what was asked for, not what was found."""

MEASURED = re.compile(
    r"(?<![\w.,:-])[-+−–]?(\d+\.\d+|\d+(?= (?:%|points?\b|times\b)))(?![\w]|\.\d)"
)
NUMBER = re.compile(r"\d+(?:\.\d+)?(?:e[-+]?\d+)?")
ASIDE = re.compile(r"`[^`]*`|\$[^$]*\$|\]\([^)]*\)|^>.*$", re.MULTILINE)
ASKED = re.compile(r"^:::\{(predict|quiz)\}\n(.*?)^:::$", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def papers() -> set[str]:
    """Return the numbers that the papers print."""
    folder = ROOT / "data" / "papers"
    frames = [pd.read_csv(path, dtype=str) for path in sorted(folder.glob("*.csv"))]
    text = " ".join(str(value) for frame in frames for value in frame.to_numpy().ravel())
    return set(NUMBER.findall(text))


def printed(cell: nbformat.NotebookNode) -> str:
    """Return what a cell shows as text, tables included."""
    found = []
    for output in cell.get("outputs", []):
        found.append(output.get("text", ""))
        data = output.get("data", {})
        html = data.get("text/html", "")
        found.append(BeautifulSoup(html, "html.parser").get_text(" ") if html else "")
        found.append(data.get("text/plain", ""))
        found.append(data.get("text/markdown", ""))
    return "\n".join(found)


def asked(source: str) -> str:
    """Return what the questions of a cell say is true: all but the wrong answers."""
    true = []
    for kind, content in ASKED.findall(source):
        for question in [read_question(content)] if kind == "predict" else read_quiz(content):
            true.append(question.text)
            for answer in question.answers:
                true += [answer.text, answer.why] if answer.right else [answer.why]
    return "\n".join(true)


def retyped(notebook: nbformat.NotebookNode, known: set[str]) -> list[str]:
    """Return the numbers of the prose that no cell above has printed or been given.

    A question stands before its answer, so what it says may be printed anywhere.
    """
    exact: set[str] = set()
    seen: list[float] = []
    found: list[str] = []
    questions: list[str] = []
    for cell in notebook.cells:
        if cell.cell_type == "code":
            tokens = NUMBER.findall(printed(cell))
            exact |= {*tokens, *NUMBER.findall(cell.source)}
            seen += [float(token) for token in tokens]
            continue
        numbers = MEASURED.findall(ASIDE.sub("", ASKED.sub("", cell.source)))
        found += [one for one in numbers if not shown(one, exact, seen, known)]
        questions += MEASURED.findall(ASIDE.sub("", asked(cell.source)))
    return found + [one for one in questions if not shown(one, exact, seen, known)]


def shown(number: str, exact: set[str], seen: list[float], known: set[str]) -> bool:
    """Say whether a number was printed, perhaps with more digits or as a fraction."""
    if number in exact or number in known or number in SETTINGS:
        return True
    digits = len(number.partition(".")[2])
    return any(
        round(value * factor, digits) == float(number) for value in seen for factor in (1, 100)
    )


@pytest.mark.parametrize(
    "path", book.toc_notebooks(), ids=lambda path: path.relative_to(book.BOOK).as_posix()
)
def test_no_number_is_retyped(path: Path, papers: set[str]) -> None:
    assert not retyped(book.read(path), papers)


def cell(kind: str, source: str, text: str = "") -> nbformat.NotebookNode:
    outputs = [{"output_type": "stream", "name": "stdout", "text": text}] if text else []
    return nbformat.from_dict({"cell_type": kind, "source": source, "outputs": outputs})


def test_a_retyped_number_is_found() -> None:
    notebook = nbformat.from_dict(
        {
            "cells": [
                cell("code", "print(x)", "lead 2.346 and 0.417"),
                cell(
                    "markdown",
                    "## Verdict\n\nThe lead is 2.35 points, or 42 %, at 90 %; not 2.4 nor 7 times.",
                ),
            ]
        }
    )
    assert retyped(notebook, set()) == ["2.4", "7"]


def test_a_question_is_held_to_what_the_chapter_prints() -> None:
    source = """:::{predict}
How far, at 90 %?

- 7.5 points
  - No: 3.5 is half of it.
- 2.4 points
  - Right: it is 2.4, and not 41 %.
:::"""
    cells = [cell("markdown", source), cell("code", "print(x)", "lead 2.4")]
    assert retyped(nbformat.from_dict({"cells": cells}), set()) == ["3.5", "41"]


def test_the_front_page_takes_its_numbers_on_speed_from_the_chapters_it_points_to() -> None:
    intro = (book.BOOK / "intro.md").read_text(encoding="utf-8")
    speed = intro.partition("## Is there a real speed-up?")[2].partition("\n## ")[0]
    found = 0
    for point in re.split(r"^- ", speed, flags=re.MULTILINE)[1:]:
        text = re.sub(r"\]\([^)]*\)", "]", point)
        numbers = [one for one in MEASURED.findall(text) if one not in SETTINGS]
        linked = re.search(r"\]\(([^)]*\.ipynb)\)", point)
        if not numbers or linked is None:
            assert not numbers
            continue
        chapter = linked[1]
        exact: set[str] = set()
        for cell in book.read(book.BOOK / chapter).cells:
            if cell.cell_type == "code":
                exact |= set(NUMBER.findall(printed(cell)))
        seen = [float(one) for one in exact]
        for number in numbers:
            assert shown(number, exact, seen, set()), f"{number} is not printed in {chapter}"
            found += 1
    assert found >= 3
