"""Decks have what a chapter shows, ask nothing of the network, and turn by keys."""

import pytest
from bs4 import BeautifulSoup

import notebooks
import slides

CHAPTERS = [
    path.relative_to(notebooks.BOOK).with_suffix("").as_posix()
    for path in notebooks.toc_notebooks()
]


def parsed(path):
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


@pytest.mark.parametrize("name", CHAPTERS)
def test_a_deck_has_every_figure_and_every_claim_of_the_chapter(site, name):
    page = parsed(site / f"{name}.html")
    deck = BeautifulSoup(slides.deck(site / f"{name}.html"), "html.parser")
    shown = [figure for figure in page.select("article figure") if figure.select_one("img")]
    assert len(deck.select("figure img")) == len(shown) > 0
    assert len(deck.select(".claims > li")) == len(page.select(".verdict-box li[data-verdict]"))
    headings = [one.text for one in deck.select("h2")]
    for wanted in ("You will learn", "Exercises", "Summary"):
        assert headings.count(wanted) == 1
    for image in deck.select("img"):
        assert image["src"].startswith("data:image/png;base64,")
        assert len(image["alt"].split()) >= 8
    assert not deck.select("a[href], link[href], iframe, [id]")
    assert [tag["src"] for tag in deck.select("script[src]")] == ["../mathjax/tex-mml-chtml.js"]


@pytest.mark.browser
def test_keys_turn_the_slides(browser, site, tmp_path):
    name = CHAPTERS[0]
    target = tmp_path / "part" / "deck.html"
    target.parent.mkdir()
    target.write_text(slides.deck(site / f"{name}.html"), encoding="utf-8")
    slides.copy_mathjax(tmp_path)
    page, fetched, problems = browser.new_page(), [], []
    page.on("request", lambda request: fetched.append(request.url))
    page.on("requestfailed", lambda request: problems.append(request.url))
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(target.as_uri())
    status = page.locator('[role="status"]')
    many = page.locator(".slide").count()
    assert many > 5
    for key, number in (("ArrowRight", 2), (" ", 3), ("ArrowLeft", 2), ("End", many), ("Home", 1)):
        page.keyboard.press(key)
        assert status.inner_text() == f"{number} of {many}"
        assert page.locator(".slide:visible").count() == 1
    page.wait_for_function("window.MathJax?.startup?.promise")
    page.evaluate("() => window.MathJax.startup.promise")
    assert len(fetched) > 1
    assert all(url.startswith(("file:", "data:")) for url in fetched)
    assert not problems
    page.close()


@pytest.mark.browser
def test_without_a_script_every_slide_is_there(browser, site, tmp_path):
    target = tmp_path / "deck.html"
    target.write_text(slides.deck(site / f"{CHAPTERS[0]}.html"), encoding="utf-8")
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(target.as_uri())
    assert page.locator(".slide:visible").count() == page.locator(".slide").count() > 5
    context.close()
