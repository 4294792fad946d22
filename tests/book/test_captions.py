"""A table that a cell prints gets the caption of its cell, and a wrong number of them is told."""

import pytest
from docutils import nodes
from docutils.frontend import get_default_settings
from docutils.utils import new_document

from captions import CaptionTables, PrintedTable, inline


def output(html: str) -> nodes.container:
    form = nodes.container("", nodes.raw("", html, format="html"), mime_type="text/html")
    return nodes.container("", form, nb_element="mime_bundle")


def page(outputs, captions):
    document = new_document("page", get_default_settings())
    cell = nodes.container(
        "", *outputs, nb_element="cell_code", cell_index=3, cell_metadata={"tables": captions}
    )
    document += cell
    CaptionTables(document).apply()
    return document


def test_each_table_stands_below_its_caption():
    first, text, second = output("<table><tr></table>"), output("<p>a</p>"), output("<table id=1>")
    document = page([first, text, second], ["One $S$.", "Two."])
    tables = list(document.findall(PrintedTable))
    assert [table[0].astext() for table in tables] == ["One S.", "Two."]
    assert [table[1] for table in tables] == [first, second]
    assert [table["ids"] for table in tables] == [["table-1"], ["table-2"]]
    assert text.parent["nb_element"] == "cell_code"


@pytest.mark.parametrize("captions", [[], ["One.", "Two."]])
def test_another_number_of_captions_is_told(captions, caplog):
    page([output("<table>")], captions)
    assert f"cell 3 has {len(captions)} captions for 1 tables" in caplog.text


def test_mathematics_and_code_are_understood():
    kinds = [(type(node), node.astext()) for node in inline("$a$ and `b`, 5 $")]
    assert kinds == [
        (nodes.math, "a"),
        (nodes.Text, " and "),
        (nodes.literal, "b"),
        (nodes.Text, ", 5 $"),
    ]
