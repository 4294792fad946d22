"""Sphinx extension: a table that a cell prints has a number and a caption.

MyST-NB numbers a figure that a cell draws, but not a table. A cell says in its metadata what its
tables show, one caption for each, in their order::

    "tables": ["Test accuracy in percent, mean of three seeds, for each $S$ (rows)."]

Mathematics between dollars and code between backticks are understood. The numbers go on with those
of the tables in the text. A caption stands inside its table, where a screen reader looks for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform
from sphinx.util import logging

METADATA = "tables"
TABLE = re.compile(r"<table\b[^>]*>")
CAPTION = re.compile(r"\s*<caption>.*?</caption>", re.DOTALL)
INLINE = re.compile(r"\$([^$]+)\$|`([^`]+)`")

logger = logging.getLogger(__name__)


class PrintedTable(nodes.table):
    """A title and the output of a cell with a table in it; numbered among the tables."""


def inline(text: str) -> Iterator[nodes.Node]:
    """Yield the nodes of a line of text with mathematics and code in it.

    >>> [node.tagname for node in inline("at $S$ by `swat_u`")]
    ['#text', 'math', '#text', 'literal']
    """
    end = 0
    for found in INLINE.finditer(text):
        if found.start() > end:
            yield nodes.Text(text[end : found.start()])
        math, code = found.groups()
        yield nodes.math(math, math) if math else nodes.literal(code, code)
        end = found.end()
    if end < len(text):
        yield nodes.Text(text[end:])


def _is_table(output: nodes.Element) -> bool:
    """Return whether one of the forms of an output is HTML with a table."""
    return output.get("nb_element") == "mime_bundle" and any(
        form.get("mime_type") == "text/html" and TABLE.search(form.astext())
        for form in output.children
        if isinstance(form, nodes.Element)
    )


class CaptionTables(SphinxTransform):
    """Put the tables of a cell below the captions that its metadata give."""

    default_priority = 100  # before anything is numbered

    def apply(self, **_: Any) -> None:
        """Wrap the outputs of the cells of one document."""
        number = 0
        for cell in list(self.document.findall(nodes.container)):
            captions = cell.get("cell_metadata", {}).get(METADATA)
            if cell.get("nb_element") != "cell_code" or captions is None:
                continue
            tables = [output for output in cell.findall(nodes.container) if _is_table(output)]
            if len(tables) != len(captions):
                logger.warning(
                    "cell %s has %d captions for %d tables",
                    cell.get("cell_index"),
                    len(captions),
                    len(tables),
                    location=cell,
                )
            for output, caption in zip(tables, captions, strict=False):
                table = PrintedTable("", nodes.title("", "", *inline(caption)))
                table.source, table.line = cell.source, cell.line
                output.parent.replace(output, table)
                table += output
                number += 1
                table["ids"].append(f"table-{number}")
                self.document.set_id(table)


def _begin(translator: Any, node: PrintedTable) -> None:
    node["begins"] = len(translator.body)


def _end(translator: Any, node: PrintedTable) -> None:
    """Move the caption, which was written first, into the table, and the table's id onto it."""
    html = "".join(translator.body[node["begins"] :])
    del translator.body[node["begins"] :]
    caption = CAPTION.match(html)
    assert caption is not None, "a title in a table is written as its caption"
    table = TABLE.search(html, caption.end())
    if table is None:  # another form of the output was chosen
        translator.body.append(html[caption.end() :])
        return
    translator.body += [
        html[caption.end() : table.end() - 1],
        f' id="{node["ids"][0]}">',
        caption[0],
        html[table.end() :],
    ]


def _pass(translator: Any, node: PrintedTable) -> None:
    """Show the children alone."""


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the node and the transform."""
    through = (_pass, _pass)
    app.add_enumerable_node(
        PrintedTable, "table", html=(_begin, _end), latex=through, text=through, man=through
    )
    app.add_transform(CaptionTables)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
