"""The box at the top of a chapter says what the chapter's own table of verdicts says."""

import re

import pandas as pd
import pytest
from bs4 import BeautifulSoup

from notebooks import BOOK, toc_notebooks
from swatlib.claims.foundations import why_train_sparsely
from swatlib.claims.show import findings, frame, verdicts
from swatlib.plotting.chapter import table
from verdict_box import COLUMNS, printed_verdicts, read_verdicts, summary

CHAPTERS = [path for path in toc_notebooks() if printed_verdicts(path)]


def test_a_table_of_verdicts_is_read_back():
    found = findings(why_train_sparsely.CLAIMS)
    rows = read_verdicts(verdicts(found).data)
    assert rows == frame(found.values()).to_dict("records")
    assert summary(rows) == "2 claims: 2 reproduced"


def test_a_claims_other_scales_stay_in_the_table():
    row = dict.fromkeys(COLUMNS, "x")
    shown = table(pd.DataFrame([row, row | {"claim": "", "verdict": "open"}, row]))
    assert read_verdicts(shown.data) == [row, row]


@pytest.mark.parametrize("html", ["", "<p>a</p>", "<table><tr><th>claim</th></tr></table>"])
def test_another_table_has_no_verdicts(html):
    assert read_verdicts(html) == []


def test_nearly_every_chapter_has_a_box():
    assert len(CHAPTERS) > 20


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_the_box_says_what_the_table_says_and_leads_to_the_asserts(site, path):
    name = path.relative_to(BOOK).with_suffix(".html")
    page = BeautifulSoup((site / name).read_text(encoding="utf-8"), "html.parser")
    boxes = page.select("aside.verdict-box")
    rows = printed_verdicts(path)
    assert len(boxes) == 1
    items = boxes[0].select("ul > li")
    assert len(items) == len(rows)
    for item, row in zip(items, rows, strict=True):
        said = re.sub(r"\s+", " ", item.get_text(" "))
        assert item.select_one(".verdict").get_text() == row["verdict"]
        for column in ("claim", "ours", "the paper", "stands on"):
            assert re.sub(r"\s+", " ", row[column]) in said, column
    link = boxes[0].select_one("a[href^='#']")
    target = page.find(id=link["href"].removeprefix("#"))
    assert re.search(r"^\s*assert\b", target.get_text(), re.MULTILINE)
    opening = page.select_one("article section > h1").parent
    assert boxes[0].parent is opening
    assert not boxes[0].find_previous_siblings("section")
