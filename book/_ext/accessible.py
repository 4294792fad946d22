"""Sphinx extension: what the page's tools leave out for a reader with a screen reader or keyboard.

Every exercise and solution of a page has the same id, a folded cell is named otherwise than it
reads, and the heads of a table do not say what they are the heads of. What depends on the size of
the window is mended in ``book.js``.
"""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

CONTENT = ("exercise-content", "solution-content")

PART = re.compile(r"<(thead|tbody)\b.*?</\1>", re.DOTALL)
HEAD = re.compile(r"<th\b(?![^>]*\bscope=)(?P<attributes>[^>]*)>")
SAID = {
    # A folded cell of MyST-NB, over the words it shows.
    '<summary aria-label="Toggle hidden content">': "<summary>",
    # Sphinx sets the parameters of a long signature below each other as definitions of nothing.
    '<dl>\n<dd><em class="sig-param">': '<dl role="presentation">\n<dd><em class="sig-param">',
}


def number_contents(app: Sphinx, doctree: nodes.document) -> None:
    """Give the contents of each exercise and solution an id of their own."""
    for section in doctree.findall(nodes.section):
        if len(section["ids"]) == 1 and section["ids"][0] in CONTENT:
            section["ids"] = [f"{label}-content" for label in section.parent["ids"][:1]]


def scoped(part: re.Match[str]) -> str:
    """Return the head or the body of a table whose heads say what they are the heads of."""
    along = "col" if part[1] == "thead" else "row"

    def head(found: re.Match[str]) -> str:
        attributes = found["attributes"]
        spans = re.search(rf'\b{along}span="?[2-9]', attributes)
        return f'<th scope="{along}{"group" if spans else ""}"{attributes}>'

    return HEAD.sub(head, part[0])


def mend(body: str) -> str:
    """Return the HTML of a page whose folded cells, tables and signatures say what they are.

    >>> mend("<thead><tr><th>method</th></tr></thead>")
    '<thead><tr><th scope="col">method</th></tr></thead>'
    >>> mend('<tbody><tr><th rowspan="2">SWAT</th><td>1</td></tr></tbody>')
    '<tbody><tr><th scope="rowgroup" rowspan="2">SWAT</th><td>1</td></tr></tbody>'
    """
    for said, better in SAID.items():
        body = body.replace(said, better)
    return PART.sub(scoped, body)


def mend_page(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """Apply :func:`mend` to a page."""
    if "body" in context:
        context["body"] = mend(context["body"])


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.connect("doctree-read", number_contents)
    app.connect("html-page-context", mend_page)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
