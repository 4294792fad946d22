"""Sphinx extension: the directive ``findings``, claims of several chapters with their verdicts.

Its content is a list, a claim an item: the chapter, a colon, and how the claim begins in the table
of verdicts that the chapter printed. Verdicts and numbers are read from there.

.. code-block:: markdown

    :::{findings}
    - 1-foundations/03-geometry: Of all ways to keep K entries
    :::
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from element import element
from verdict_box import item, printed_verdicts


def find_claim(rows: list[dict[str, str]], beginning: str) -> dict[str, str]:
    """Return the one claim that begins so.

    Raises
    ------
    ValueError
        If there is none, or more than one.
    """
    found = [row for row in rows if row["claim"].startswith(beginning)]
    if len(found) != 1:
        raise ValueError(f"{len(found)} claims begin with {beginning!r}, one should")
    return found[0]


class Findings(SphinxDirective):
    """See the module."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """Return the list of claims."""
        items = []
        for line in self.content:
            chapter, colon, beginning = line.removeprefix("- ").partition(": ")
            path = Path(self.env.srcdir) / f"{chapter}.ipynb"
            if not line.startswith("- ") or not colon or not path.is_file():
                raise self.error(f"an item must be '- CHAPTER: how the claim begins', got {line!r}")
            self.env.note_dependency(str(path))
            try:
                row = find_claim(printed_verdicts(path), beginning)
            except ValueError as error:
                raise self.error(f"{chapter}: {error}") from error
            items.append(item(row, nodes.Text(" "), self.link(chapter)))
        return [element("div", element("ul", *items), class_="verdict-box")]

    def link(self, chapter: str) -> nodes.Node:
        """Return a link to a chapter that shows its title."""
        target = addnodes.pending_xref(
            "", reftype="doc", refdomain="std", reftarget=f"/{chapter}", refexplicit=False
        )
        target["refdoc"], target["refwarn"] = self.env.docname, True
        target += nodes.inline("", "", classes=["xref", "std", "std-doc"])
        return nodes.inline("", "", target)  # a reference has to be in a text element


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive."""
    app.setup_extension("element")
    app.add_directive("findings", Findings)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
