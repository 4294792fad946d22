"""Sphinx extension: pictures that answer to the reader's own values.

::

    :::{instrument} angle
    Choose a sparsity and a distribution.
    :::

puts a table of the library's values into the page, under what the reader may do with it.
``instruments.js`` adds the controls and folds the table. ``instrument_index.py`` has the names.
"""

from __future__ import annotations

import json
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from element import Element, element


def table_element(columns: list[str], rows: list[list[str]]) -> Element:
    """Return a table whose first column names its rows."""
    head = element("tr", *(element("th", column, scope="col") for column in columns))
    body = [
        element("tr", element("th", row[0], scope="row"), *(element("td", one) for one in row[1:]))
        for row in rows
    ]
    inside = (element("thead", head), element("tbody", *body))
    return element("div", element("table", *inside), class_="instrument-table")


class Instrument(SphinxDirective):
    """An instrument by its name, with a sentence on how to use it."""

    required_arguments = 1
    has_content = True

    def run(self) -> list[nodes.Node]:
        """Return the title, the sentence and the table."""
        # Computed when a page asks for it: the command line of the book needs no library.
        from instrument_index import INSTRUMENTS

        name = self.arguments[0]
        if name not in INSTRUMENTS:
            known = ", ".join(INSTRUMENTS)
            raise self.error(f"an instrument must be one of {known}; got {name!r}")
        self.assert_has_content()
        made = INSTRUMENTS[name]()
        words = nodes.container()
        self.state.nested_parse(self.content, self.content_offset, words)
        table = table_element(made.columns, made.rows)
        given = {"data_values": json.dumps(made.values)} if made.values else {}
        return [
            element(
                "div",
                element("p", f"Try it: {made.title}", class_="instrument-title"),
                *words.children,
                element("details", element("summary", "As a table"), table, open=""),
                class_="instrument",
                role="group",
                aria_label=made.title,
                data_instrument=name,
                **given,
            )
        ]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive."""
    app.setup_extension("element")
    app.add_directive("instrument", Instrument)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
