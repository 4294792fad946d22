"""Sphinx extension: what a chapter found, at its top, taken from the verdicts that it printed.

The table of :func:`swatlib.claims.show.verdicts` is an output of the chapter, and the asserts that
hold it stand in a cell after it. This reads the table, where it is, and writes a short form of it
below the chapter's opening: every claim with its verdict, and folded beneath it the grade, the
numbers and what they stand on. Nothing is judged here.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bs4 import BeautifulSoup
from docutils import nodes
from sphinx.application import Sphinx

from element import Element, element
from notebooks import read

COLUMNS = ["claim", "verdict", "grade", "ours", "the paper", "stands on"]
ASSERTED = "verdicts-asserted"
MOST_OPEN = 4  # claims; more are folded, so that the chapter begins on the first screen


def read_verdicts(html: str) -> list[dict[str, str]]:
    """Return the rows of a table of verdicts; none if it is another table.

    A row without a claim is the row above it at another scale: it stays in the table alone.
    """
    rows = [
        [cell.get_text().strip() for cell in row.find_all(["th", "td"])]
        for row in BeautifulSoup(html, "html.parser").find_all("tr")
    ]
    if not rows or rows[0] != COLUMNS:
        return []
    found = [dict(zip(COLUMNS, row, strict=True)) for row in rows[1:]]
    return [row for row in found if row["claim"]]


def printed_verdicts(path: Path) -> list[dict[str, str]]:
    """Return the claims of the tables of verdicts that a notebook printed."""
    return [
        row
        for cell in read(path).cells
        for output in cell.get("outputs", [])
        for row in read_verdicts(output.get("data", {}).get("text/html", ""))
    ]


def summary(rows: list[dict[str, str]]) -> str:
    """Return how many claims have which verdict, in words.

    >>> summary([{"verdict": "reproduced"}, {"verdict": "open"}, {"verdict": "open"}])
    '3 claims: 1 reproduced; 2 open'
    """
    counted = Counter(row["verdict"] for row in rows)
    claims = "1 claim" if len(rows) == 1 else f"{len(rows)} claims"
    return f"{claims}: " + "; ".join(f"{many} {verdict}" for verdict, many in counted.items())


def item(row: dict[str, str], *more: nodes.Node) -> Element:
    """Return one claim: its verdict, what it says, ``more``, and folded beneath its numbers."""
    labels = {"grade": "grade", "ours": "our number", "the paper": "the paper"}
    facts = [
        part
        for column, label in (labels | {"stands on": "stands on"}).items()
        if row[column]
        for part in (element("dt", label), element("dd", row[column]))
    ]
    return element(
        "li",
        element("strong", row["verdict"], class_="verdict"),
        ": " + row["claim"],
        *more,
        element("details", element("summary", "Numbers"), element("dl", *facts)),
        data_verdict=row["verdict"].partition(",")[0],
    )


def box(rows: list[dict[str, str]], target: str | None) -> Element:
    """Return the box.

    Parameters
    ----------
    rows : list of dict
        As :func:`read_verdicts` returns them.
    target : str or None
        Id of the cell that asserts the verdicts.
    """
    items = [item(row) for row in rows]
    said = summary(rows)
    more = nodes.paragraph()
    if target is not None:
        more += nodes.reference("", "The cell that asserts this", refid=target, internal=True)
    listed = element("ul", *items)
    body = [element("p", said), listed]
    if len(rows) > MOST_OPEN:
        body = [element("details", element("summary", said), listed)]
    title = element("p", "What was found", class_="verdict-box-title")
    return element("aside", title, *body, more, class_="verdict-box", aria_label="What was found")


def cells(doctree: nodes.document) -> Iterator[nodes.container]:
    """Yield the code cells of a notebook."""
    for node in doctree.findall(nodes.container):
        if node.get("nb_element") == "cell_code":
            yield node


def asserts(cell: nodes.container) -> bool:
    """Return whether a cell's source asserts something."""
    return any(
        re.search(r"^\s*assert\b", block.astext(), re.MULTILINE)
        for block in cell.findall(nodes.literal_block)
    )


def insert_box(app: Sphinx, doctree: nodes.document) -> None:
    """Put the box below a chapter's opening, before its first code cell or section."""
    every = list(cells(doctree))
    rows: list[dict[str, str]] = []
    after: list[nodes.container] = []
    for position, cell in enumerate(every):
        for raw in cell.findall(nodes.raw):
            found = read_verdicts(raw.astext())
            if found and not after:
                after = every[position:]
            rows += [row for row in found if row not in rows]
    if not rows:
        return
    target = next((cell for cell in after if asserts(cell)), None)
    if target is not None:
        target["ids"].append(ASSERTED)
    chapter = next(doctree.findall(nodes.section))
    for position, child in enumerate(chapter.children):
        is_cell = isinstance(child, nodes.container) and child.get("nb_element") == "cell_code"
        if is_cell or isinstance(child, nodes.section):
            chapter.insert(position, box(rows, None if target is None else ASSERTED))
            return


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.setup_extension("element")
    app.connect("doctree-read", insert_box)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
