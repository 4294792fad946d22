"""A page on paper: what is folded on the screen is open, and what is wide is wrapped."""

import re
import unicodedata

import pytest
from pypdf import PdfReader

pytestmark = pytest.mark.browser

# The code, the words and the cells of tables. What MathJax has set is no text, and a button of a
# form asks for nothing on paper.
PRINTED = """() => {
  const all = [...document.querySelectorAll("article :is(pre, p, li, td, th, dd)")];
  const words = all.filter((one) => !one.closest(".instrument-live, figcaption, summary"));
  const inside = "mjx-container, .math, p, li, dd, button, summary, .headerlink";
  return words.filter((one) => !one.querySelector(inside)).map((one) => one.textContent);
}"""


def squeezed(text: str) -> str:
    """Text without what lines, pages and fonts do to it."""
    return re.sub(r"\s", "", unicodedata.normalize("NFKC", text))


def printed(text: str, paper: str) -> bool:
    """Whether a text is on paper, where a page may end inside it."""
    ends = [0, *range(20, len(text) - 20)]
    return any(text[:end] in paper and text[end:] in paper for end in ends)


def test_a_printed_page_loses_nothing(visit, tmp_path):
    seen = visit("5-fully-sparse-training/05-ablation")
    seen.math_is_set()
    wanted = [squeezed(text) for text in seen.page.evaluate(PRINTED)]
    assert len(wanted) > 50
    for folded in ("details:not([open]) pre", "details:not([open]) dd", ".toggle-hidden pre"):
        assert seen.page.locator(f"article {folded}").count() > 2, folded
    target = tmp_path / "page.pdf"
    seen.page.pdf(path=target, format="A4")
    paper = squeezed("".join(page.extract_text() for page in PdfReader(target).pages))
    lost = [text for text in wanted if not printed(text, paper)]
    assert not lost
