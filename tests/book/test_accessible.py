"""No page keeps out a reader with a screen reader, a keyboard, bad eyes or a small screen."""

import doctest
import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from docutils import nodes

import accessible
from notebooks import toc_files

# Each takes axe some seconds: the first chapter of every part, and a page of each other kind.
CHAPTERS = sorted(page for page in toc_files() if re.match(r"\d-.*/01-", page))
OTHERS = ("intro", "notation", "glossary", "syllabus", "data", "cli", "api-selectors")

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def test_the_examples_are_true():
    result = doctest.testmod(accessible)
    assert result.attempted >= 2
    assert not result.failed


def test_heads_over_several_columns_and_heads_that_say_it_already():
    body = accessible.mend(
        '<p><th></p><table><thead><tr><th colspan="2">a</th><th scope="col">b</th></tr></thead>'
        '<tbody><tr><th class="x">c</th><td>1</td></tr></tbody></table>'
    )
    assert body == (
        '<p><th></p><table><thead><tr><th scope="colgroup" colspan="2">a</th>'
        '<th scope="col">b</th></tr></thead>'
        '<tbody><tr><th scope="row" class="x">c</th><td>1</td></tr></tbody></table>'
    )


def test_contents_of_exercises_have_ids_of_their_own():
    document = nodes.container()
    for label in ("ex-one", "sol-one"):
        outside = nodes.container(ids=[label])
        outside += nodes.section(ids=[accessible.CONTENT[label.startswith("sol")]])
        document += outside
    document += nodes.section(ids=["the-idea"])
    accessible.number_contents(None, document)
    ids = [section["ids"] for section in document.findall(nodes.section)]
    assert ids == [["ex-one-content"], ["sol-one-content"], ["the-idea"]]


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
@pytest.mark.parametrize("name", [*CHAPTERS, *OTHERS])
def test_axe_finds_nothing_serious(visit, name, width, scheme):
    size = {"width": width, "height": 900}
    seen = visit(name, viewport=size, color_scheme=scheme, reduced_motion="reduce")
    seen.math_is_set()
    options = {"resultTypes": ["violations"], "runOnly": TAGS}
    found = Axe().run(seen.page, "article", options).response
    assert found["passes"]
    assert not [
        (violation["id"], node["target"])
        for violation in found["violations"]
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
    ]


SCROLLED = """() => [...document.querySelectorAll("article *")].filter((box) =>
  box.scrollWidth > box.clientWidth + 1 && box.clientWidth &&
  ["auto", "scroll"].includes(getComputedStyle(box).overflowX)
)"""


@pytest.mark.browser
@pytest.mark.parametrize("name", CHAPTERS)
def test_what_is_scrolled_is_scrolled_from_the_keyboard(visit, name):
    seen = visit(name, viewport={"width": 390, "height": 844})
    seen.math_is_set()
    boxes = seen.page.evaluate(f"({SCROLLED})().length")
    assert boxes
    reached = "(box) => box.tabIndex >= 0 || box.querySelector('a[href], button, [tabindex=\"0\"]')"
    seen.page.wait_for_function(f"() => ({SCROLLED})().every({reached})", timeout=20_000)
