"""The front page says what the chapters it points to say."""

import re

import pytest
from bs4 import BeautifulSoup

from front_findings import find_claim
from notebooks import BOOK
from verdict_box import printed_verdicts

INTRO = (BOOK / "intro.md").read_text(encoding="utf-8")
LISTED = re.search(r"^:::\{findings\}\n(.*?)^:::$", INTRO, re.MULTILINE | re.DOTALL)


def test_a_claim_is_found_by_its_beginning():
    rows = [{"claim": "Top-K is fast."}, {"claim": "Top-K is exact."}, {"claim": "All is well."}]
    assert find_claim(rows, "All") is rows[2]
    for beginning, many in (("Top-K", 2), ("top-k", 0)):
        with pytest.raises(ValueError, match=f"{many} claims begin with '{beginning}'"):
            find_claim(rows, beginning)


def test_the_findings_are_those_of_the_chapters(site):
    page = BeautifulSoup((site / "intro.html").read_text(encoding="utf-8"), "html.parser")
    items = page.select("div.verdict-box > ul > li")
    lines = LISTED[1].splitlines()
    assert len(items) == len(lines) >= 10
    for item, line in zip(items, lines, strict=True):
        chapter, _, beginning = line.removeprefix("- ").partition(": ")
        row = find_claim(printed_verdicts(BOOK / f"{chapter}.ipynb"), beginning)
        assert item.strong.get_text() == row["verdict"]
        assert row["claim"] in re.sub(r"\s+", " ", item.get_text())
        assert item.a["href"] == f"{chapter}.html"
