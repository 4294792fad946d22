"""The search finds what a reader of this book asks for: terms, ratios, words with a hyphen."""

import doctest

import pytest
from bs4 import BeautifulSoup

import search_words

FOUND = """(query) => {
  const parsed = Search._parseQuery(query);
  return Search._performSearch(...parsed).map(([page]) => page);
}"""


def test_the_examples_are_true():
    result = doctest.testmod(search_words)
    assert result.attempted
    assert not result.failed


def test_words_of_a_text():
    assert search_words.words("N:M, pre-trained") == [
        "N:M",
        "N",
        "M",
        "pretrained",
        "pre",
        "trained",
    ]
    assert search_words.words("topk_mask") == ["topk_mask"]


@pytest.fixture
def find(visit):
    """What the page of the search does with a query: the pages found."""
    seen = visit("search")
    seen.page.wait_for_function("Search._index")

    def find(query: str) -> set[str]:
        return set(seen.page.evaluate(FOUND, query))

    return find


@pytest.mark.browser
def test_every_term_of_the_glossary_is_found(find, site):
    page = BeautifulSoup((site / "glossary.html").read_text(encoding="utf-8"), "html.parser")
    terms = [term.get_text().rstrip("#").strip() for term in page.select("dl.glossary dt")]
    assert len(terms) > 50
    assert not [term for term in terms if "glossary" not in find(term)]


@pytest.mark.browser
def test_ratios_are_words(find):
    for ratio, chapter in (("2:4", "01-two-to-four"), ("N:M", "01-two-to-four")):
        pages = find(ratio)
        assert f"5-fully-sparse-training/{chapter}" in pages
        assert len(pages) < len(find("mask")), "a ratio is on some pages, not on all"


@pytest.mark.browser
@pytest.mark.parametrize("joined", ["speedup", "nonzero", "topk"])
def test_a_hyphen_makes_no_difference(find, joined):
    apart = {"speedup": "speed-up", "nonzero": "non-zero", "topk": "top-k"}[joined]
    assert find(apart) == find(joined)
    assert len(find(joined)) > 1


@pytest.mark.browser
def test_a_compound_that_no_page_has_is_its_parts(find):
    assert find("quickselect-gradient") == find("quickselect gradient") != set()
